"""The evidence of drift: weighted counts per bucket, and what is bet on them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from modelrollout.stats import drift
from modelrollout.stats.comparison import Floats
from modelrollout.stats.mixture_evidence import FailingMixture

RUN, STEP, RECENT = range(3)
"""Sums since the start, since the step began, and with a fading memory."""

_MEMORY = 0.97  # weight of past strata in the forecast, per stratum
# Alternatives: what the run showed, shrunk as James and Stein do; half of it; what the last strata showed, shrunk.
_SOURCES = ((RUN, None), (RUN, 0.5), (RECENT, None))
_LOG_WEIGHTS = np.log([0.5, 0.2, 0.3])
_BURN_IN = 50.0  # weight (a hundred answers of each side), and
_BURN_IN_BUCKET = 5.0  # weight per bucket in use, before the normal approximation is asked
_FULL_BUCKET = 5.0  # weight from which a bucket counts as a whole degree of freedom


class DriftEvidence(FailingMixture):
    """Evidence on the distance of two distributions over K buckets, in N comparisons.

    Evidence for passing is a function of the sums, computed with the present dispersion.
    """

    def __init__(
        self, size: int, processes: int, buckets: int, *, acceptable: float, margin: float, dispersion: float
    ) -> None:
        """Begin at evidence 1.

        Args:
            size: how many comparisons, N.
            processes: how many against failing, R.
            buckets: K.
            acceptable: divergence in nats up to which nothing fails.
            margin: the largest divergence that may pass.
            dispersion: what evidence is divided by.
        """
        super().__init__(size, processes, dispersion, _LOG_WEIGHTS)
        self._acceptable, self._margin = acceptable, margin
        # Per bucket Σ b·n/(m+n) of the candidate and Σ a·m/(m+n) of stable. Single precision keeps the stored state
        # small, and is what is in memory, too, so that nothing changes by storing it.
        self._sums = np.zeros((3, 2, size, buckets), dtype=np.float32)

    def add_answers(self, b: Floats, a: Floats, passed: NDArray[np.bool_]) -> None:
        """Take in a stratum: the candidate's and stable's counts (N, K); who has passed before (N,)."""
        self.add_failing(self._told(b, a, passed))
        m, n = b.sum(axis=1, keepdims=True), a.sum(axis=1, keepdims=True)
        both = np.maximum(m + n, 1.0)
        self._sums[RECENT][:, m[:, 0] > 0] *= _MEMORY
        self._sums = (self._sums + np.stack([b * n / both, a * m / both])).astype(np.float32)

    def _told(self, b: Floats, a: Floats, passed: NDArray[np.bool_]) -> Floats:
        """Log e-values of the stratum for each alternative (J, N), each set by the strata before."""
        recent = self._sums[RECENT].astype(np.float64).sum(axis=0)
        mid = (recent + 0.5) / (recent.sum(axis=1, keepdims=True) + 0.5 * recent.shape[1])
        result = np.zeros((len(_SOURCES), len(b)))
        for j, (source, shrink) in enumerate(_SOURCES):
            p, q = self.shares(source)
            factor = self._shrinkage(source) if shrink is None else np.full(len(b), shrink)
            slope = factor[:, None] * (p - q) / (2 * mid)
            result[j] = drift.log_evidence(b, a, mid, slope, self._acceptable)
            if passed.any():
                result[j] = np.where(passed, drift.log_evidence(b, a, mid, slope, self._margin), result[j])
        return result

    def begin_step(self) -> None:
        """The step's sums start again."""
        self._sums[STEP] = 0

    # --- what the sums say -------------------------------------------------------------------------------------

    def weights(self, source: int) -> Floats:
        """Σ mn/(m+n) over the strata, shape (N,)."""
        total: Floats = self._sums[source, 0].astype(np.float64).sum(axis=1)
        return total

    def shares(self, source: int) -> tuple[Floats, Floats]:
        """Both versions' shares per bucket (N, K), weighted alike over the strata; 0 without data."""
        sums = self._sums[source].astype(np.float64)
        totals = sums.sum(axis=2, keepdims=True)
        shares = sums / np.where(totals > 0, totals, 1.0)
        return shares[0], shares[1]

    def distance(self, source: int) -> Floats:
        """Jensen-Shannon distance, less what noise alone would give; NaN without data; shape (N,)."""
        weights = self.weights(source)
        noise = self.dispersion * self._freedoms(source) / (8 * np.maximum(weights, 1e-12))
        found = np.maximum(drift.divergence(*self.shares(source)) - noise, 0.0)
        return np.where(weights > 0, np.sqrt(found / drift.BITS), np.nan)

    def stability_index(self) -> Floats:
        """Population stability index of the run; empty buckets get half an answer; NaN without data; shape (N,)."""
        sums = self._sums[RUN].astype(np.float64)
        used = sums.sum(axis=0) > 0
        filled = np.where(used, np.where(sums < 0.5, 0.5, sums), 1e-300)
        p, q = filled / np.maximum(filled.sum(axis=2, keepdims=True), 1e-290)
        return np.where(used.any(axis=1), drift.stability_index(p, q), np.nan)

    def burnt_in(self) -> NDArray[np.bool_]:
        """Whether there are answers enough for the normal approximation, shape (N,)."""
        used = (self._sums[RUN].sum(axis=0) > 0).sum(axis=1)
        enough: NDArray[np.bool_] = self.weights(RUN) >= np.maximum(_BURN_IN, _BURN_IN_BUCKET * used)
        return enough

    def log_likelihood(self, divergences: Floats) -> Floats:
        """Of divergences in nats (G,), from the run's sums, relative to equality: (G, N)."""
        found = np.sqrt(8 * drift.divergence(*self.shares(RUN)))
        radius = np.sqrt(8 * divergences)[:, None]
        return drift.log_likelihood(radius, found, self.weights(RUN) / self.dispersion, self._freedoms(RUN))

    def _freedoms(self, source: int) -> Floats:
        """Buckets with answers less one; a bucket with few answers counts as a part of one."""
        both = self._sums[source].astype(np.float64).sum(axis=0)
        result: Floats = np.maximum(np.minimum(1.0, both / _FULL_BUCKET).sum(axis=1) - 1, 1.0)
        return result

    def _shrinkage(self, source: int) -> Floats:
        """How much of the drift found is no noise, 0 to 1 (the positive part of James and Stein's estimate).

        Source: W. James, C. Stein, "Estimation with quadratic loss", Proc. 4th Berkeley Symp. 1 (1961) 361-379.
        """
        signal = 8 * self.weights(source) * drift.divergence(*self.shares(source)) / self.dispersion
        result: Floats = np.maximum(0.0, 1 - self._freedoms(source) / np.maximum(signal, 1e-12))
        return result

    # --- as `Evidence` -----------------------------------------------------------------------------------------

    def log_pass(self) -> Floats:
        """As `Evidence` says."""
        return np.where(self.burnt_in(), -self.log_likelihood(np.array([self._margin]))[0], 0.0)

    def arrays(self) -> list[NDArray[Any]]:
        """As `Evidence` says."""
        return [*super().arrays(), self._sums]

    def restore(self, arrays: list[NDArray[Any]]) -> None:
        """As `Evidence` says."""
        super().restore(arrays[:-1])
        self._sums = arrays[-1]
