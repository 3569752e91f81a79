"""Evidence on the shares of bad answers of two versions, and what tells how large the effect is."""

from collections.abc import Collection
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modelrollout.stats.comparison import Floats
from modelrollout.stats.effects import NODES, Effects
from modelrollout.stats.hypotheses import Hypotheses
from modelrollout.stats.mixture_evidence import MixtureEvidence
from modelrollout.stats.nulls import LOG_WEIGHTS, Forecast
from modelrollout.stats.two_by_two import Kind

_FORECAST = 2  # arrays that the forecast consists of


class SharesEvidence(MixtureEvidence):
    """Evidence against both limits, with a forecast of stable's share from the strata before.

    Attributes:
        effects: what the confidence sequence of the effect is told from.
    """

    def __init__(
        self,
        size: int,
        processes: int,
        dispersion: float,
        hypotheses: Hypotheses,
        shown: Collection[Kind],
        log_weights: Floats = LOG_WEIGHTS,
    ) -> None:
        """Begin at evidence 1.

        Args:
            size: how many comparisons, N.
            processes: how many against failing, R.
            dispersion: what log evidence is divided by.
            hypotheses: what is tested.
            shown: of which effects a confidence sequence will be wanted.
            log_weights: log prior weights of the alternatives, on either side, shape (J,).
        """
        super().__init__(size, processes, dispersion, log_weights, log_weights)
        self._hypotheses = hypotheses
        self._forecast = Forecast(np.zeros(size), np.zeros(size))
        self.effects = Effects(size, shown)

    def told(self, counts: Floats, before: Floats, passed: NDArray[np.bool_]) -> tuple[Floats, Floats]:
        """What a stratum tells, as log evidence of "worse" and of "better" for each alternative, to be added by `add`.

        Effect and forecast take it in at once.

        Args:
            counts: bad and total of the candidate, bad and total of stable, shape (4, N).
            before: the sums of the strata before, as `effects.stratum_sums` makes them.
            passed: which comparisons have passed before, shape (N,).
        """
        likelihood, worse, better = self._hypotheses.weigh(counts, passed, self._forecast)
        self.effects.add(counts, before, likelihood[:, : len(NODES)], self.dispersion)
        self._forecast.learn(counts[2], counts[3])
        return worse, better

    def raise_dispersion(self, dispersion: float) -> None:
        """As `Evidence` says."""
        self.effects.raise_dispersion(self.dispersion, dispersion)
        super().raise_dispersion(dispersion)

    def arrays(self) -> list[NDArray[Any]]:
        """As `Evidence` says."""
        return [self._forecast.bad, self._forecast.total, *self.effects.arrays(), *super().arrays()]

    def restore(self, arrays: list[NDArray[Any]]) -> None:
        """As `Evidence` says."""
        self._forecast = Forecast(*arrays[:_FORECAST])
        rest = _FORECAST + len(self.effects.arrays())
        self.effects.restore(arrays[_FORECAST:rest])
        super().restore(arrays[rest:])
