"""One version's proportion against a fixed limit, for when no other version answers at the same time."""

import math
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from modelrollout.stats import bernoulli, restarts, state
from modelrollout.stats.comparison import EffectKind, Floats, Interval, Value
from modelrollout.stats.nulls import ALTERNATIVES, FACTORS, LOG_WEIGHTS
from modelrollout.stats.proportion import Better


class AgainstLimit:
    """Sequential test of one proportion against a limit that was fixed before.

    After a promotion the new version is alone, and stable's recent history gives the limit. That is a weaker baseline
    than a concurrent one: what changes for both versions alike looks like a change of this one.

    *Fail*: the evidence that the share of bad answers lies above the limit reaches 1/alpha. *Pass*: the evidence that
    it lies below reaches 1/beta. Alternatives, weights and restarts are `Proportion`'s.
    """

    def __init__(
        self,
        better: Better = "Lower",
        *,
        limit: float,
        alpha: float = 0.01,
        beta: float = 0.05,
        dispersion: float = 1.0,
        late_faults: bool = False,
    ) -> None:
        """Set the limit.

        Args:
            better: "Lower" if the events are bad answers, "Higher" if they are good ones.
            limit: share of events (as given) that must not be exceeded, or with "Higher" not be fallen short of.
            alpha: chance that a version at the limit ever fails.
            beta: chance that a version at the limit ever passes.
            dispersion: at least 1; how much more the counts vary than independent answers would.
            late_faults: keep part of the stake for restarts, so that hours of good answers do not hide a late fault.

        Raises:
            ValueError: a value out of range.
        """
        if not (0 < limit < 1 and 0 < alpha < 1 and 0 < beta < 1 and dispersion >= 1):
            raise ValueError("limit, alpha and beta lie between 0 and 1, dispersion is at least 1")
        self._config = {
            "better": better,
            "limit": limit,
            "alpha": alpha,
            "beta": beta,
            "dispersion": dispersion,
            "late_faults": late_faults,
        }
        self.alpha, self.beta = alpha, beta
        self._flip = better == "Higher"
        self._limit = 1 - limit if self._flip else limit
        self._slopes = bernoulli.slopes(self._limit, np.concatenate([FACTORS, 1 / FACTORS]))
        self._dispersion = dispersion
        self._late = restarts.LateFaults(late_faults)
        self._shape: tuple[int, ...] | None = None
        self._allocate(1)

    def _allocate(self, size: int) -> None:
        self._worse = np.zeros((len(self._late.stakes), ALTERNATIVES, size), dtype=np.float32)
        self._better = np.zeros((1, ALTERNATIVES, size), dtype=np.float32)
        self._peak = np.zeros(size, dtype=np.float32)
        self._sums = np.zeros((2, size))
        self._at_step = np.zeros((2, size))

    def update(self, counts: tuple[ArrayLike, ArrayLike], *, start: float | None = None) -> None:
        """Take in one stratum.

        Args:
            counts: events and total, numbers or arrays of one shape; fractions are rounded, NaN carries no evidence.
            start: when the stratum starts, in seconds; with `late_faults` it times the restarts.

        Raises:
            ValueError: negative counts, more events than answers, or arrays of another shape than before.
        """
        given = np.broadcast_arrays(*counts)
        shape = given[0].shape
        if self._shape is None:
            self._shape = shape
            self._allocate(math.prod(shape))
        elif shape != self._shape:
            raise ValueError(f"this test has the shape {self._shape}, not {shape}")
        bad, total = np.rint(np.array(given, dtype=np.float64).reshape(2, -1))
        missing = ~(np.isfinite(bad) & np.isfinite(total))
        bad, total = np.where(missing, 0.0, bad), np.where(missing, 0.0, total)
        if (bad < 0).any() or (bad > total).any():
            raise ValueError("counts are at least 0, and events at most total")
        if self._flip:
            bad = total - bad
        if start is not None and self._late.due(start):
            self._restart_processes()
        evidence = self._slopes @ np.stack([bad, total - bad]) / self._dispersion
        self._worse = restarts.add(self._worse, evidence[:ALTERNATIVES])
        self._better = restarts.add(self._better, evidence[ALTERNATIVES:])
        self._sums += np.stack([bad, total])
        self._peak = np.maximum(self._peak, self._log_fail().astype(np.float32))

    def restart(self, at: float | None = None) -> None:
        """A step begins at this time (seconds); with `late_faults` a new process starts."""
        self._at_step = self._sums.copy()
        self._late.begin_step(at)
        if self._late.enabled:
            self._restart_processes()

    def _restart_processes(self) -> None:
        self._late.taken += 1
        self._worse = restarts.with_restart(self._worse)

    def raise_dispersion(self, dispersion: float) -> None:
        """Use a larger dispersion from here on, and for what was collected so far; a smaller one changes nothing."""
        if dispersion > self._dispersion:
            self._worse = restarts.raise_dispersion(self._worse, self._dispersion, dispersion)
            self._better = restarts.raise_dispersion(self._better, self._dispersion, dispersion)
            self._dispersion = dispersion

    @property
    def dispersion(self) -> float:
        """The dispersion in use."""
        return self._dispersion

    def _log_fail(self) -> Floats:
        return restarts.total(restarts.mixed(self._worse, LOG_WEIGHTS), self._late.stakes, self._late.reserve)

    @property
    def log_e_fail(self) -> Value:
        """Natural logarithm of the evidence that the share lies on the bad side of the limit."""
        return self._out(self._log_fail())

    @property
    def log_e_pass(self) -> Value:
        """Natural logarithm of the evidence that the share lies on the good side of the limit."""
        return self._out(restarts.mixed(self._better, LOG_WEIGHTS)[0])

    @property
    def peak_log_e_fail(self) -> Value:
        """The largest `log_e_fail` at the end of any stratum, at least 0."""
        return self._out(self._peak.astype(np.float64))

    @property
    def verdict(self) -> str | NDArray[np.str_]:
        """Of a single test at its own level: "Fail" (for good), "Pass" (while the evidence lasts), "Inconclusive"."""
        passes = restarts.mixed(self._better, LOG_WEIGHTS)[0] >= -math.log(self.beta)
        verdict = np.where(self._peak >= -math.log(self.alpha), "Fail", np.where(passes, "Pass", "Inconclusive"))
        return np.reshape(verdict, self._shape) if self._shape else str(verdict[0])

    @property
    def counts(self) -> tuple[Value, Value]:
        """Events (as given) and total so far."""
        bad, total = self._sums
        return self._out(total - bad if self._flip else bad), self._out(total)

    @property
    def effect_kind(self) -> EffectKind:
        """A share by itself."""
        return "share"

    @property
    def effect(self) -> Value:
        """The share of events so far; NaN without data."""
        return self._share(self._sums)

    @property
    def step_effect(self) -> Value:
        """The share of events since the step began; NaN without data."""
        return self._share(self._sums - self._at_step)

    def interval(self, level: float = 0.95) -> Interval:
        """The share with its confidence sequence at this level."""
        low, high = bernoulli.share_bounds(self._sums[0], self._sums[1], level, self._dispersion)
        if self._flip:
            low, high = 1 - high, 1 - low
        return Interval(self.effect, self._out(low), self._out(high))

    @property
    def low(self) -> Value:
        """Lower end of the share's 95 % confidence sequence."""
        return self.interval().low

    @property
    def high(self) -> Value:
        """Upper end of the share's 95 % confidence sequence."""
        return self.interval().high

    @property
    def estimates(self) -> tuple[Value, None]:
        """The share of events so far; there is no stable."""
        return self.effect, None

    @property
    def exposures(self) -> tuple[Value, None]:
        """Answers so far."""
        return self._out(self._sums[1]), None

    @property
    def step_estimates(self) -> tuple[Value, None]:
        """The share of events since the step began."""
        return self.step_effect, None

    @property
    def step_exposures(self) -> tuple[Value, None]:
        """Answers since the step began."""
        return self._out((self._sums - self._at_step)[1]), None

    def _share(self, sums: Floats) -> Value:
        bad, total = sums
        with np.errstate(invalid="ignore"):
            return self._out((total - bad if self._flip else bad) / total)

    def _out(self, values: Floats) -> Value:
        return values.reshape(self._shape) if self._shape else float(values[0])

    def state(self) -> dict[str, Any]:
        """All that is needed to go on, JSON-able, at most 1 KiB for one test."""
        late = self._late
        clock = [late.taken, np.nan if late.step_start is None else late.step_start, late.doublings, self._dispersion]
        head = np.array([self._shape is not None, *clock], dtype=np.float64)
        logs = [self._worse, self._better, self._peak]
        return state.pack("AgainstLimit", self._config, self._shape or (), [head, *logs, self._sums, self._at_step])

    @classmethod
    def from_state(cls, stored: Mapping[str, Any]) -> Self:
        """Go on from `state()`: every later result is the same as without the interruption.

        Raises:
            UnknownState: not a state of this class and version.
        """
        reader = state.Reader(stored, "AgainstLimit")
        restored = cls(**reader.config)
        begun, taken, step_start, doublings, restored._dispersion = reader.read(np.float64, 5).tolist()
        restored._late.taken = int(taken)
        restored._late.step_start = None if np.isnan(step_start) else float(step_start)
        restored._late.doublings = int(doublings)
        restored._shape = reader.shape if begun else None
        size = math.prod(reader.shape)
        restored._worse = reader.read(np.float32, len(restored._late.stakes), ALTERNATIVES, size)
        restored._better = reader.read(np.float32, 1, ALTERNATIVES, size)
        restored._peak = reader.read(np.float32, size)
        restored._sums = reader.read(np.float64, 2, size)
        restored._at_step = reader.read(np.float64, 2, size)
        return restored
