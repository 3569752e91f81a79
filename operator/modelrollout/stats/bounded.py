"""Evidence on means of a bounded quantity from sums and counts alone, exact at any sample size.

A value between 0 and 1 is taken as that fraction of a success. Every factor of the two-by-two e-variable is convex in
the value and, at 0 and 1, what it is for a failure and a success; so its expectation is at most that for successes with
the same mean, and the evidence stays fair. The price: the quantity is taken to scatter as much as one that is only ever
at its ends. (A betting process on the strata's means would have to take each stratum for one observation.)

Source: R. J. Turner, P. D. Grünwald, arXiv:2302.11401 (two-by-two e-variable); W. Hoeffding, J. Amer. Statist. Assoc.
58 (1963) 13-30, for the step from bounded values to successes.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from modelrollout.stats import two_by_two
from modelrollout.stats.comparison import Floats
from modelrollout.stats.mixture_evidence import MixtureEvidence
from modelrollout.stats.normal_evidence import NormalEvidence
from modelrollout.stats.nulls import LOG_FACTORS, Forecast
from modelrollout.stats.scores import Moments, two_samples
from modelrollout.stats.two_by_two import Kind


class BoundedEvidence(MixtureEvidence):
    """Evidence from sums of values between 0 and 1, and their counts.

    The interval comes from scores, with the largest squares that such values can have: the values themselves. It is
    asymptotic, other than the test.
    """

    def __init__(
        self, size: int, processes: int, *, kind: Kind, limits: tuple[float, float], sign: float, dispersion: float
    ) -> None:
        """Begin at evidence 1.

        Args:
            size: how many comparisons, N.
            processes: how many against failing.
            kind: whether the limits are ratios or differences of the means.
            limits: the acceptable limit and the margin.
            sign: 1 where a candidate above the limit is worse, -1 where it is better.
            dispersion: what log evidence is divided by.
        """
        super().__init__(size, processes, dispersion)
        self._kind: Kind = kind
        self._acceptable, self._margin = limits
        self._worse, self._better = sign * LOG_FACTORS, -sign * LOG_FACTORS
        self._forecast = Forecast(np.zeros(size), np.zeros(size))
        self._normal = NormalEvidence(size, 1, limits=limits, sign=sign, burn_in=(0.0, 0.0), dispersion=dispersion)

    def add_sums(self, table: tuple[Floats, Floats, Floats, Floats], passed: NDArray[np.bool_]) -> None:
        """Take in sum and count of the candidate, sum and count of stable, shape (N,) each."""
        failing = self._against(table, self._acceptable, self._worse, ~passed)
        failing += self._against(table, self._margin, self._worse, passed)
        self.add(failing, self._against(table, self._margin, self._better, np.ones_like(passed)))
        self._forecast.learn(table[2], table[3])
        sides = [Moments(y, units, y, units, units, y) for y, units in (table[:2], table[2:])]
        self._normal.add(two_samples(*sides, kind=self._kind), passed)

    def bounds(self, level: float) -> tuple[Floats, Floats]:
        """As `NormalEvidence.bounds`."""
        return self._normal.bounds(level)

    def raise_dispersion(self, dispersion: float) -> None:
        """As `Evidence` says."""
        super().raise_dispersion(dispersion)
        self._normal.raise_dispersion(dispersion)

    def _against(
        self, table: tuple[Floats, Floats, Floats, Floats], limit: float, shifts: Floats, wanted: NDArray[np.bool_]
    ) -> Floats:
        result = np.zeros((len(shifts), len(wanted)))
        wanted = wanted & (table[1] > 0) & (table[3] > 0)
        known = self._forecast.total > 0
        for rows in (np.flatnonzero(wanted & known), np.flatnonzero(wanted & ~known)):
            if len(rows):
                nodes, log_weights = self._forecast.nodes(rows)
                part = tuple(column[rows] for column in table)
                result[:, rows] = two_by_two.log_evidence(
                    (part[0], part[1], part[2], part[3]), nodes, log_weights, self._kind, limit, shifts
                )
        return result

    def arrays(self) -> list[NDArray[Any]]:
        """As `Evidence` says."""
        return [*super().arrays(), self._forecast.bad, self._forecast.total, *self._normal.arrays()]

    def restore(self, arrays: list[NDArray[Any]]) -> None:
        """As `Evidence` says."""
        super().restore(arrays[:2])
        self._forecast = Forecast(arrays[2], arrays[3])
        self._normal.restore(arrays[4:])
