"""Evidence in a sum that is nearly normal: a mixture over how large the effect is.

The process exp(λ·S - λ²·V/2) of a sum S with variance V is averaged over λ, normal with variance 1/τ. Over λ > 0 alone
it speaks for one direction: ln E = ln 2 + ½·ln(τ/(V+τ)) + S²/(2(V+τ)) + ln Φ(S/√(V+τ)); over all λ for either. A mean
of such processes for several τ serves small effects and large ones alike.

Source: I. Waudby-Smith, D. Arbour, R. Sinha, E. H. Kennedy, A. Ramdas, "Time-uniform central limit theory and
asymptotic confidence sequences", arXiv:2103.06476; the mixture goes back to H. Robbins, "Statistical methods related
to the law of the iterated logarithm", Ann. Math. Statist. 41 (1970) 1397-1409.
"""

import math

import numpy as np
from scipy.special import log_ndtr

from modelrollout.stats.comparison import Floats

SPREADS = np.array([0.02, 0.1, 0.5])
"""Standard deviations of the effects that are looked for, in standard deviations of one unit's value."""

_LOG_WEIGHTS = np.log([0.25, 0.5, 0.25])


def log_one_sided(score: Floats, variance: Floats, scale: Floats) -> Floats:
    """Log evidence that the sum drifts upwards.

    Args:
        score: the sum S, with expectation at most 0 under the null.
        variance: V, an estimate of the variance of S, at least 0.
        scale: variance of one unit's value, fixed before; above 0.

    Returns:
        The log evidence, of the arguments' shape.
    """
    return _mixed(score, variance, scale, one_sided=True)


def log_two_sided(score: Floats, variance: Floats, scale: Floats) -> Floats:
    """Log evidence that the sum drifts at all; arguments as for `log_one_sided`."""
    return _mixed(score, variance, scale, one_sided=False)


def _mixed(score: Floats, variance: Floats, scale: Floats, *, one_sided: bool) -> Floats:
    parts = []
    for spread, log_weight in zip(SPREADS, _LOG_WEIGHTS, strict=True):
        prior = scale / spread**2
        total = variance + prior
        part = log_weight + 0.5 * np.log(prior / total) + score * score / (2 * total)
        parts.append(part + math.log(2) + log_ndtr(score / np.sqrt(total)) if one_sided else part)
    result: Floats = np.logaddexp.reduce(parts, axis=0)
    return result
