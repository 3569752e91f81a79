"""Evidence in counts of events per exposure.

Of k events that both versions had together in a stratum, the candidate's share is binomial, and its chance depends on
the ratio of the rates and on the shares of exposure alone: what the hour, the load or an incident does to both cancels.

Sources: J. Przyborowski, H. Wilenski, "Homogeneity of results in testing samples from Poisson series", Biometrika 31
(1940) 313-323 (the conditional test); J. ter Schure, M. F. Perez-Ortiz, A. Ly, P. Grünwald, arXiv:2011.06931 (a product
of conditional likelihood ratios as an e-process).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from modelrollout.stats.comparison import Floats
from modelrollout.stats.effects import NODES, RatioCurve
from modelrollout.stats.mixture_evidence import MixtureEvidence
from modelrollout.stats.nulls import LOG_FACTORS


class EventsEvidence(MixtureEvidence):
    """Evidence on the ratio of two rates; exact for Poisson events, whatever the rates do from stratum to stratum."""

    def __init__(
        self, size: int, processes: int, *, limits: tuple[float, float], sign: float, dispersion: float
    ) -> None:
        """Begin at evidence 1.

        Args:
            size: how many comparisons, N.
            processes: how many against failing.
            limits: the acceptable limit and the margin, as candidate over stable.
            sign: 1 where a candidate above the limit is worse, -1 where it is better.
            dispersion: what log evidence is divided by.
        """
        super().__init__(size, processes, dispersion)
        acceptable, margin = np.log(limits)
        worse = np.append(0.0, sign * LOG_FACTORS)
        self._grids = (acceptable + worse, margin + worse, margin - worse)
        self._curve = RatioCurve(size)

    def add_events(self, values: Floats, passed: NDArray[np.bool_]) -> None:
        """Take in events and exposure of the candidate, events and exposure of stable, shape (4, N)."""
        acceptable, margin, passing = (_log_likelihood(values, grid) for grid in self._grids)
        failing = np.where(passed, margin[1:] - margin[0], acceptable[1:] - acceptable[0])
        self.add(failing, passing[1:] - passing[0])
        self._curve.add(_log_likelihood(values, NODES), self.dispersion)

    def bounds(self, level: float) -> tuple[Floats, Floats]:
        """Confidence sequence of the ratio, shape (N,) each; 0 and infinity mean "no bound yet"."""
        return self._curve.bounds(level)

    def raise_dispersion(self, dispersion: float) -> None:
        """As `Evidence` says."""
        self._curve.raise_dispersion(self.dispersion, dispersion)
        super().raise_dispersion(dispersion)

    def arrays(self) -> list[NDArray[Any]]:
        """As `Evidence` says."""
        return [*super().arrays(), self._curve.likelihood]

    def restore(self, arrays: list[NDArray[Any]]) -> None:
        """As `Evidence` says."""
        super().restore(arrays[:-1])
        self._curve.likelihood = arrays[-1]


def _log_likelihood(values: Floats, log_ratios: Floats) -> Floats:
    """Of the split of the events at these logarithms of the ratio of rates, relative to equality, shape (G, N)."""
    events_c, exposure_c, events_s, exposure_s = values
    share = exposure_c / np.where(exposure_c + exposure_s > 0, exposure_c + exposure_s, 1.0)
    shift = np.log1p(share * np.expm1(log_ratios)[:, None])
    result: Floats = events_c * log_ratios[:, None] - (events_c + events_s) * shift
    return result


def slopes(limit: float, factors: Floats) -> Floats:
    """What an event, and a unit of exposure, add to the log likelihood ratio of Poisson rates against a limit.

    Each component has expectation at most 1 for every rate on the other side of the limit, also where the rate changes
    inside a stratum. Source: A. Wald, Ann. Math. Statist. 16 (1945) 117-186.

    Args:
        limit: events per exposure, above 0.
        factors: the alternatives, as factors on the limit, shape (J,).

    Returns:
        Shape (J, 2): of an event, of a unit of exposure.
    """
    return np.stack([np.log(factors), -limit * (factors - 1)], axis=1)
