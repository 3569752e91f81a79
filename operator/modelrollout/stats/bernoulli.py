"""Evidence on one version's rate against a fixed limit: a mixture of likelihood ratios."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def log_evidence(bad: Floats, total: Floats, limit: float, rates: Floats) -> Floats:
    """Log likelihood ratio of each alternative rate against a limit.

    Each component has expectation at most 1 for every rate on the other side of the limit, also where the rate
    changes inside a stratum (the likelihood ratio is linear in the rate; the rest is the inequality of the means).

    Args:
        bad: bad answers, shape (N,).
        total: all answers, shape (N,).
        limit: the limit, strictly between 0 and 1.
        rates: alternatives, strictly between 0 and 1, all above the limit or all below it, shape (J,).

    Returns:
        Shape (J, N).

    Source: A. Wald, "Sequential tests of statistical hypotheses", Ann. Math. Statist. 16 (1945) 117-186.
    """
    gain: Floats = np.log(rates / limit)[:, None] * bad
    gain += np.log((1 - rates) / (1 - limit))[:, None] * (total - bad)
    return gain


def shifted(limit: float, odds_factors: Floats) -> Floats:
    """Rates whose odds are the limit's times a factor, shape of the factors."""
    odds = limit / (1 - limit) * odds_factors
    rates: Floats = odds / (1 + odds)
    return rates
