"""Drift: how far the candidate's distribution (of scores, say) lies from stable's, stratum by stratum."""

import math
from collections.abc import Mapping
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from modelrollout.stats import drift, restarts, state
from modelrollout.stats.comparison import Floats, Interval, Value

MOST_BUCKETS = 64

_MEMORY = 0.97  # weight of past strata in the forecast, per stratum
_RUN, _STEP, _RECENT = range(3)  # sums since the start, since the step began, and with a fading memory
# Alternatives: what the run showed, shrunk as James and Stein do; half of it; what the last strata showed, shrunk.
_SOURCES = ((_RUN, None), (_RUN, 0.5), (_RECENT, None))
_LOG_WEIGHTS = np.log([0.5, 0.2, 0.3])
_BURN_IN = 50.0  # answers of each side, and
_BURN_IN_BUCKET = 5.0  # answers of each side per bucket in use, before the normal approximation is asked
_FULL_BUCKET = 5.0  # answers from which a bucket counts as a whole degree of freedom

# Prior of the distance, for its confidence sequence: an atom of nothing, half-Cauchy tails around 0.05.
_GRID = np.linspace(0, 1, 401) ** 2
_LOG_PRIOR = np.log(np.gradient(_GRID) / (1 + (_GRID / 0.05) ** 2))
_LOG_PRIOR -= np.log(np.exp(_LOG_PRIOR).sum())


