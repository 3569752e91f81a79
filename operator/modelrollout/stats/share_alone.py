"""What tests of one version's share against a fixed limit have in common."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from modelrollout.stats import bernoulli
from modelrollout.stats.comparison import EffectKind, Floats
from modelrollout.stats.limit_evidence import LimitEvidence
from modelrollout.stats.nulls import FACTORS
from modelrollout.stats.sequential import Sequential
from modelrollout.stats.zone import Better


class ShareAlone(Sequential):
    """A test of one share, which is shown as the events are given.

    There is one limit and no zone of indifference: a share exactly at the limit is left undecided. The evidence is a
    mixture of likelihood ratios (see `bernoulli.slopes`) and holds also where the share changes with the hour;
    alternatives and weights are `Proportion`'s.
    """

    _rows = 2  # events and total
    _evidence: LimitEvidence

    def __init__(self, config: dict[str, Any], better: Better, limit: float) -> None:
        """Begin without data.

        Args:
            config: as for `Sequential`.
            better: "Lower" if the limit must not be exceeded, "Higher" if it must not be fallen short of.
            limit: of the share of events, above 0 and below 1.

        Raises:
            ValueError: an argument out of range.
        """
        if not 0 < limit < 1:
            raise ValueError("the limit of a share lies between 0 and 1")
        self._flip = better == "Higher"
        self._slopes = bernoulli.slopes(1 - limit if self._flip else limit, np.concatenate([FACTORS, 1 / FACTORS]))
        super().__init__(config)

    def update(self, counts: tuple[ArrayLike, ArrayLike], *, start: float | None = None) -> None:
        """Take in one stratum.

        Args:
            counts: events and total, numbers or arrays of one shape; fractions are rounded, NaN carries no evidence.
            start: when the stratum starts, in seconds; with `late_faults` it times the restarts within a step.

        Raises:
            ValueError: negative counts, more events than answers, or arrays of another shape than before.
        """
        self._take(counts, start)

    def _checked(self, values: Floats) -> Floats:
        counts = np.rint(values)
        counts = np.where(np.isfinite(counts).all(axis=0), counts, 0.0)
        if (counts < 0).any() or (counts[0] > counts[1]).any():
            raise ValueError("counts are at least 0, and events at most total")
        return counts

    def _new_evidence(self, size: int, processes: int, dispersion: float) -> LimitEvidence:
        return LimitEvidence(size, processes, dispersion, self._slopes)

    def _add(self, values: Floats, passed: NDArray[np.bool_]) -> Floats:
        events, total = values
        others = total - events
        self._evidence.add_counts(np.stack([others, events] if self._flip else [events, others]))
        return values

    @property
    def effect_kind(self) -> EffectKind:
        """A share by itself."""
        return "share"

    def _effect_of(self, sums: Floats) -> Floats:
        shares: Floats = sums[0] / np.where(sums[1] > 0, sums[1], np.nan)
        return shares

    def _bounds(self, level: float) -> tuple[Floats, Floats]:
        return bernoulli.share_bounds(self._sums[0], self._sums[1], level, self.dispersion)

    def _estimates_of(self, sums: Floats) -> tuple[Floats, None]:
        return self._effect_of(sums), None

    def _exposures_of(self, sums: Floats) -> tuple[Floats, None]:
        return sums[1], None
