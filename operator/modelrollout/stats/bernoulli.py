"""One version's rate by itself: evidence against a fixed limit, and its confidence sequence."""

import math

import numpy as np
from scipy.special import betaln

from modelrollout.stats.comparison import Floats


def slopes(limit: float, odds_factors: Floats) -> Floats:
    """What each answer adds to the log likelihood ratio of alternative rates against a limit.

    ``slopes @ [bad, good]`` is the log evidence of a stratum. Each component has expectation at most 1 for every rate
    on the other side of the limit, also where the rate changes inside a stratum (the likelihood ratio is linear in
    the rate; the rest is the inequality of the means).

    Args:
        limit: the limit, strictly between 0 and 1.
        odds_factors: the alternatives' odds over the limit's, all above 1 or all below, shape (J,).

    Returns:
        Shape (J, 2): of a bad answer, of a good one.

    Source: A. Wald, "Sequential tests of statistical hypotheses", Ann. Math. Statist. 16 (1945) 117-186.
    """
    good = -np.log1p(limit * (odds_factors - 1))  # log of (1 - rate) / (1 - limit)
    return np.stack([np.log(odds_factors) + good, good], axis=1)


def share_bounds(
    events: Floats, total: Floats, level: float, dispersion: float = 1.0, prior: float = 0.5
) -> tuple[Floats, Floats]:
    """Confidence sequence of a rate, shape (N,) each; 0 and 1 without data.

    All rates that the mixture of all others, under a beta prior, does not reject at any time.

    Args:
        events: so far, shape (N,); they need not be whole.
        total: all answers so far, shape (N,).
        level: of the confidence sequence, strictly between 0 and 1.
        dispersion: what log evidence is divided by.
        prior: both parameters of the beta prior: a half is Jeffreys', 1 is flat.

    Source: H. Robbins, "Statistical methods related to the law of the iterated logarithm", Ann. Math. Statist. 41
    (1970) 1397-1409, section 3 (the beta mixture).
    """
    others = total - events
    mixture = betaln(events + prior, others + prior) - betaln(prior, prior) + dispersion * math.log(1 - level)
    ends = []
    for outside in (0.0, 1.0):  # halving between an end that is rejected, or the edge, and the estimate, which is not
        inner, outer = (events + prior) / (total + 2 * prior), np.full(len(total), outside)
        for _ in range(40):
            rate = (inner + outer) / 2
            kept = events * np.log(rate) + others * np.log1p(-rate) > mixture
            inner, outer = np.where(kept, rate, inner), np.where(kept, outer, rate)
        ends.append(outer)
    return ends[0], ends[1]
