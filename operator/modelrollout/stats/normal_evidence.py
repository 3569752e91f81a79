"""E-processes on scores whose variance is estimated from the data themselves."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from modelrollout.stats import gaussian, restarts, scores
from modelrollout.stats.comparison import Floats
from modelrollout.stats.scores import Scores

_GRID = np.geomspace(0.5, 5000.0, 40)  # first guesses for the ends of an interval, in standard errors
_FINER = np.linspace(0.0, 1.0, 25)
_ROUNDS = 3


class NormalEvidence:
    """Sums of scores and of their variances since the start, and for every process against failing since its own.

    The variance is the larger of two sums: each side's own squares, and the squares of both sides together. With the
    own squares alone, a candidate that has not yet had any of a heavy tail's large values would seem both better and
    surer than it is; with the pooled ones alone, a single large value would seem sure. (With a third of the own squares
    and two thirds of the true variance the normal bound is exact for any distribution: B. Delyon, "Exponential
    inequalities for sums of weakly dependent variables", Electron. J. Probab. 14 (2009) 752-779; the larger of both is
    at least that.) Squares are taken around the null, so that what a large effect adds to them can only lower evidence.

    Nothing is said before a process has seen some units; then the scale is fixed, too. To say that the candidate is
    smaller takes more of them than to say that it is larger: the rare large values that most quantities have (slow
    answers, big orders) may not have come up yet, and no variance can show that. Before they do, only numbers help.
    """

    def __init__(
        self,
        size: int,
        processes: int,
        *,
        limits: tuple[float, float],
        sign: float,
        burn_in: tuple[float, float],
        dispersion: float,
    ) -> None:
        """Begin without data.

        Args:
            size: how many comparisons, N.
            processes: how many against failing, R.
            limits: the acceptable limit and the margin, as values of t (see `scores`).
            sign: 1 where a candidate above the limit is worse, -1 where it is better.
            burn_in: how many units of each side must have been seen to say that the candidate is larger, and smaller.
            dispersion: factor on every variance.
        """
        self.dispersion = dispersion
        self._acceptable, self._margin = limits
        self._sign = sign
        self._enough = {1.0: burn_in[0], -1.0: burn_in[1]}  # by the direction of the evidence
        self._score = np.zeros((2, size))
        self._own = np.zeros((3, size))
        self._pooled = np.zeros((3, size))
        self._units = np.zeros(size)
        self._scale = np.zeros(size)  # 0: not yet known
        self._processes = np.zeros((processes, 4, size))  # score, own and pooled variance, units

    def add(self, stratum: Scores, passed: NDArray[np.bool_]) -> None:
        """Take in a stratum; where a comparison has passed, its processes are against the margin."""
        own, pooled = stratum.own * self.dispersion, stratum.pooled * self.dispersion
        limit = np.where(passed, self._margin, self._acceptable)
        values = [scores.at(stratum.score, limit), scores.at(own, limit), scores.at(pooled, limit), stratum.units]
        self._processes = self._processes + np.stack(values)
        self._score = self._score + stratum.score
        self._own = self._own + own
        self._pooled = self._pooled + pooled
        self._units = self._units + stratum.units
        ready = (self._scale == 0) & (self._units >= min(self._enough.values()))
        if ready.any():
            variance = self._variance_at(self._acceptable)
            variance = np.where(variance > 0, variance, self._variance_at(self._margin))
            self._scale = np.where(ready, variance / np.maximum(self._units, 1.0), self._scale)

    def _variance_at(self, limit: Floats | float) -> Floats:
        result: Floats = np.maximum(scores.at(self._own, limit), scores.at(self._pooled, limit))
        return result

    def log_fail(self) -> Floats:
        """As `Evidence` says."""
        score, own, pooled, units = self._processes.transpose(1, 0, 2)
        return self._one_sided(self._sign, score, np.maximum(own, pooled), units)

    def log_pass(self) -> Floats:
        """As `Evidence` says."""
        score, variance = scores.at(self._score, self._margin), self._variance_at(self._margin)
        return self._one_sided(-self._sign, score, variance, self._units)

    def _one_sided(self, direction: float, score: Floats, variance: Floats, units: Floats) -> Floats:
        known = (self._scale > 0) & (units >= self._enough[direction])
        evidence = gaussian.log_one_sided(direction * score, variance, np.where(self._scale > 0, self._scale, 1.0))
        return np.where(known, evidence, 0.0)

    def bounds(self, level: float) -> tuple[Floats, Floats]:
        """All limits that the two-sided evidence does not reject at any time, their ends, shape (N,) each.

        Infinite where no limit can be rejected on that side.
        """
        centre = -self._score[0] / np.where(self._score[1] < 0, self._score[1], -1.0)
        with np.errstate(divide="ignore", invalid="ignore"):
            error = np.sqrt(self._variance_at(centre)) / np.abs(self._score[1])
        known = (self._scale > 0) & (self._score[1] < 0) & (error > 0)
        error = np.where(known, error, 1.0)
        low, high = (self._end(centre, side * error, -np.log1p(-level)) for side in (-1.0, 1.0))
        low = np.where(known & (self._units >= self._enough[1.0]), low, -np.inf)
        return low, np.where(known & (self._units >= self._enough[-1.0]), high, np.inf)

    def _end(self, centre: Floats, step: Floats, threshold: float) -> Floats:
        inner, outer = np.zeros_like(centre), np.zeros_like(centre)
        steps = np.repeat(_GRID[:, None], len(centre), axis=1)
        for _ in range(_ROUNDS):  # the evidence grows outwards: find the first rejected step, then look closer
            limits = centre + steps * step
            variance = self._variance_at(limits)
            scale = np.where(self._scale > 0, self._scale, 1.0)
            rejected = gaussian.log_two_sided(scores.at(self._score, limits), variance, scale) >= threshold
            first = np.argmax(rejected, axis=0)
            never = ~rejected.any(axis=0)
            columns = np.arange(len(centre))
            outer = np.where(never, np.inf, steps[first, columns])
            inner = np.where(first > 0, steps[np.maximum(first - 1, 0), columns], inner)
            steps = inner + (np.where(never, inner, outer) - inner) * _FINER[:, None]
            if never.all():
                break
        return centre + outer * step

    def begin_anew(self, where: NDArray[np.bool_]) -> None:
        """As `Evidence` says."""
        self._processes = np.where(where, 0.0, self._processes)

    def restart(self) -> None:
        """As `Evidence` says."""
        self._processes = restarts.with_restart(self._processes)

    def raise_dispersion(self, dispersion: float) -> None:
        """As `Evidence` says; all becomes what it had been with this dispersion from the start."""
        factor = dispersion / self.dispersion
        self.dispersion = dispersion
        self._own, self._pooled, self._scale = self._own * factor, self._pooled * factor, self._scale * factor
        self._processes = self._processes * np.array([1.0, factor, factor, 1.0])[:, None]

    def arrays(self) -> list[NDArray[Any]]:
        """As `Evidence` says."""
        return [self._score, self._own, self._pooled, self._units, self._scale, self._processes]

    def restore(self, arrays: list[NDArray[Any]]) -> None:
        """As `Evidence` says."""
        self._score, self._own, self._pooled, self._units, self._scale, self._processes = arrays
