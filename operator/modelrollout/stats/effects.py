"""How much better or worse: stratified estimates of ratio and difference with confidence sequences."""

from collections.abc import Collection
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modelrollout.stats.comparison import Floats
from modelrollout.stats.two_by_two import Kind

_REACH = 3.4  # log odds ratios from 1/30 to 30
NODES = _REACH * np.sinh(2 * np.linspace(-1, 1, 25)) / np.sinh(2)  # denser around equality
_FINE = np.linspace(-_REACH, _REACH, 681)
_LOG_PRIOR = -np.log1p((_FINE / 0.7) ** 2) - np.log(np.sum(1 / (1 + (_FINE / 0.7) ** 2)))


def _spline(nodes: Floats, points: Floats) -> Floats:
    """Matrix (one row a point) that takes values at the nodes to the not-a-knot cubic spline's values at the points.

    Source: C. de Boor, "A Practical Guide to Splines", chapter IV, with the second derivatives as unknowns. The spline
    is linear in the values and the grid never changes, so one product does what scipy.interpolate solves anew each
    time; importing that would take 28 MiB.
    """
    steps, unit = np.diff(nodes), np.eye(len(nodes))
    before, after, inner = steps[:-1], steps[1:], np.arange(1, len(nodes) - 1)
    system, known = np.zeros_like(unit), np.zeros_like(unit)
    system[inner, inner - 1], system[inner, inner], system[inner, inner + 1] = before, 2 * (before + after), after
    known[inner] = 6 * np.diff(np.diff(unit, axis=0) / steps[:, None], axis=0)
    # Not a knot: the third derivative goes on unchanged through the second node and the last but one.
    system[0, :3] = steps[1], -steps[0] - steps[1], steps[0]
    system[-1, -3:] = steps[-1], -steps[-2] - steps[-1], steps[-2]
    bend = np.linalg.solve(system, known)
    cell = np.clip(np.searchsorted(nodes, points, side="right") - 1, 0, len(steps) - 1)
    step = steps[cell][:, None]
    right = (points - nodes[cell])[:, None] / step
    left = 1 - right
    straight = left * unit[cell] + right * unit[cell + 1]
    bent: Floats = straight + ((left**3 - left) * bend[cell] + (right**3 - right) * bend[cell + 1]) * step**2 / 6
    return bent


_SPLINE = _spline(NODES, _FINE)
_SCALE = 4.0  # in events; about where the confidence sequence of the difference is tightest

SUMS = 7
"""How many sums `stratum_sums` gives."""


class RatioCurve:
    """Log-likelihood of an odds ratio (or a ratio of rates) over the strata of N comparisons, on the grid `NODES`.

    Attributes:
        likelihood: up to a constant, over the dispersion, shape (25, N).
    """

    __slots__ = ("likelihood",)

    def __init__(self, size: int) -> None:
        self.likelihood = np.zeros((len(NODES), size), dtype=np.float32)

    def add(self, likelihood: Floats, dispersion: float) -> None:
        """Take in a stratum's log-likelihood relative to equality, shape (25, N)."""
        self.likelihood = (self.likelihood + likelihood / dispersion).astype(np.float32)

    def raise_dispersion(self, old: float, new: float) -> None:
        """Flatten what the past strata say to a larger dispersion."""
        self.likelihood = (self.likelihood * (old / new)).astype(np.float32)

    def bounds(self, level: float) -> tuple[Floats, Floats]:
        """Confidence sequence of the ratio, shape (N,) each.

        All ratios that a mixture over all others does not reject at any time, the prior on the log ratio having Cauchy
        tails. 0 and infinity mean "no bound yet".

        Args:
            level: of confidence, between 0 and 1.
        """
        curve = _SPLINE @ self.likelihood.astype(np.float64)
        weighted = curve + _LOG_PRIOR[:, None]
        top = weighted.max(axis=0)
        evidence = np.log(np.exp(weighted - top).sum(axis=0)) + top
        kept = evidence - curve < np.log(1 / (1 - level))
        first = np.argmax(kept, axis=0)
        last = len(_FINE) - 1 - np.argmax(kept[::-1], axis=0)
        # one grid step outwards: the true end lies between the last kept and the first dropped point
        low = np.where(first == 0, 0.0, np.exp(_FINE[np.maximum(first - 1, 0)]))
        return low, np.where(last == len(_FINE) - 1, np.inf, np.exp(_FINE[np.minimum(last + 1, len(_FINE) - 1)]))


def stratum_sums(counts: Floats) -> Floats:
    """What a stratum adds to the sums that ratio and difference of two shares are told from.

    Args:
        counts: bad and total of the candidate, bad and total of stable, shape (4, N).

    Returns:
        Shape (7, N): the counts, Mantel-Haenszel weighted bad answers of the candidate (b·n/(m+n)) and of stable
        (a·m/(m+n)), and m·n/(m+n).
    """
    b, m, a, n = counts
    weight_c = n / np.maximum(m + n, 1.0)
    sums = np.empty((SUMS, counts.shape[1]))
    sums[:4], sums[4], sums[5], sums[6] = counts, b * weight_c, a * (1 - weight_c), m * weight_c
    return sums


