"""A proportion of two versions compared stratum by stratum: evidence that may be looked at after every scrape."""

import math
from collections.abc import Mapping
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from modelrollout.stats import bernoulli, restarts, state
from modelrollout.stats.comparison import EffectKind, Interval, Value
from modelrollout.stats.conditional import conditional_likelihood
from modelrollout.stats.effects import NODES, SUMS, Effects
from modelrollout.stats.limits import Limit, one_limit
from modelrollout.stats.nulls import LOG_WEIGHTS, Forecast, Null, Table
from modelrollout.stats.two_by_two import Floats

Better = Literal["Lower", "Higher"]
Counts = tuple[ArrayLike, ArrayLike]

DEFAULT_FLOOR = 0.002

_WORSE_THAN_FLOOR = np.array([1.3, 2.0, 5.0])
_LOG_WORSE_WEIGHTS = np.log([0.3, 0.4, 0.3])
_BETTER_THAN_FLOOR = np.array([0.5, 0.15, 0.01])
_LOG_BETTER_WEIGHTS = np.log([0.3, 0.3, 0.4])


class Proportion:
    """Sequential comparison of a proportion (errors, slow answers, correct answers) of candidate and stable.

    Everything is judged on the share of *bad* answers: with ``better="Higher"`` the events are good ones and are turned
    round. A ratio is the ratio of bad shares, candidate over stable; a difference is the candidate's bad share minus
    stable's; so for every limit more is worse.

    Two limits leave a zone of indifference between them. *Fail*: the evidence that the candidate is worse than
    `acceptable` reaches 1/alpha (from the first Pass on: that it is worse than the margin). *Pass*: the evidence that
    it is better than the margin reaches 1/beta. Both hold at whatever time one looks. For a goal, `gain` takes the
    place of both limits: Pass means better by more than the gain, Fail that the gain is not there.

    With a ratio, a candidate below `floor` is not worse than the margin and is not failed, whatever stable does;
    without one, a service without errors could never be promoted (with one it is after about 4.7/floor answers).

    Every argument of `update` and every result is a number, or an array of one shape: each element is a comparison of
    its own.

    Sources: the conditional mixture, J. ter Schure et al., arXiv:2011.06931; the two-by-two e-variable, R. J. Turner
    and P. D. Grünwald, arXiv:2302.11401; divided log evidence stays that of an e-process by Jensen's inequality.
    """

    def __init__(
        self,
        better: Better = "Lower",
        *,
        acceptable_ratio: float | None = None,
        acceptable_difference: float | None = None,
        margin_ratio: float | None = None,
        margin_difference: float | None = None,
        gain_ratio: float | None = None,
        gain_difference: float | None = None,
        floor: float | None = DEFAULT_FLOOR,
        alpha: float = 0.01,
        beta: float = 0.05,
        dispersion: float = 1.0,
        late_faults: bool = False,
    ) -> None:
        """Set the limits.

        Args:
            better: "Lower" if the events are bad answers, "Higher" if they are good ones.
            acceptable_ratio: a candidate up to this ratio may not be failed; default 1 (as good as stable).
            acceptable_difference: the same as a difference of shares.
            margin_ratio: the worst ratio that may pass; exactly one of margin and gain is needed.
            margin_difference: the same as a difference of shares (0.02: two points worse).
            gain_ratio: at most 1; to pass, the bad share must be below this times stable's.
            gain_difference: at least 0; to pass, the candidate must be better by more than this.
            floor: bad share below which nobody minds a ratio; only with `margin_ratio`, None for none.
            alpha: chance that an acceptable candidate ever fails.
            beta: chance that a candidate at the margin ever passes.
            dispersion: at least 1; how much more the counts vary than independent answers would.
            late_faults: keep part of the stake for restarts, so that hours of good answers do not hide a late fault.

        Raises:
            ValueError: limits that exclude or contradict each other, or are out of range.
        """
        self._config = {key: value for key, value in locals().items() if key not in ("self", "__class__")}
        margin = one_limit("margin or gain", margin_ratio, margin_difference, gain_ratio, gain_difference)
        if margin is None:
            raise ValueError("a margin or a gain is needed")
        is_gain = gain_ratio is not None or gain_difference is not None
        acceptable = one_limit("acceptable", acceptable_ratio, acceptable_difference)
        if acceptable is None:
            acceptable = margin if is_gain else Limit("ratio", 1.0)
        if better not in ("Lower", "Higher"):
            raise ValueError(f"better must be Lower or Higher, not {better}")
        if acceptable.kind == margin.kind and acceptable.value > margin.value:
            raise ValueError("the acceptable limit must not lie beyond the margin")
        if not (0 < alpha < 1 and 0 < beta < 1 and dispersion >= 1):
            raise ValueError("alpha and beta lie between 0 and 1, dispersion is at least 1")
        if floor is not None and not 0 < floor < 0.1:
            raise ValueError("the floor lies between 0 and 0.1")
        self.alpha, self.beta = alpha, beta
        self._flip = better == "Higher"
        self._kind = margin.kind
        self._floor = floor if margin_ratio is not None else None
        nodes = len(NODES)
        self._fail = Null(acceptable, "above", nodes)
        self._fail_after_pass = Null(margin, "above", nodes + len(self._fail.thetas))
        self._pass = Null(margin, "below", nodes + len(self._fail.thetas) + len(self._fail_after_pass.thetas))
        nulls = (self._fail, self._fail_after_pass, self._pass)
        self._grid = conditional_likelihood((*NODES, *(theta for null in nulls for theta in null.thetas)))
        self._late = restarts.LateFaults(late_faults)
        self._dispersion = dispersion
        self._shape: tuple[int, ...] | None = None
        self._allocate(1)

    def _allocate(self, size: int) -> None:
        processes = len(self._late.stakes)
        self._fail_logs = np.zeros((processes, len(LOG_WEIGHTS), size), dtype=np.float32)
        self._floor_fail_logs = np.zeros((processes, len(_WORSE_THAN_FLOOR), size), dtype=np.float32)
        self._pass_logs = np.zeros((1, len(LOG_WEIGHTS), size), dtype=np.float32)
        self._floor_pass_logs = np.zeros((1, len(_BETTER_THAN_FLOOR), size), dtype=np.float32)
        self._peak = np.zeros(size, dtype=np.float32)
        self._passed = np.zeros(size, dtype=np.float32)
        self._forecast = Forecast(np.zeros(size), np.zeros(size))
        self._effects = Effects(size)

    # --- input -------------------------------------------------------------------------------------------------

    def update(self, candidate: Counts, stable: Counts, *, start: float | None = None) -> None:
        """Take in one stratum.

        Args:
            candidate: events and total of the candidate in this stratum; fractions are rounded.
            stable: events and total of stable.
            start: when the stratum starts, in seconds; with `late_faults` it times the restarts within a step.

        Elements where a side has no answers, or a count is NaN, carry no evidence.

        Raises:
            ValueError: negative counts, more events than answers, or arrays of another shape than before.
        """
        counts = self._read(candidate, stable)
        if start is not None and self._late.due(start):
            self._restart_processes()
        table = Table(*counts, self._grid.at(*counts))
        passed = self._passed > 0
        evidence = self._fail.log_evidence(table, self._forecast)
        if passed.any():
            evidence = np.where(passed, self._fail_after_pass.log_evidence(table, self._forecast), evidence)
        self._fail_logs = restarts.add(self._fail_logs, evidence / self._dispersion)
        evidence = self._pass.log_evidence(table, self._forecast) / self._dispersion
        self._pass_logs = restarts.add(self._pass_logs, evidence)
        if self._floor is not None:
            self._update_floor(table.bad_c, table.total_c, self._floor)
        self._effects.add(np.stack(counts), table.likelihood[:, : len(NODES)], self._dispersion)
        self._forecast.learn(table.bad_s, table.total_s)
        self._note_crossings(passed)

    def _read(self, candidate: Counts, stable: Counts) -> tuple[Floats, Floats, Floats, Floats]:
        given = np.broadcast_arrays(*candidate, *stable)
        shape = given[0].shape
        if self._shape is None:
            self._shape = shape
            self._allocate(math.prod(shape))
        elif shape != self._shape:
            raise ValueError(f"this comparison has the shape {self._shape}, not {shape}")
        counts = np.rint(np.array(given, dtype=np.float64).reshape(4, -1))
        # without both sides there is nothing to compare, and NaN is no count
        counts = np.where(np.isfinite(counts).all(axis=0) & (counts[1] > 0) & (counts[3] > 0), counts, 0.0)
        if (counts < 0).any() or (counts[0] > counts[1]).any() or (counts[2] > counts[3]).any():
            raise ValueError("counts are at least 0, and events at most total")
        if self._flip:
            counts[0], counts[2] = counts[1] - counts[0], counts[3] - counts[2]
        return counts[0], counts[1], counts[2], counts[3]

    def _update_floor(self, bad: Floats, total: Floats, floor: float) -> None:
        worse = bernoulli.log_evidence(bad, total, floor, bernoulli.shifted(floor, _WORSE_THAN_FLOOR))
        better = bernoulli.log_evidence(bad, total, floor, bernoulli.shifted(floor, _BETTER_THAN_FLOOR))
        self._floor_fail_logs = restarts.add(self._floor_fail_logs, worse / self._dispersion)
        self._floor_pass_logs = restarts.add(self._floor_pass_logs, better / self._dispersion)

    def _note_crossings(self, passed: NDArray[np.bool_]) -> None:
        self._peak = np.maximum(self._peak, self._log_fail().astype(np.float32))
        newly = ~passed & (self._log_pass() >= -math.log(self.beta)) & (self._peak < -math.log(self.alpha))
        if newly.any():  # from here on only evidence against the margin counts: all its processes start now, at 1
            self._passed[newly] = 1
            self._fail_logs[:, :, newly] = 0
            self._floor_fail_logs[:, :, newly] = 0

    def restart(self, at: float | None = None) -> None:
        """A step begins: the step's own sums start again, and with `late_faults` a new process starts.

        Args:
            at: when, in seconds, on the clock of `update`'s `start`.
        """
        self._effects.begin_step()
        self._late.begin_step(at)
        if self._late.enabled:
            self._restart_processes()

    def _restart_processes(self) -> None:
        self._late.taken += 1
        self._fail_logs = restarts.with_restart(self._fail_logs)
        self._floor_fail_logs = restarts.with_restart(self._floor_fail_logs)

    def raise_dispersion(self, dispersion: float) -> None:
        """Use a larger dispersion from here on, and for what was collected so far; a smaller one changes nothing."""
        old = self._dispersion
        if dispersion <= old:
            return
        self._dispersion = dispersion
        for name in ("_fail_logs", "_floor_fail_logs", "_pass_logs", "_floor_pass_logs"):
            setattr(self, name, restarts.raise_dispersion(getattr(self, name), old, dispersion))
        self._effects.raise_dispersion(old, dispersion)

    # --- evidence ----------------------------------------------------------------------------------------------

    def _log_fail(self) -> Floats:
        processes = restarts.mixed(self._fail_logs, LOG_WEIGHTS)
        if self._floor is not None:  # neither "not worse than the limit" nor "below the floor" may be the truth
            processes = np.minimum(processes, restarts.mixed(self._floor_fail_logs, _LOG_WORSE_WEIGHTS))
        return restarts.total(processes, self._late.stakes, self._late.reserve)

    def _log_pass(self) -> Floats:
        ratio: Floats = restarts.mixed(self._pass_logs, LOG_WEIGHTS)[0]
        if self._floor is None:
            return ratio
        below_floor = restarts.mixed(self._floor_pass_logs, _LOG_BETTER_WEIGHTS)[0]
        result: Floats = np.logaddexp(ratio, below_floor) - math.log(2)
        return result

    @property
    def dispersion(self) -> float:
        """The dispersion in use."""
        return self._dispersion

    @property
    def log_e_fail(self) -> Value:
        """Natural logarithm of the evidence that the candidate is worse than acceptable (after a Pass: the margin)."""
        return self._out(self._log_fail())

    @property
    def log_e_pass(self) -> Value:
        """Natural logarithm of the evidence that the candidate is better than the margin (or below the floor)."""
        return self._out(self._log_pass())

    @property
    def peak_log_e_fail(self) -> Value:
        """The largest `log_e_fail` at the end of any stratum, at least 0; its inverse is an anytime p-value."""
        return self._out(self._peak.astype(np.float64))

    @property
    def verdict(self) -> str | NDArray[np.str_]:
        """Of a single test at its own level: "Fail" (for good), "Pass" (while the evidence lasts) or "Inconclusive"."""
        failed = self._peak >= -math.log(self.alpha)
        passes = self._log_pass() >= -math.log(self.beta)
        verdict = np.where(failed, "Fail", np.where(passes, "Pass", "Inconclusive"))
        return np.reshape(verdict, self._shape) if self._shape else str(verdict[0])

    # --- effects -----------------------------------------------------------------------------------------------

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

    @property
    def candidate(self) -> tuple[Value, Value]:
        """Events (as given) and total of the candidate so far: the exposures behind the verdict."""
        return self._counts(self._effects.sums[0:2])

    @property
    def stable(self) -> tuple[Value, Value]:
        """Events (as given) and total of stable so far."""
        return self._counts(self._effects.sums[2:4])

    @property
    def step_candidate(self) -> tuple[Value, Value]:
        """Events and total of the candidate since the step began."""
        return self._counts((self._effects.sums - self._effects.at_step)[0:2])

    @property
    def step_stable(self) -> tuple[Value, Value]:
        """Events and total of stable since the step began."""
        return self._counts((self._effects.sums - self._effects.at_step)[2:4])

    def _counts(self, counts: Floats) -> tuple[Value, Value]:
        bad, total = counts
        return self._out(total - bad if self._flip else bad), self._out(total)

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

    # --- stored state ------------------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """All that is needed to go on, JSON-able, at most 1 KiB for one comparison."""
        late = self._late
        clock = [late.taken, np.nan if late.step_start is None else late.step_start, late.doublings, self._dispersion]
        effects = self._effects
        return state.pack(
            "Proportion",
            {key: value for key, value in self._config.items() if value != _DEFAULTS[key]},
            self._shape or (),
            [
                np.array([self._shape is not None, *clock], dtype=np.float64),
                *(self._fail_logs, self._floor_fail_logs, self._pass_logs, self._floor_pass_logs),
                *(self._peak, self._passed, effects.likelihood),
                *(effects.sums, effects.at_step, effects.variance, self._forecast.bad, self._forecast.total),
            ],
        )

    @classmethod
    def from_state(cls, stored: Mapping[str, Any]) -> Self:
        """Go on from `state()`: every later result is the same as without the interruption.

        Raises:
            UnknownState: not a state of this class and version.
        """
        reader = state.Reader(stored, "Proportion")
        restored = cls(**reader.config)
        begun, taken, step_start, doublings, dispersion = reader.read(np.float64, 5)
        restored._late.taken = int(taken)
        restored._late.step_start = None if np.isnan(step_start) else float(step_start)
        restored._late.doublings = int(doublings)
        restored._dispersion = float(dispersion)
        restored._shape = reader.shape if begun else None
        size = math.prod(reader.shape)
        processes = len(restored._late.stakes)
        restored._fail_logs = reader.read(np.float32, processes, len(LOG_WEIGHTS), size)
        restored._floor_fail_logs = reader.read(np.float32, processes, len(_WORSE_THAN_FLOOR), size)
        restored._pass_logs = reader.read(np.float32, 1, len(LOG_WEIGHTS), size)
        restored._floor_pass_logs = reader.read(np.float32, 1, len(_BETTER_THAN_FLOOR), size)
        restored._peak = reader.read(np.float32, size)
        restored._passed = reader.read(np.float32, size)
        effects = Effects(size)
        effects.likelihood = reader.read(np.float32, len(NODES), size)
        effects.sums = reader.read(np.float64, SUMS, size)
        effects.at_step = reader.read(np.float64, SUMS, size)
        effects.variance = reader.read(np.float64, size)
        restored._effects = effects
        restored._forecast = Forecast(reader.read(np.float64, size), reader.read(np.float64, size))
        return restored


_DEFAULTS = dict(Proportion.__init__.__kwdefaults__ or {}, better="Lower")
