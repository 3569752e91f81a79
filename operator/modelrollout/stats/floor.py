"""A floor below which nobody minds a ratio: without one, a candidate without any events could never be promoted."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modelrollout.stats.comparison import Floats
from modelrollout.stats.evidence import Evidence
from modelrollout.stats.limit_evidence import LimitEvidence

FACTORS = np.array([1.3, 2.0, 5.0, 0.5, 0.15, 0.01])
"""Alternatives above the floor and below it, as factors on the rate or on its odds."""

_LOG_ABOVE_WEIGHTS = np.log([0.3, 0.4, 0.3])
_LOG_BELOW_WEIGHTS = np.log([0.3, 0.3, 0.4])


class FlooredEvidence:
    """Evidence against a ratio, and beside it evidence on the candidate alone against the floor.

    A candidate fails only if it is worse than its limit *and* above the floor: the smaller evidence counts. It passes
    if it is better than the margin *or* below the floor: the mean of both counts, which is an e-process for a candidate
    that is neither.
    """

    def __init__(self, ratio: Evidence, size: int, processes: int, slopes: Floats) -> None:
        """Stand beside evidence on a ratio, for the same comparisons and processes.

        Args:
            ratio: the evidence on the ratio; whoever made it feeds it.
            size: how many comparisons, N.
            processes: how many against failing, R.
            slopes: of the evidence at `FACTORS` times the floor, shape (6, 2) (see `LimitEvidence`).
        """
        self._ratio = ratio
        self._floor = LimitEvidence(size, processes, ratio.dispersion, slopes, _LOG_ABOVE_WEIGHTS, _LOG_BELOW_WEIGHTS)

    def add_alone(self, counts: Floats) -> None:
        """Take in what the candidate showed, shape (2, N): what the slopes are for."""
        self._floor.add_counts(counts)

    @property
    def dispersion(self) -> float:
        """As `Evidence` says."""
        return self._ratio.dispersion

    def log_fail(self) -> Floats:
        """As `Evidence` says."""
        return np.minimum(self._ratio.log_fail(), self._floor.log_fail())

    def log_pass(self) -> Floats:
        """As `Evidence` says."""
        result: Floats = np.logaddexp(self._ratio.log_pass(), self._floor.log_pass()) - math.log(2)
        return result

    def begin_anew(self, where: NDArray[np.bool_]) -> None:
        """As `Evidence` says."""
        self._ratio.begin_anew(where)
        self._floor.begin_anew(where)

    def restart(self) -> None:
        """As `Evidence` says."""
        self._ratio.restart()
        self._floor.restart()

    def raise_dispersion(self, dispersion: float) -> None:
        """As `Evidence` says."""
        self._ratio.raise_dispersion(dispersion)
        self._floor.raise_dispersion(dispersion)

    def arrays(self) -> list[NDArray[Any]]:
        """As `Evidence` says."""
        return [*self._ratio.arrays(), *self._floor.arrays()]

    def restore(self, arrays: list[NDArray[Any]]) -> None:
        """As `Evidence` says."""
        own = len(self._floor.arrays())
        self._ratio.restore(arrays[:-own])
        self._floor.restore(arrays[-own:])
