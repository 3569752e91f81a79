"""What a comparison of two proportions shows beside its evidence: shares, effects and their confidence sequences."""

import numpy as np

from modelrollout.stats.comparison import EffectKind, Floats, Interval, Value
from modelrollout.stats.effects import Effects
from modelrollout.stats.two_by_two import Kind


class ProportionEffects:
    """The part of a comparison that people read; everything but a ratio points the way the events themselves do."""

    _effects: Effects
    _kind: Kind
    _flip: bool
    _shape: tuple[int, ...] | None

    @property
    def effect_kind(self) -> EffectKind:
        """What the margin limits: "ratio" of bad shares, or "difference" of the events' shares as given."""
        return self._kind

    @property
    def estimates(self) -> tuple[Value, Value]:
        """The events' shares (as given) of candidate and stable so far; NaN without data."""
        return self._shares(self._effects.sums)

    @property
    def exposures(self) -> tuple[Value, Value]:
        """Answers of candidate and stable so far."""
        return self._out(self._effects.sums[1]), self._out(self._effects.sums[3])

    @property
    def step_estimates(self) -> tuple[Value, Value]:
        """The events' shares since the step began; NaN without data."""
        return self._shares(self._effects.sums - self._effects.at_step)

    @property
    def step_exposures(self) -> tuple[Value, Value]:
        """Answers since the step began."""
        sums = self._effects.sums - self._effects.at_step
        return self._out(sums[1]), self._out(sums[3])

    def _shares(self, sums: Floats) -> tuple[Value, Value]:
        with np.errstate(invalid="ignore"):
            bad_c, bad_s = sums[0] / sums[1], sums[2] / sums[3]
        return self._out(1 - bad_c if self._flip else bad_c), self._out(1 - bad_s if self._flip else bad_s)

    def ratio(self, level: float = 0.95) -> Interval:
        """Ratio of the bad shares, candidate over stable, with its confidence sequence at this level."""
        low, high = self._effects.ratio_bounds(level)
        return Interval(self._out(self._effects.ratio_estimate(self._effects.sums)), self._out(low), self._out(high))

    def difference(self, level: float = 0.95) -> Interval:
        """Difference of the events' shares as given, candidate minus stable, with its confidence sequence."""
        low, high = self._effects.difference_bounds(level)
        estimate = self._effects.difference_estimate(self._effects.sums)
        if self._flip:
            low, high, estimate = -high, -low, -estimate
        return Interval(self._out(estimate), self._out(low), self._out(high))

    @property
    def effect(self) -> Value:
        """Point estimate in the margin's terms: ratio of bad shares, or difference of the events' shares as given."""
        return self._effect_of(self._effects.sums)

    @property
    def step_effect(self) -> Value:
        """The same from the step's own data; NaN without data."""
        return self._effect_of(self._effects.sums - self._effects.at_step)

    def _effect_of(self, sums: Floats) -> Value:
        if self._kind == "ratio":
            return self._out(self._effects.ratio_estimate(sums))
        difference = self._effects.difference_estimate(sums)
        return self._out(-difference if self._flip else difference)

    def interval(self, level: float = 0.95) -> Interval:
        """The effect with its confidence sequence at this level."""
        return self.ratio(level) if self._kind == "ratio" else self.difference(level)

    @property
    def low(self) -> Value:
        """Lower end of the effect's 95 % confidence sequence."""
        return self.interval().low

    @property
    def high(self) -> Value:
        """Upper end of the effect's 95 % confidence sequence."""
        return self.interval().high

    def _out(self, values: Floats) -> Value:
        return values.reshape(self._shape) if self._shape else float(values[0])
