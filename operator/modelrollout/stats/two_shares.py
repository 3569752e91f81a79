"""What comparisons of two shares of bad answers have in common: limits, effect and interval."""

from abc import abstractmethod
from typing import Any

from modelrollout.stats.comparison import EffectKind, Floats
from modelrollout.stats.effects import NODES, SUMS, Effects, difference_estimate, ratio_estimate
from modelrollout.stats.hypotheses import hypotheses
from modelrollout.stats.sequential import Sequential
from modelrollout.stats.zone import Zone


class TwoShares(Sequential):
    """A comparison of candidate's and stable's share; everything but a ratio points the way the events themselves do.

    Its sums are those of `effects.stratum_sums`.
    """

    _rows = SUMS

    def __init__(self, config: dict[str, Any], zone: Zone) -> None:
        """Begin without data; the arguments are those of `Sequential`, and the limits.

        Raises:
            ValueError: a difference that no two shares have.
        """
        if any(limit.kind == "difference" and not abs(limit.value) < 1 for limit in (zone.acceptable, zone.margin)):
            raise ValueError("a difference of shares lies between -1 and 1")
        self._flip = config.get("better") == "Higher"  # good events are turned round
        self._kind = zone.margin.kind
        self._hypotheses = hypotheses(zone.acceptable, zone.margin, tuple(NODES))
        super().__init__(config)

    @abstractmethod
    def _effects(self) -> Effects:
        """What the evidence keeps for the confidence sequence."""

    @property
    def effect_kind(self) -> EffectKind:
        """What the margin limits: "ratio" of bad shares, or "difference" of the events' shares as given."""
        return self._kind

    def _effect_of(self, sums: Floats) -> Floats:
        if self._kind == "ratio":
            return ratio_estimate(sums)
        return self._as_given(difference_estimate(sums))

    def _bounds(self, level: float) -> tuple[Floats, Floats]:
        if self._kind == "ratio":
            return self._effects().ratio_bounds(self._sums, level)
        return self._difference_bounds(level)

    def _difference_bounds(self, level: float) -> tuple[Floats, Floats]:
        low, high = self._effects().difference_bounds(self._sums, level)
        return (-high, -low) if self._flip else (low, high)

    def _as_given(self, difference: Floats) -> Floats:
        return -difference if self._flip else difference

    def _exposures_of(self, sums: Floats) -> tuple[Floats, Floats]:
        return sums[1], sums[3]
