"""A proportion of two versions compared stratum by stratum: evidence that may be looked at after every scrape."""

import math
from collections.abc import Mapping
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from modelrollout.stats import bernoulli, restarts, state
from modelrollout.stats.comparison import Floats, Value
from modelrollout.stats.effects import NODES, SUMS, Effects
from modelrollout.stats.hypotheses import hypotheses
from modelrollout.stats.limits import Limit, one_limit
from modelrollout.stats.nulls import ALTERNATIVES, LOG_WEIGHTS, Forecast
from modelrollout.stats.proportion_effects import ProportionEffects

Better = Literal["Lower", "Higher"]
Counts = tuple[ArrayLike, ArrayLike]

DEFAULT_FLOOR = 0.002

# Alternatives above and below the floor as factors on the odds, and their prior weights.
_AROUND_FLOOR = np.array([1.3, 2.0, 5.0, 0.5, 0.15, 0.01])
_LOG_WORSE_WEIGHTS = np.log([0.3, 0.4, 0.3])
_LOG_BETTER_WEIGHTS = np.log([0.3, 0.3, 0.4])
# Better than the margin, or below the floor: half of the stake on each.
_LOG_PASS_WEIGHTS = np.concatenate([LOG_WEIGHTS, _LOG_BETTER_WEIGHTS]) - math.log(2)


class Proportion(ProportionEffects):
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
        self._log_pass_weights = LOG_WEIGHTS if self._floor is None else _LOG_PASS_WEIGHTS
        self._floor_slopes = None if self._floor is None else bernoulli.slopes(self._floor, _AROUND_FLOOR)
        self._hypotheses = hypotheses(acceptable, margin, tuple(NODES))
        self._late = restarts.LateFaults(late_faults)
        self._dispersion = dispersion
        self._shape: tuple[int, ...] | None = None
        self._allocate(1)

    def _allocate(self, size: int) -> None:
        floor = 0 if self._floor is None else 1
        self._fail_logs = np.zeros(
            (len(self._late.stakes), ALTERNATIVES + floor * len(_LOG_WORSE_WEIGHTS), size), dtype=np.float32
        )
        self._pass_logs = np.zeros((1, ALTERNATIVES + floor * len(_LOG_BETTER_WEIGHTS), size), dtype=np.float32)
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
        passed = self._passed > 0
        likelihood, worse, better = self._hypotheses.weigh(counts, passed, self._forecast)
        if self._floor_slopes is not None:
            floor = self._floor_slopes @ np.stack([counts[0], counts[1] - counts[0]])
            worse = np.concatenate([worse, floor[: len(_LOG_WORSE_WEIGHTS)]])
            better = np.concatenate([better, floor[len(_LOG_WORSE_WEIGHTS) :]])
        self._fail_logs = restarts.add(self._fail_logs, worse / self._dispersion)
        self._pass_logs = restarts.add(self._pass_logs, better / self._dispersion)
        self._effects.add(counts, likelihood, self._dispersion)
        self._forecast.learn(counts[2], counts[3])
        self._note_crossings(passed)

    def _read(self, candidate: Counts, stable: Counts) -> Floats:
        given = [np.asarray(values, dtype=np.float64) for values in (*candidate, *stable)]
        shape = np.broadcast_shapes(*(values.shape for values in given))
        if self._shape is None:
            self._shape = shape
            self._allocate(math.prod(shape))
        elif shape != self._shape:
            raise ValueError(f"this comparison has the shape {self._shape}, not {shape}")
        counts: Floats = np.array(
            [values if values.shape == shape else np.broadcast_to(values, shape) for values in given]
        )
        counts = np.rint(counts).reshape(4, -1)
        # without both sides there is nothing to compare, and NaN is no count
        missing = ~((counts[1] > 0) & (counts[3] > 0) & np.isfinite(counts).all(axis=0))
        if missing.any():
            counts[:, missing] = 0.0
        if counts.min(initial=0) < 0 or (counts[0::2] > counts[1::2]).any():
            raise ValueError("counts are at least 0, and events at most total")
        if self._flip:
            counts[0::2] = counts[1::2] - counts[0::2]
        return counts

    def _note_crossings(self, passed: NDArray[np.bool_]) -> None:
        self._peak = np.maximum(self._peak, self._log_fail().astype(np.float32))
        if passed.all():
            return
        newly = ~passed & (self._log_pass() >= -math.log(self.beta)) & (self._peak < -math.log(self.alpha))
        if newly.any():  # from here on only evidence against the margin counts: all its processes start now, at 1
            self._passed[newly] = 1
            self._fail_logs[:, :, newly] = 0

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

    def raise_dispersion(self, dispersion: float) -> None:
        """Use a larger dispersion from here on, and for what was collected so far; a smaller one changes nothing."""
        old = self._dispersion
        if dispersion <= old:
            return
        self._dispersion = dispersion
        for name in ("_fail_logs", "_pass_logs"):
            setattr(self, name, restarts.raise_dispersion(getattr(self, name), old, dispersion))
        self._effects.raise_dispersion(old, dispersion)

    # --- evidence ----------------------------------------------------------------------------------------------

    def _log_fail(self) -> Floats:
        processes = restarts.mixed(self._fail_logs[:, :ALTERNATIVES], LOG_WEIGHTS)
        if self._floor is not None:  # neither "not worse than the limit" nor "below the floor" may be the truth
            above_floor = restarts.mixed(self._fail_logs[:, ALTERNATIVES:], _LOG_WORSE_WEIGHTS)
            processes = np.minimum(processes, above_floor)
        return restarts.total(processes, self._late.stakes, self._late.reserve)

    def _log_pass(self) -> Floats:
        result: Floats = restarts.mixed(self._pass_logs, self._log_pass_weights)[0]
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
                *(self._fail_logs, self._pass_logs, self._peak, self._passed, effects.likelihood),
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
        restored._allocate(size)
        restored._fail_logs = reader.read(np.float32, *restored._fail_logs.shape)
        restored._pass_logs = reader.read(np.float32, *restored._pass_logs.shape)
        restored._peak = reader.read(np.float32, size)
        restored._passed = reader.read(np.float32, size)
        effects = restored._effects
        effects.likelihood = reader.read(np.float32, len(NODES), size)
        effects.sums = reader.read(np.float64, SUMS, size)
        effects.at_step = reader.read(np.float64, SUMS, size)
        effects.variance = reader.read(np.float64, size)
        restored._forecast = Forecast(reader.read(np.float64, size), reader.read(np.float64, size))
        return restored


_DEFAULTS = dict(Proportion.__init__.__kwdefaults__ or {}, better="Lower")
