"""The evidence of a quantile: shares beyond a bound and beyond its neighbours, put together stratum by stratum."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from modelrollout.stats.comparison import Floats
from modelrollout.stats.conditional import conditional_likelihood
from modelrollout.stats.hypotheses import Hypotheses
from modelrollout.stats.limits import Limit
from modelrollout.stats.nulls import LOG_WEIGHTS, Null
from modelrollout.stats.shares_evidence import SharesEvidence
from modelrollout.stats.two_by_two import Kind

# The last alternative of a proportion is for a baseline without any bad answers, which a quantile's cannot be.
_ALTERNATIVES = len(LOG_WEIGHTS) - 1
_LOG_WEIGHTS = LOG_WEIGHTS[:-1] - np.logaddexp.reduce(LOG_WEIGHTS[:-1])

_MEMORY = 0.97  # weight of past strata in what a bound's evidence is trusted by, per stratum
_EQUALITY = conditional_likelihood(tuple(Null(Limit("ratio", 1.0), "above").thetas))


class QuantileEvidence(SharesEvidence):
    """Evidence from the middle bound, of inequality from its neighbours too, and what is shown beside it.

    Attributes:
        histograms: answers per shown bucket of candidate and stable, shape (2, H, N), in single precision.
    """

    def __init__(
        self,
        size: int,
        processes: int,
        dispersion: float,
        hypotheses: Hypotheses,
        *,
        tested: int,
        shown: int,
        kind: Kind,
    ) -> None:
        """Begin at evidence 1.

        Args:
            size: how many comparisons, N.
            processes: how many against failing.
            dispersion: what log evidence is divided by.
            hypotheses: of the middle bound.
            tested: how many bounds, B.
            shown: how many buckets are kept for what people see, H.
            kind: what the margin limits, and so what the interval is of.
        """
        super().__init__(size, processes, dispersion, hypotheses, (kind,), _LOG_WEIGHTS)
        self._trust = np.zeros((tested, size), dtype=np.float32)
        self.histograms = np.zeros((2, shown, size), dtype=np.float32)

    def add_histograms(self, counts: Floats, before: Floats, sides: Floats, passed: NDArray[np.bool_]) -> None:
        """Take in a stratum.

        Args:
            counts: bad and total of candidate and stable at every tested bound, shape (4, B, N).
            before: the middle bound's sums over the strata before, shape (7, N).
            sides: their answers per shown bucket, shape (2, H, N).
            passed: which comparisons have passed before, shape (N,).
        """
        worse, better = self.told(counts[:, counts.shape[1] // 2], before, passed)
        worse = worse[:_ALTERNATIVES]
        if counts.shape[1] > 1 and not passed.all():
            worse = np.where(passed, worse, self._at_all_bounds(counts))
        self.add(worse, better[:_ALTERNATIVES])
        self.histograms = (self.histograms + sides).astype(np.float32)

    def _at_all_bounds(self, counts: Floats) -> Floats:
        """Log evidence of inequality: for each alternative the mean over the bounds, as the strata before weigh them.

        Each bound's part is a conditional likelihood ratio (`Proportion`'s), and a mean of e-values whose weights were
        fixed before is an e-value.
        """
        likelihood = _EQUALITY.at(*counts.reshape(4, -1))
        told = (likelihood[:, 1:] - likelihood[:, :1]).T[:_ALTERNATIVES].reshape(_ALTERNATIVES, *self._trust.shape)
        trust = self._trust.astype(np.float64)
        together: Floats = np.logaddexp.reduce(told + trust - np.logaddexp.reduce(trust, axis=0), axis=1)
        in_all = np.logaddexp.reduce(told + _LOG_WEIGHTS[:, None, None], axis=0)
        self._trust = (_MEMORY * trust + in_all / self.dispersion).astype(np.float32)
        return together

    def arrays(self) -> list[NDArray[Any]]:
        """As `Evidence` says."""
        return [*super().arrays(), self._trust, self.histograms]

    def restore(self, arrays: list[NDArray[Any]]) -> None:
        """As `Evidence` says."""
        super().restore(arrays[:-2])
        self._trust, self.histograms = arrays[-2:]
