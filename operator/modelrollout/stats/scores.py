"""What a stratum says about a limit on a mean or a ratio of sums, whatever the limit's value is.

A unit (a request, or a user) has a value y and a size x; the metric is Σy/Σx, a plain mean where every x is 1. A limit
t turns stable's units into what they would be at the limit: t·y for a ratio, y + t·x for a difference. If candidate and
turned stable have the same metric, then with the metric of both together, R = (Σ_c y + Σ_s y')/(Σ_c x + Σ_s x), the
*score* T = Σ_c (y - R·x) has expectation 0 (for x = 1 exactly; else up to a term of the order of 1/units that cancels
between the sides), and T = w·(metric of candidate - metric of turned stable) with the Mantel-Haenszel weight
w = X_c·X_s/(X_c+X_s). Its variance is that of the residuals y - R·x: the delta method, with the null in its place.

R and the residuals are linear in t, so the score is a polynomial of degree 1 and its variance one of degree 2. Sums of
the coefficients answer for every limit at once, which gives the confidence sequence.

Sources: A. Deng, U. Knoblich, J. Lu, "Applying the delta method in metric analytics: a practical guide with novel
ideas", KDD 2018, arXiv:1803.06336; N. Mantel, W. Haenszel, J. Natl. Cancer Inst. 22 (1959) 719-748.
"""

from typing import NamedTuple

import numpy as np

from modelrollout.stats.comparison import Floats
from modelrollout.stats.two_by_two import Kind

_ROUNDING = 1e-6  # counters hold sums over days, and a stratum is the difference of two
_LEAST = 1e-10  # least variance of a value in its squares: below it nothing can be told from rounding


class Moments(NamedTuple):
    """Sums over the units of one side in a stratum, each of shape (N,); all 0 where there is no evidence."""

    y: Floats
    units: Floats
    yy: Floats
    x: Floats
    xx: Floats
    xy: Floats


class Scores(NamedTuple):
    """A stratum's contribution, as coefficients of powers of the limit t.

    Attributes:
        score: T, more than 0 speaking for a candidate above the limit, shape (2, N).
        own: variance of T from each side's own residuals, shape (3, N).
        pooled: the same from the residuals of both sides together, shape (3, N).
        units: how many units of each side the stratum is worth, shape (N,).
    """

    score: Floats
    own: Floats
    pooled: Floats
    units: Floats


def two_samples(candidate: Moments, stable: Moments, *, kind: Kind) -> Scores:
    """The scores of a stratum with units on both sides."""
    c, s = candidate, stable
    # stable's unit at the limit is still + t·moved
    nothing = np.zeros_like(s.y)
    if kind == "ratio":
        still, moved = nothing, s.y
        still_still, still_moved, moved_moved = nothing, nothing, s.yy
        still_x, moved_x = nothing, s.xy
    else:
        still, moved = s.y, s.x
        still_still, still_moved, moved_moved = s.yy, s.xy, s.xx
        still_x, moved_x = s.xy, s.xx
    x = c.x + s.x
    per_x = 1 / np.where(x > 0, x, 1.0)
    both = c.units + s.units
    per_unit = 1 / np.maximum(both, 1.0)
    r0, r1 = (c.y + still) * per_x, moved * per_x
    squares_c = np.stack(
        [
            (1 + _LEAST) * c.yy - 2 * r0 * c.xy + r0 * r0 * c.xx,
            2 * r1 * (r0 * c.xx - c.xy),
            r1 * r1 * c.xx,
        ]
    )
    squares_s = np.stack(
        [
            (1 + _LEAST) * still_still - 2 * r0 * still_x + r0 * r0 * s.xx,
            2 * (still_moved - r1 * still_x - r0 * moved_x + r0 * r1 * s.xx),
            (1 + _LEAST) * moved_moved - 2 * r1 * moved_x + r1 * r1 * s.xx,
        ]
    )
    weight_c, weight_s = (s.x * per_x) ** 2, (c.x * per_x) ** 2
    units = weight_c * c.units + weight_s * s.units
    freedom = both / np.maximum(both - 1, 1.0)
    return Scores(
        np.stack([(c.y * s.x - still * c.x) * per_x, -moved * c.x * per_x]),
        freedom * (weight_c * squares_c + weight_s * squares_s),
        freedom * units * per_unit * (squares_c + squares_s),
        units,
    )


def one_sample(total: Floats, count: Floats, squares: Floats) -> Scores:
    """The scores of paired differences: sum, number of pairs and sum of squares, against a difference."""
    own = np.stack([(1 + _LEAST) * squares, -2 * total, count])
    return Scores(np.stack([total, -count]), own, np.zeros_like(own), count)


def at(coefficients: Floats, limit: Floats | float) -> Floats:
    """A polynomial's value: coefficients (2, N) or (3, N) and limits (N,) or (..., N) to the limits' shape."""
    result: Floats = coefficients[0] + coefficients[1] * limit
    if len(coefficients) > 2:
        result = result + coefficients[2] * np.square(limit)
    return result


def possible_squares(total: Floats, count: Floats, squares: Floats) -> Floats:
    """Sums of squares, raised to the least that sums and counts leave where only rounding brought them below it.

    Raises:
        ValueError: a sum of squares that no values with this sum can have.
    """
    least = total * total / np.maximum(count, 1.0)
    if (squares < least * (1 - _ROUNDING)).any():
        raise ValueError("the sum of squares is too small for its sum and count: all must be of the same values")
    result: Floats = np.maximum(squares, least)
    return result
