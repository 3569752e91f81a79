"""What people see of a comparison: effect, interval, values and amounts of data, of the run and of its present step."""

from abc import ABC, abstractmethod

import numpy as np

from modelrollout.stats.comparison import EffectKind, Floats, Interval, Value


class Figures(ABC):
    """Figures from sums over the strata; a subclass says what the sums mean."""

    _rows: int
    """How many sums there are."""

    _shape: tuple[int, ...] | None = None
    """The comparisons' shape, None before the first stratum."""

    def _begin_sums(self, size: int) -> None:
        self._sums = np.zeros((self._rows, size))
        self._at_step = np.zeros((self._rows, size))

    def _begin_step(self) -> None:
        self._at_step = self._sums.copy()

    @property
    @abstractmethod
    def effect_kind(self) -> EffectKind:
        """What `effect` is."""

    @abstractmethod
    def _effect_of(self, sums: Floats) -> Floats:
        """Point estimate of the effect from sums (rows, N); NaN without data."""

    @abstractmethod
    def _bounds(self, level: float) -> tuple[Floats, Floats]:
        """Confidence sequence of the effect, shape (N,) each."""

    @abstractmethod
    def _estimates_of(self, sums: Floats) -> tuple[Floats, Floats | None]:
        """Candidate's and stable's value."""

    @abstractmethod
    def _exposures_of(self, sums: Floats) -> tuple[Floats, Floats | None]:
        """How much data of candidate and stable."""

    @property
    def effect(self) -> Value:
        """Point estimate of the effect; NaN without data."""
        return self._out(self._effect_of(self._sums))

    @property
    def step_effect(self) -> Value:
        """Point estimate from the present step alone; NaN without data."""
        return self._out(self._effect_of(self._sums - self._at_step))

    def interval(self, level: float = 0.95) -> Interval:
        """The effect with its confidence sequence at this level; 0 and infinities mean "no bound yet"."""
        low, high = self._bounds(level)
        return Interval(self.effect, self._out(low), self._out(high))

    @property
    def low(self) -> Value:
        """Lower end of the effect's 95 % confidence sequence."""
        return self.interval().low

    @property
    def high(self) -> Value:
        """Upper end of the effect's 95 % confidence sequence."""
        return self.interval().high

    @property
    def estimates(self) -> tuple[Value, Value | None]:
        """Candidate's and stable's value as people read it; NaN without data."""
        return self._both(self._estimates_of(self._sums))

    @property
    def step_estimates(self) -> tuple[Value, Value | None]:
        """`estimates` from the present step alone."""
        return self._both(self._estimates_of(self._sums - self._at_step))

    @property
    def exposures(self) -> tuple[Value, Value | None]:
        """How much data of candidate and stable the verdict rests on."""
        return self._both(self._exposures_of(self._sums))

    @property
    def step_exposures(self) -> tuple[Value, Value | None]:
        """`exposures` from the present step alone."""
        return self._both(self._exposures_of(self._sums - self._at_step))

    def _both(self, pair: tuple[Floats, Floats | None]) -> tuple[Value, Value | None]:
        candidate, stable = pair
        return self._out(candidate), None if stable is None else self._out(stable)

    def _out(self, values: Floats) -> Value:
        return values.reshape(self._shape) if self._shape else float(values[0])