def ratio_estimate(sums: Floats) -> Floats:
    """Mantel-Haenszel ratio of the rates; NaN without a bad answer on either side."""
    with np.errstate(divide="ignore", invalid="ignore"):
        result: Floats = sums[4] / sums[5]
    return result


def difference_estimate(sums: Floats) -> Floats:
    """Mantel-Haenszel difference of the rates; NaN without data."""
    with np.errstate(divide="ignore", invalid="ignore"):
        result: Floats = (sums[4] - sums[5]) / sums[6]
    return result


def difference_bounds(
    total: Floats, weight: Floats, variance: Floats, *, scale: float, level: float
) -> tuple[Floats, Floats]:
    """Confidence sequence of a difference of shares, shape (N,) each; -1 and 1 without data; asymptotic.

    Args:
        total: sum over the strata of weighted differences, shape (N,).
        weight: sum of the weights, shape (N,).
        variance: of `total`, shape (N,).
        scale: what is added to the variance; the bounds are tightest where that is about as large.
        level: of confidence, between 0 and 1.

    Source: I. Waudby-Smith, D. Arbour, R. Sinha, E. H. Kennedy, A. Ramdas, "Time-uniform central limit theory and
    asymptotic confidence sequences", arXiv:2103.06476 (the normal mixture boundary).
    """
    v = variance + scale
    with np.errstate(divide="ignore", invalid="ignore"):
        radius = np.sqrt(v * np.log(v / scale / (1 - level) ** 2)) / weight
        centre = np.where(weight > 0, total / weight, 0.0)
    return np.maximum(-1.0, centre - radius), np.minimum(1.0, centre + radius)


class Effects:
    """What the confidence sequences of ratio and difference need beside the sums, over the strata of N comparisons.

    For a ratio that is the conditional log-likelihood of the odds ratio, for a difference the variance of the
    difference of the two weighted sums; only what is asked for is kept.
    """

    __slots__ = ("_curve", "_variance")

    def __init__(self, size: int, kinds: Collection[Kind]) -> None:
        """Begin without data.

        Args:
            size: how many comparisons, N.
            kinds: which of both confidence sequences will be wanted.
        """
        self._curve = RatioCurve(size) if "ratio" in kinds else None
        self._variance = np.zeros(size) if "difference" in kinds else None

    def add(self, counts: Floats, before: Floats, likelihood: Floats, dispersion: float) -> None:
        """Take in a stratum.

        Args:
            counts: bad and total of both sides, shape (4, N).
            before: the sums of the strata before, shape (7, N).
            likelihood: conditional log-likelihood at `NODES`, shape (N, 25).
            dispersion: by how much more the counts vary than independent answers would.
        """
        if self._curve is not None:
            self._curve.add((likelihood - likelihood[:, len(NODES) // 2, None]).T, dispersion)
        if self._variance is None:
            return
        m, n = counts[1::2]
        weight_c = n / np.maximum(m + n, 1.0)
        so_far = before[:4] + counts
        rate_c, rate_s = (so_far[0::2] + 1) / (so_far[1::2] + 2)
        spread = weight_c * rate_c * (1 - rate_c) + (1 - weight_c) * rate_s * (1 - rate_s)
        self._variance += dispersion * m * weight_c * spread

    def raise_dispersion(self, old: float, new: float) -> None:
        """Widen what the past strata say to a larger dispersion."""
        if self._variance is not None:
            self._variance = self._variance * (new / old)
        if self._curve is not None:
            self._curve.raise_dispersion(old, new)

    def ratio_bounds(self, sums: Floats, level: float) -> tuple[Floats, Floats]:
        """Confidence sequence of the ratio, shape (N,) each.

        The odds ratios that are not rejected at any time, turned into ratios of rates at stable's observed rate. 0 and
        infinity mean "no bound yet".

        Raises:
            ValueError: no ratio was asked for.
        """
        if self._curve is None:
            raise ValueError("the confidence sequence of the ratio is not kept")
        low, high = self._curve.bounds(level)
        rate_s = (sums[2] + 0.5) / (sums[3] + 1)
        finite = np.where(np.isinf(high), 1.0, high)
        high_ratio = finite / (1 - rate_s + rate_s * finite)
        return low / (1 - rate_s + rate_s * low), np.where(np.isinf(high), np.inf, high_ratio)

    def difference_bounds(self, sums: Floats, level: float) -> tuple[Floats, Floats]:
        """Confidence sequence of the difference, shape (N,) each (see the function of this name).

        Raises:
            ValueError: no difference was asked for.
        """
        if self._variance is None:
            raise ValueError("the confidence sequence of the difference is not kept")
        return difference_bounds(sums[4] - sums[5], sums[6], self._variance, scale=_SCALE, level=level)

    def arrays(self) -> list[NDArray[Any]]:
        """All that is kept, in single or double precision."""
        curve = [] if self._curve is None else [self._curve.likelihood]
        return [*curve, *([] if self._variance is None else [self._variance])]

    def restore(self, arrays: list[NDArray[Any]]) -> None:
        """Take over what `arrays` gave."""
        if self._curve is not None:
            self._curve.likelihood = arrays[0]
        if self._variance is not None:
            self._variance = arrays[-1]
