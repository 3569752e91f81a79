"""Evidence on one version's rate against a fixed limit: a mixture of likelihood ratios."""

import numpy as np

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
