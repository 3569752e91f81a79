"""How much better or worse: stratified estimates of ratio and difference with confidence sequences."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from modelrollout.stats.comparison import Floats

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

SUMS = 7  # bad and total of both sides, weighted bad of both sides, weight


def odds_ratio_bounds(likelihood: NDArray[np.floating[Any]], level: float) -> tuple[Floats, Floats]:
    """Confidence sequence of an odds ratio (or a ratio of rates), shape (N,) each.

    All odds ratios that a mixture over all others does not reject at any time, the prior on the log odds ratio having
    Cauchy tails. 0 and infinity mean "no bound yet".

    Args:
        likelihood: conditional log-likelihood at `NODES`, up to a constant, shape (25, N).
        level: of confidence, between 0 and 1.
    """
    curve = _SPLINE @ likelihood.astype(np.float64)
    weighted = curve + _LOG_PRIOR[:, None]
    top = weighted.max(axis=0)
    evidence = np.log(np.exp(weighted - top).sum(axis=0)) + top
    kept = evidence - curve < np.log(1 / (1 - level))
    first = np.argmax(kept, axis=0)
    last = len(_FINE) - 1 - np.argmax(kept[::-1], axis=0)
    # one grid step outwards: the true end lies between the last kept and the first dropped point
    low = np.where(first == 0, 0.0, np.exp(_FINE[np.maximum(first - 1, 0)]))
    return low, np.where(last == len(_FINE) - 1, np.inf, np.exp(_FINE[np.minimum(last + 1, len(_FINE) - 1)]))


class Effects:
    """Accumulated over the strata of N comparisons.

    Attributes:
        sums: since the start, shape (7, N): bad and total of the candidate, bad and total of stable, Mantel-Haenszel
            weighted bad answers of the candidate (Σ b·n/(m+n)) and of stable (Σ a·m/(m+n)), Σ m·n/(m+n).
        at_step: the same sums when the step began.
        variance: of the difference of the two weighted sums, shape (N,).
        likelihood: conditional log-likelihood at `NODES` relative to equality, over the dispersion, shape (25, N).
    """

    __slots__ = ("at_step", "likelihood", "sums", "variance")

    def __init__(self, size: int) -> None:
        self.sums = np.zeros((SUMS, size))
        self.at_step = np.zeros((SUMS, size))
        self.variance = np.zeros(size)
        self.likelihood = np.zeros((len(NODES), size), dtype=np.float32)

    def add(self, counts: Floats, likelihood: Floats, dispersion: float) -> None:
        """Take in a stratum: bad and total of both sides (4, N), conditional log-likelihood at `NODES` (N, 25)."""
        b, m, a, n = counts
        sums = self.sums
        weight_c = n / np.maximum(m + n, 1.0)
        weight = m * weight_c
        sums[:4] += counts
        sums[4] += b * weight_c
        sums[5] += a * (1 - weight_c)
        sums[6] += weight
        rate_c, rate_s = (sums[0:3:2] + 1) / (sums[1:4:2] + 2)
        spread = weight_c * rate_c * (1 - rate_c) + (1 - weight_c) * rate_s * (1 - rate_s)
        self.variance += dispersion * weight * spread
        relative = (likelihood - likelihood[:, len(NODES) // 2, None]).T
        self.likelihood = (self.likelihood + relative / dispersion).astype(np.float32)

    def begin_step(self) -> None:
        """Remember where the step began."""
        self.at_step = self.sums.copy()

    def raise_dispersion(self, old: float, new: float) -> None:
        """Widen what the past strata say to a larger dispersion."""
        self.variance = self.variance * (new / old)
        self.likelihood = (self.likelihood * (old / new)).astype(np.float32)

    def ratio_estimate(self, sums: Floats) -> Floats:
        """Mantel-Haenszel ratio of the rates; NaN without a bad answer on either side."""
        with np.errstate(divide="ignore", invalid="ignore"):
            result: Floats = sums[4] / sums[5]
        return result

    def difference_estimate(self, sums: Floats) -> Floats:
        """Mantel-Haenszel difference of the rates; NaN without data."""
        with np.errstate(divide="ignore", invalid="ignore"):
            result: Floats = (sums[4] - sums[5]) / sums[6]
        return result

    def ratio_bounds(self, level: float) -> tuple[Floats, Floats]:
        """Confidence sequence of the ratio, shape (N,) each.

        The odds ratios that are not rejected at any time, turned into ratios of rates at stable's observed rate. 0 and
        infinity mean "no bound yet".
        """
        low, high = odds_ratio_bounds(self.likelihood, level)
        rate_s = (self.sums[2] + 0.5) / (self.sums[3] + 1)
        finite = np.where(np.isinf(high), 1.0, high)
        high_ratio = finite / (1 - rate_s + rate_s * finite)
        return low / (1 - rate_s + rate_s * low), np.where(np.isinf(high), np.inf, high_ratio)

    def difference_bounds(self, level: float) -> tuple[Floats, Floats]:
        """Confidence sequence of the difference, shape (N,) each; asymptotic, with a smoothed variance.

        Source: I. Waudby-Smith, D. Arbour, R. Sinha, E. H. Kennedy, A. Ramdas, "Time-uniform central limit theory and
        asymptotic confidence sequences", arXiv:2103.06476 (the normal mixture boundary).
        """
        estimate = self.difference_estimate(self.sums)
        v = self.variance + _SCALE
        with np.errstate(divide="ignore"):
            radius = np.sqrt(v * np.log(v / _SCALE / (1 - level) ** 2)) / self.sums[6]
        centre = np.where(self.sums[6] > 0, estimate, 0.0)
        return np.maximum(-1.0, centre - radius), np.minimum(1.0, centre + radius)
