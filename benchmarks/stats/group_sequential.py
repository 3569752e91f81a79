"""A group-sequential test: ten planned looks, O'Brien-Fleming boundaries by Lan-DeMets spending."""

import math
from functools import lru_cache

import numpy as np
from scipy.special import ndtr, ndtri

from benchmarks.stats.oracle import ALPHA, BETA
from benchmarks.stats.pooled import sample_size, z_worse
from benchmarks.stats.streams import Decisions, Design, Floats, Stream, cumulated, first_true

LOOKS = 10
_POINTS = 501
_REACH = 9.0  # of z, and of the score


def spent(fraction: float, alpha: float = ALPHA) -> float:
    """How much of alpha is spent by this fraction of the information.

    Source: K. K. G. Lan, D. L. DeMets, Biometrika 70 (1983) 659-663, the O'Brien-Fleming kind.
    """
    return float(2 * ndtr(ndtri(alpha / 2) / math.sqrt(fraction)))


class _Walk:
    """The density of the score of those who have crossed no boundary yet; at look k of K its variance is k / K.

    Source of the recursion: P. Armitage, C. K. McPherson, B. C. Rowe, J. R. Stat. Soc. A 132 (1969) 235-244.
    """

    def __init__(self, drift: float, looks: int) -> None:
        self._step = step = 1 / looks
        self.grid = np.linspace(-_REACH, _REACH, _POINTS)
        self.cell = self.grid[1] - self.grid[0]
        self.look = 0
        self._kernel = _normal(self.grid[:, None] - self.grid[None] - drift * step, step)
        self._first = _normal(self.grid - drift * step, step)
        self._density = self._first

    def advance(self) -> None:
        """To the next look."""
        self._density = self._first if self.look == 0 else self._kernel @ self._density * self.cell
        self.look += 1

    def beyond(self, z: float) -> float:
        """Chance to be beyond this z now, having crossed nothing before."""
        return float((self._density * self._outside(z)).sum() * self.cell)

    def stop(self, z: float) -> None:
        """Those beyond leave."""
        self._density = self._density * (1 - self._outside(z))

    def _outside(self, z: float) -> Floats:
        """The part of each cell that lies beyond."""
        edge = z * math.sqrt(self.look * self._step)
        result: Floats = np.clip((self.grid - edge) / self.cell + 0.5, 0.0, 1.0)
        return result


def _normal(x: Floats, variance: float) -> Floats:
    result: Floats = np.exp(-(x**2) / (2 * variance)) / math.sqrt(2 * math.pi * variance)
    return result


@lru_cache(maxsize=4)
def boundaries(alpha: float = ALPHA, looks: int = LOOKS) -> tuple[float, ...]:
    """Limits of z at each look beyond which the test rejects."""
    walk, found, before = _Walk(0.0, looks), [], 0.0
    for look in range(1, looks + 1):
        walk.advance()
        target = spent(look / looks, alpha)
        low, high = 0.0, _REACH
        for _ in range(50):
            middle = (low + high) / 2
            low, high = (middle, high) if walk.beyond(middle) > target - before else (low, middle)
        walk.stop(high)
        found.append(high)
        before = target
    return tuple(found)


def crossing(limits: tuple[float, ...], drift: float) -> float:
    """Chance to cross one of these boundaries, for a Brownian motion with this drift over the whole information."""
    walk, total = _Walk(drift, len(limits)), 0.0
    for limit in limits:
        walk.advance()
        total += walk.beyond(limit)
        walk.stop(limit)
    return total


@lru_cache(maxsize=1)
def inflation() -> float:
    """Largest sample of this test over that of a fixed-horizon test of the same level and power."""
    low, high = 3.0, 6.0
    for _ in range(16):
        drift = (low + high) / 2
        low, high = (drift, high) if crossing(boundaries(), drift) < 1 - BETA else (low, drift)
    return float((low / (-ndtri(ALPHA) - ndtri(BETA))) ** 2)


def group_sequential(stream: Stream, design: Design) -> Decisions:
    """Looks at equal parts of the largest sample; promotes what has crossed nothing by the last one."""
    sums = cumulated(stream.counts)
    largest = sample_size(design) * inflation()
    z, strata = z_worse(sums), len(sums.total_c)
    fail = np.full(z.shape[1], strata)
    passed = fail.copy()
    for look, limit in enumerate(boundaries(), start=1):
        at = first_true(sums.total_c >= largest * look / LOOKS)
        crossed = np.take_along_axis(z, np.minimum(at, strata - 1)[None], axis=0)[0] > limit
        fail = np.where((at < strata) & crossed & (fail == strata), at, fail)
        if look == LOOKS:
            passed = np.where((at < strata) & (fail == strata), at, strata)
    return Decisions(fail, passed)