class Distribution:
    """Sequential comparison of two versions' distributions over the same buckets.

    The effect is the Jensen-Shannon distance (the square root of the divergence in bits, 0 to 1). Two distances leave
    a zone of indifference between them. *Fail*: the evidence that the distance is larger than `acceptable_distance`
    reaches 1/alpha (from the first Pass on: larger than the margin). *Pass*: the evidence that it is smaller than the
    margin reaches 1/beta. Two versions of a model are never exactly alike, and with enough answers any trifle would be
    proved; so what is acceptable is half the margin unless it is set, and 0 (equality) only on request.

    Fail is valid at whatever time one looks, for any counts, baselines and weights that change: every stratum's
    evidence is a bet fixed before it (`drift.log_evidence`), and speaks against "no further apart than acceptable in
    every stratum". Pass rests on the normal approximation to the weighted sums over the strata
    (`drift.log_likelihood`) and speaks of the distance between the two versions' averages; drifts that point in
    opposite directions at different times cancel in it.

    Buckets that nobody has fallen into carry no evidence and count neither for nor against.
    """

    effect_kind: Literal["distance"] = "distance"

    def __init__(
        self,
        *,
        margin_distance: float,
        acceptable_distance: float | None = None,
        alpha: float = 0.01,
        beta: float = 0.05,
        dispersion: float = 1.0,
        late_faults: bool = False,
    ) -> None:
        """Set the limits.

        Args:
            margin_distance: the largest Jensen-Shannon distance that may pass, above 0 and below 1.
            acceptable_distance: a candidate up to this distance may not be failed; default half the margin.
            alpha: chance that an acceptable candidate ever fails.
            beta: chance that a candidate at the margin ever passes.
            dispersion: at least 1; how much more the counts vary than independent answers would.
            late_faults: keep part of the stake for restarts, so that hours of good answers do not hide a late fault.

        Raises:
            ValueError: limits out of range or out of order.
        """
        acceptable = margin_distance / 2 if acceptable_distance is None else acceptable_distance
        if not 0 < margin_distance < 1 or not 0 <= acceptable <= margin_distance:
            raise ValueError("the margin lies between 0 and 1, and what is acceptable between 0 and the margin")
        if not (0 < alpha < 1 and 0 < beta < 1 and dispersion >= 1):
            raise ValueError("alpha and beta lie between 0 and 1, dispersion is at least 1")
        self._config = {
            "margin_distance": margin_distance,
            "acceptable_distance": acceptable_distance,
            "alpha": alpha,
            "beta": beta,
            "late_faults": late_faults,
        }
        self.alpha, self.beta = alpha, beta
        self._acceptable, self._margin = acceptable**2 * drift.BITS, margin_distance**2 * drift.BITS
        self._dispersion = dispersion
        self._late = restarts.LateFaults(late_faults)
        self._shape: tuple[int, ...] | None = None
        self._allocate(1, 0)

    def _allocate(self, size: int, buckets: int) -> None:
        self._fail_logs = np.zeros((len(self._late.stakes), len(_SOURCES), size), dtype=np.float32)
        self._peak = np.zeros(size, dtype=np.float32)
        self._passed = np.zeros(size, dtype=np.float32)
        # weighted counts of candidate (Σ b·n/(m+n)) and stable (Σ a·m/(m+n)) per bucket; single precision keeps the
        # stored state small, and is what is in memory too, so that nothing changes by storing it
        self._sums = np.zeros((3, 2, size, buckets), dtype=np.float32)
        self._answers = np.zeros((2, 2, size))  # since the start and since the step began; of candidate and stable

    # --- input -------------------------------------------------------------------------------------------------

    def update(self, candidate: ArrayLike, stable: ArrayLike, *, start: float | None = None) -> None:
        """Take in one stratum.

        Args:
            candidate: the candidate's answers per bucket (not cumulative), the buckets on the last axis, the
                comparisons on those before; fractions are rounded.
            stable: the same of stable.
            start: when the stratum starts, in seconds; with `late_faults` it times the restarts within a step.

        A comparison where a side has no answers, or a count is NaN, gets no evidence.

        Raises:
            ValueError: negative counts, fewer than 2 or more than 64 buckets, or another shape than before.
        """
        b, a = self._read(candidate, stable)
        if start is not None and self._late.due(start):
            self._restart_processes()
        passed = self._passed > 0
        self._fail_logs = restarts.add(self._fail_logs, self._log_evidence(b, a, passed) / self._dispersion)
        m, n = b.sum(axis=1, keepdims=True), a.sum(axis=1, keepdims=True)
        seen = (m > 0)[:, 0]
        both = np.maximum(m + n, 1.0)
        weighted = np.stack([b * n / both, a * m / both])
        self._sums[_RECENT][:, seen] *= _MEMORY
        self._sums = (self._sums + weighted).astype(np.float32)
        self._answers += np.stack([m[:, 0], n[:, 0]])
        self._peak = np.maximum(self._peak, self._log_fail().astype(np.float32))
        newly = ~passed & (self._log_pass() >= -math.log(self.beta)) & (self._peak < -math.log(self.alpha))
        if newly.any():  # from here on only evidence against the margin counts: all its processes start now, at 1
            self._passed[newly] = 1
            self._fail_logs[:, :, newly] = 0

    def _read(self, candidate: ArrayLike, stable: ArrayLike) -> tuple[Floats, Floats]:
        given = np.broadcast_arrays(np.asarray(candidate, dtype=np.float64), np.asarray(stable, dtype=np.float64))
        shape = given[0].shape
        if not shape or not 2 <= shape[-1] <= MOST_BUCKETS:
            raise ValueError(f"a distribution has 2 to {MOST_BUCKETS} buckets, on the last axis")
        if self._shape is None:
            self._shape = shape[:-1]
            self._allocate(math.prod(shape[:-1]), shape[-1])
        elif shape != (*self._shape, self._sums.shape[-1]):
            raise ValueError(f"this comparison has the shape {(*self._shape, self._sums.shape[-1])}, not {shape}")
        counts = np.rint(np.stack(given).reshape(2, -1, shape[-1]))
        usable = np.isfinite(counts).all(axis=(0, 2)) & (np.nan_to_num(counts).sum(axis=2) > 0).all(axis=0)
        counts = np.where(usable[:, None], counts, 0.0)
        if (counts < 0).any():
            raise ValueError("counts are at least 0")
        return counts[0], counts[1]

    def _log_evidence(self, b: Floats, a: Floats, passed: NDArray[np.bool_]) -> Floats:
        """Log e-values of the stratum for each alternative (J, N), each told by the strata before."""
        recent = self._sums[_RECENT].astype(np.float64).sum(axis=0)
        mid = (recent + 0.5) / (recent.sum(axis=1, keepdims=True) + 0.5 * recent.shape[1])
        result = np.zeros((len(_SOURCES), len(b)))
        for j, (source, shrink) in enumerate(_SOURCES):
            p, q = self._shares(source)
            factor = self._shrinkage(source) if shrink is None else np.full(len(b), shrink)
            slope = factor[:, None] * (p - q) / (2 * mid)
            result[j] = drift.log_evidence(b, a, mid, slope, self._acceptable)
            if passed.any():
                result[j] = np.where(passed, drift.log_evidence(b, a, mid, slope, self._margin), result[j])
        return result

    def restart(self, at: float | None = None) -> None:
        """A step begins: its own sums start again, and with `late_faults` a new process starts.

        Args:
            at: when, in seconds, on the clock of `update`'s `start`.
        """
        self._sums[_STEP] = 0
        self._answers[_STEP] = 0
        self._late.begin_step(at)
        if self._late.enabled:
            self._restart_processes()

    def _restart_processes(self) -> None:
        self._late.taken += 1
        self._fail_logs = restarts.with_restart(self._fail_logs)

    def raise_dispersion(self, dispersion: float) -> None:
        """Use a larger dispersion from here on, and for what was collected so far; a smaller one changes nothing."""
        old = self._dispersion
        if dispersion > old:
            self._dispersion = dispersion
            self._fail_logs = restarts.raise_dispersion(self._fail_logs, old, dispersion)

    # --- what the sums say -------------------------------------------------------------------------------------

    def _weights(self, source: int) -> Floats:
        total: Floats = self._sums[source, 0].astype(np.float64).sum(axis=1)
        return total

    def _shares(self, source: int) -> tuple[Floats, Floats]:
        """Both versions' shares per bucket (N, K), weighted alike over the strata; 0 without data."""
        sums = self._sums[source].astype(np.float64)
        totals = sums.sum(axis=2, keepdims=True)
        shares = sums / np.where(totals > 0, totals, 1.0)
        return shares[0], shares[1]

    def _freedoms(self, source: int) -> Floats:
        """Buckets with answers less one; a bucket with few answers counts as a part of one."""
        both = self._sums[source].astype(np.float64).sum(axis=0)
        result: Floats = np.maximum(np.minimum(1.0, both / _FULL_BUCKET).sum(axis=1) - 1, 1.0)
        return result

    def _shrinkage(self, source: int) -> Floats:
        """How much of the drift found is no noise, 0 to 1 (the positive part of James and Stein's estimate).

        Source: W. James, C. Stein, "Estimation with quadratic loss", Proc. 4th Berkeley Symp. 1 (1961) 361-379.
        """
        signal = 8 * self._weights(source) * drift.divergence(*self._shares(source)) / self._dispersion
        result: Floats = np.maximum(0.0, 1 - self._freedoms(source) / np.maximum(signal, 1e-12))
        return result

    def _log_likelihood(self, divergences: Floats) -> Floats:
        """Of divergences in nats (G,), from the run's sums, relative to equality: (G, N)."""
        found = np.sqrt(8 * drift.divergence(*self._shares(_RUN)))
        radius = np.sqrt(8 * divergences)[:, None]
        return drift.log_likelihood(radius, found, self._weights(_RUN) / self._dispersion, self._freedoms(_RUN))

    # --- evidence ----------------------------------------------------------------------------------------------

    def _log_fail(self) -> Floats:
        processes = restarts.mixed(self._fail_logs, _LOG_WEIGHTS)
        return restarts.total(processes, self._late.stakes, self._late.reserve)

    def _log_pass(self) -> Floats:
        if not self._sums.shape[-1]:
            return np.zeros(len(self._peak))
        evidence = -self._log_likelihood(np.array([self._margin]))[0]
        return np.where(self._burnt_in(), evidence, 0.0)

    def _burnt_in(self) -> NDArray[np.bool_]:
        used = (self._sums[_RUN].sum(axis=0) > 0).sum(axis=1)
        enough: NDArray[np.bool_] = (self._answers[_RUN] >= _BURN_IN).all(axis=0)
        enough &= self._weights(_RUN) >= _BURN_IN_BUCKET * used
        return enough

    @property
    def dispersion(self) -> float:
        """The dispersion in use."""
        return self._dispersion

    @property
    def log_e_fail(self) -> Value:
        """Natural logarithm of the evidence that the drift is more than acceptable (after a Pass: than the margin)."""
        return self._out(self._log_fail())

    @property
    def log_e_pass(self) -> Value:
        """Natural logarithm of the evidence that the drift is less than the margin."""
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

    def _distance(self, source: int) -> Floats:
        """The distance found, less what noise alone would give; NaN without data."""
        weights = self._weights(source)
        if not self._sums.shape[-1]:
            return np.full(len(weights), np.nan)
        noise = self._dispersion * self._freedoms(source) / (8 * np.maximum(weights, 1e-12))
        found = np.maximum(drift.divergence(*self._shares(source)) - noise, 0.0)
        return np.where(weights > 0, np.sqrt(found / drift.BITS), np.nan)

    @property
    def effect(self) -> Value:
        """Jensen-Shannon distance, corrected for what noise alone would give; NaN without data."""
        return self._out(self._distance(_RUN))

    @property
    def step_effect(self) -> Value:
        """The same from the step's own data."""
        return self._out(self._distance(_STEP))

    def interval(self, level: float = 0.95) -> Interval:
        """The distance with its confidence sequence at this level (as asymptotic as Pass is).

        All distances that a mixture over all others does not reject at any time; the ends lie within 0 and 1.
        """
        curve = self._log_likelihood(_GRID**2 * drift.BITS) if self._sums.shape[-1] else np.zeros((len(_GRID), 1))
        weighted = curve + _LOG_PRIOR[:, None]
        top = weighted.max(axis=0)
        kept = np.log(np.exp(weighted - top).sum(axis=0)) + top - curve < math.log(1 / (1 - level))
        kept |= ~self._burnt_in()
        first = np.argmax(kept, axis=0)
        last = len(_GRID) - 1 - np.argmax(kept[::-1], axis=0)
        # one grid step outwards: the true end lies between the last kept and the first dropped point
        low, high = _GRID[np.maximum(first - 1, 0)], _GRID[np.minimum(last + 1, len(_GRID) - 1)]
        return Interval(self.effect, self._out(low), self._out(high))

    @property
    def low(self) -> Value:
        """Lower end of the distance's 95 % confidence sequence."""
        return self.interval().low

    @property
    def high(self) -> Value:
        """Upper end of the distance's 95 % confidence sequence."""
        return self.interval().high

    @property
    def stability_index(self) -> Value:
        """Population stability index, as it is usually computed; empty buckets get half an answer. NaN without data."""
        if not self._sums.shape[-1]:
            return self._out(np.full(len(self._peak), np.nan))
        sums = self._sums[_RUN].astype(np.float64)
        used = sums.sum(axis=0) > 0
        filled = np.where(used, np.maximum(sums, 0.5 * (sums < 0.5) + sums * (sums >= 0.5)), 1e-300)
        p, q = filled / filled.sum(axis=2, keepdims=True)
        return self._out(np.where(used.any(axis=1), drift.stability_index(p, q), np.nan))

    @property
    def estimates(self) -> tuple[Value, None]:
        """The distance; it belongs to both versions, so there is no second value."""
        return self.effect, None

    @property
    def step_estimates(self) -> tuple[Value, None]:
        """The same from the step's own data."""
        return self.step_effect, None

    @property
    def exposures(self) -> tuple[Value, Value]:
        """Answers of candidate and stable so far."""
        return self._out(self._answers[_RUN, 0]), self._out(self._answers[_RUN, 1])

    @property
    def step_exposures(self) -> tuple[Value, Value]:
        """Answers of candidate and stable since the step began."""
        return self._out(self._answers[_STEP, 0]), self._out(self._answers[_STEP, 1])

    def _out(self, values: Floats) -> Value:
        return values.reshape(self._shape) if self._shape else float(values[0])

    # --- stored state ------------------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """All that is needed to go on, JSON-able: about 480 bytes and 30 for each bucket, 1 KiB up to 18 buckets."""
        late = self._late
        clock = [late.taken, np.nan if late.step_start is None else late.step_start, late.doublings, self._dispersion]
        head = np.array([self._shape is not None, self._sums.shape[-1], *clock], dtype=np.float64)
        arrays: list[NDArray[Any]] = [head, self._fail_logs, self._peak, self._passed, self._sums, self._answers]
        return state.pack("Distribution", self._config, self._shape or (), arrays)

    @classmethod
    def from_state(cls, stored: Mapping[str, Any]) -> Self:
        """Go on from `state()`: every later result is the same as without the interruption.

        Raises:
            UnknownState: not a state of this class and version.
        """
        reader = state.Reader(stored, "Distribution")
        restored = cls(**reader.config)
        begun, buckets, taken, step_start, doublings, dispersion = reader.read(np.float64, 6)
        restored._late.taken = int(taken)
        restored._late.step_start = None if np.isnan(step_start) else float(step_start)
        restored._late.doublings = int(doublings)
        restored._dispersion = float(dispersion)
        restored._shape = reader.shape if begun else None
        size = math.prod(reader.shape)
        restored._fail_logs = reader.read(np.float32, len(restored._late.stakes), len(_SOURCES), size)
        restored._peak = reader.read(np.float32, size)
        restored._passed = reader.read(np.float32, size)
        restored._sums = reader.read(np.float32, 3, 2, size, int(buckets))
        restored._answers = reader.read(np.float64, 2, 2, size)
        return restored
