"""Evidence on means from sums and counts alone, without bounds: only the strata tell how far they scatter."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from modelrollout.stats.comparison import Floats
from modelrollout.stats.normal_evidence import NormalEvidence
from modelrollout.stats.scores import Scores
from modelrollout.stats.two_by_two import Kind

BURN_IN_STRATA = 20
"""How many strata a process must have seen before it says anything."""


class ScatterEvidence(NormalEvidence):
    """Evidence in which every stratum is one observation: its score, and the square of it as its variance.

    Pooled with it, as `NormalEvidence` demands: the variance of single values that the differences between neighbouring
    strata's means show, on both sides together. Those of the larger side show it well, so a small side without any of
    a heavy tail's large values yet does not seem sure. A baseline that moves only adds to them.

    Source of the variance from successive differences: J. von Neumann, R. H. Kent, H. R. Bellinson, B. I. Hart, "The
    mean square successive difference", Ann. Math. Statist. 12 (1941) 153-162.
    """

    def __init__(
        self, size: int, processes: int, *, kind: Kind, limits: tuple[float, float], sign: float, dispersion: float
    ) -> None:
        """Begin without data; the arguments are those of `NormalEvidence`, and the kind of the limits."""
        super().__init__(
            size, processes, limits=limits, sign=sign, burn_in=(BURN_IN_STRATA, BURN_IN_STRATA), dispersion=dispersion
        )
        self._kind = kind
        self._last = np.zeros((2, 2, size))  # of candidate and stable: mean and count in the stratum before

    def add_sums(self, values: Floats, stratum: Scores, passed: NDArray[np.bool_]) -> None:
        """Take in sum and count of candidate and stable, shape (4, N), and the scores they make."""
        sides = values.reshape(2, 2, -1)
        seen = sides[:, 1] > 0
        counts = np.where(seen, sides[:, 1], 1.0)
        means = sides[:, 0] / counts
        before, counts_before = self._last[:, 0], self._last[:, 1]
        known = seen & (counts_before > 0)
        variances = np.where(known, (means - before) ** 2 / (1 / counts + 1 / np.where(known, counts_before, 1.0)), 0.0)
        shares = variances * sides[:, 1] / np.maximum(sides[:, 1].sum(axis=0), 1.0) * stratum.units
        nothing = np.zeros_like(stratum.units)
        pooled = [shares[0], nothing, shares[1]] if self._kind == "ratio" else [shares.sum(axis=0), nothing, nothing]
        t0, t1 = stratum.score
        own = np.stack([t0 * t0, 2 * t0 * t1, t1 * t1])
        both: NDArray[np.bool_] = seen[0] & seen[1]
        self.add(Scores(stratum.score, own, np.stack(pooled), both.astype(np.float64)), passed)
        self._last = np.where(both, np.stack([means, counts], axis=1), self._last)

    def arrays(self) -> list[NDArray[Any]]:
        """As `Evidence` says."""
        return [*super().arrays(), self._last]

    def restore(self, arrays: list[NDArray[Any]]) -> None:
        """As `Evidence` says."""
        super().restore(arrays[:-1])
        self._last = arrays[-1]
