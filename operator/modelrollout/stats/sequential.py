"""What all sequential comparisons have in common: verdict, peak, restarts and the stored state."""

import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from modelrollout.stats import restarts, state
from modelrollout.stats.comparison import Floats, Value
from modelrollout.stats.evidence import Evidence
from modelrollout.stats.figures import Figures
from modelrollout.stats.zone import check


class Sequential(Figures):
    """A comparison of candidate and stable that may be looked at after every stratum.

    *Fail*: the evidence that the candidate is worse than acceptable reaches 1/alpha (from the first Pass on: that it
    is worse than the margin). *Pass*: the evidence that it is better than the margin reaches 1/beta.

    A subclass brings the evidence (`_new_evidence`), reads a stratum (`_checked`, `_add`), and says what its sums mean
    (see `Figures`).
    """

    _anew_after_pass = True
    """Whether the evidence of a Fail starts anew, at 1, with the first Pass: from there on the margin is the limit."""

    def __init__(self, config: dict[str, Any]) -> None:
        """Begin without data.

        Args:
            config: the constructor's arguments by name, better, alpha, beta, dispersion and late_faults among them.

        Raises:
            ValueError: an argument out of range.
        """
        check(config.get("better", "Lower"), config["alpha"], config["beta"], config["dispersion"])
        self._config = config
        self.alpha: float = config["alpha"]
        self.beta: float = config["beta"]
        self._late = restarts.LateFaults(config["late_faults"])
        self._columns = 0  # numbers per comparison in every stratum
        self._allocate(1, config["dispersion"])

    def _allocate(self, size: int, dispersion: float) -> None:
        self._evidence: Evidence = self._new_evidence(size, len(self._late.stakes), dispersion)
        self._peak = np.zeros(size, dtype=np.float32)
        self._passed = np.zeros(size, dtype=np.float32)
        self._begin_sums(size)

    @abstractmethod
    def _new_evidence(self, size: int, processes: int, dispersion: float) -> Evidence:
        """Evidence of 1 for this many comparisons, and this many processes against failing."""

    @abstractmethod
    def _checked(self, values: Floats) -> Floats:
        """A stratum (K, N), all zero where it carries no evidence; ValueError for what cannot be."""

    @abstractmethod
    def _add(self, values: Floats, passed: NDArray[np.bool_]) -> Floats:
        """Add a stratum to the evidence; what to add to the sums, shape (rows, N)."""

    # --- input -------------------------------------------------------------------------------------------------

    def _take(self, given: Sequence[ArrayLike], start: float | None) -> None:
        columns = [np.asarray(column, dtype=np.float64) for column in given]
        shapes = {column.shape for column in columns}
        shape = shapes.pop() if len(shapes) == 1 else np.broadcast_shapes(*shapes)
        if self._shape not in (None, shape):
            raise ValueError(f"this comparison has the shape {self._shape}, not {shape}")
        if self._columns not in (0, len(columns)):
            raise ValueError("every stratum brings the same numbers: sums of squares always, or never")
        whole = [column if column.shape == shape else np.broadcast_to(column, shape) for column in columns]
        values = self._checked(np.array(whole).reshape(len(columns), -1))
        if self._shape is None:
            self._shape, self._columns = shape, len(columns)
            self._allocate(math.prod(shape), self.dispersion)
        if start is not None and self._late.due(start):
            self._start_process()
        passed = self._passed > 0
        self._sums += self._add(values, passed)
        self._note_crossings(passed)

    def _note_crossings(self, passed: NDArray[np.bool_]) -> None:
        self._peak = np.maximum(self._peak, self._log_fail().astype(np.float32))
        if not self._anew_after_pass or passed.all():
            return
        newly = ~passed & (self._evidence.log_pass() >= -math.log(self.beta)) & (self._peak < -math.log(self.alpha))
        if newly.any():  # from here on only evidence against the margin counts: all its processes start now, at 1
            self._passed[newly] = 1
            self._evidence.begin_anew(newly)

    def restart(self, at: float | None = None) -> None:
        """A step begins: the step's own sums start again, and with `late_faults` a new process starts.

        Args:
            at: when, in seconds, on the clock of `update`'s `start`.
        """
        self._begin_step()
        self._late.begin_step(at)
        if self._late.enabled:
            self._start_process()

    def _start_process(self) -> None:
        self._late.taken += 1
        self._evidence.restart()

    def raise_dispersion(self, dispersion: float) -> None:
        """Use a larger dispersion from here on, and for what was collected so far; a smaller one changes nothing.

        A Fail stays one, for whoever looks at every stratum has acted upon it. Otherwise a peak that was reached with
        the smaller one no longer counts (another comparison's Fail could make it enough), only what is left of it.
        """
        if dispersion > self.dispersion:
            self._evidence.raise_dispersion(dispersion)
            self._peak = restarts.lowered_peak(self._peak, self._log_fail(), -math.log(self.alpha))

    # --- evidence ----------------------------------------------------------------------------------------------

    @property
    def dispersion(self) -> float:
        """The dispersion in use."""
        return self._evidence.dispersion

    def _log_fail(self) -> Floats:
        return restarts.total(self._evidence.log_fail(), self._late.stakes, self._late.reserve)

    @property
    def log_e_fail(self) -> Value:
        """Natural logarithm of the evidence that the candidate is worse than acceptable (after a Pass: the margin)."""
        return self._out(self._log_fail())

    @property
    def log_e_pass(self) -> Value:
        """Natural logarithm of the evidence that the candidate is better than the margin."""
        return self._out(self._evidence.log_pass())

    @property
    def peak_log_e_fail(self) -> Value:
        """The largest `log_e_fail` at the end of any stratum, at least 0; its inverse is an anytime p-value.

        Short of a Fail, only strata since the dispersion was last raised count.
        """
        return self._out(self._peak.astype(np.float64))

    @property
    def verdict(self) -> str | NDArray[np.str_]:
        """Of a single test at its own level: "Fail" (for good), "Pass" (while the evidence lasts) or "Inconclusive"."""
        passes = self._evidence.log_pass() >= -math.log(self.beta)
        failed = self._peak >= -math.log(self.alpha)
        verdict = np.where(failed, "Fail", np.where(passes, "Pass", "Inconclusive"))
        return np.reshape(verdict, self._shape) if self._shape else str(verdict[0])

    # --- stored state ------------------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """All that is needed to go on, JSON-able, at most 1 KiB for one comparison."""
        late = self._late
        clock = [late.taken, np.nan if late.step_start is None else late.step_start, late.doublings]
        head = np.array([self._shape is not None, self._columns, *clock, self.dispersion], dtype=np.float64)
        defaults = {"better": "Lower", **(type(self).__init__.__kwdefaults__ or {})}
        config = {name: value for name, value in self._config.items() if value != defaults.get(name)}
        seen: list[NDArray[Any]] = [head, self._peak, self._passed, self._sums, self._at_step]
        return state.pack(type(self).__name__, config, self._shape or (), [*seen, *self._evidence.arrays()])

    @classmethod
    def from_state(cls, stored: Mapping[str, Any]) -> Self:
        """Go on from `state()`: every later result is the same as without the interruption.

        Raises:
            UnknownState: not a state of this class and version.
        """
        reader = state.Reader(stored, cls.__name__)
        restored = cls(**reader.config)
        begun, columns, taken, step_start, doublings, dispersion = reader.read(np.float64, 6)
        restored._late.taken = int(taken)
        restored._late.step_start = None if np.isnan(step_start) else float(step_start)
        restored._late.doublings = int(doublings)
        restored._columns = int(columns)
        restored._shape = reader.shape if begun else None
        size = math.prod(reader.shape)
        restored._allocate(size, float(dispersion))
        restored._peak = reader.read(np.float32, size)
        restored._passed = reader.read(np.float32, size)
        restored._sums = reader.read(np.float64, restored._rows, size)
        restored._at_step = reader.read(np.float64, restored._rows, size)
        restored._evidence.restore([reader.read(a.dtype.type, *a.shape) for a in restored._evidence.arrays()])
        return restored
