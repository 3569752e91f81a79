"""What tests that guard a comparison's data have in common: evidence on both sides of what should be, and an alarm."""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from modelrollout.stats import restarts, state
from modelrollout.stats.comparison import Floats, Value


class Alarm(ABC):
    """A sequential test that all is as it should be; once it is not, it says so for good.

    A subclass names what it found (`_found`), weighs its alternatives (`_log_weights`), keeps its own sums (`_begin`,
    `_kept`, `_restore`) and hands every stratum's log evidence to `_gain`.
    """

    _found: str
    _log_weights: Floats

    def __init__(self, config: dict[str, Any], *, level: float, dispersion: float) -> None:
        """Begin without data.

        Args:
            config: the constructor's arguments by name, but for the dispersion.
            level: chance of an alarm where all is as it should be.
            dispersion: at least 1; what log evidence is divided by.

        Raises:
            ValueError: a value out of range.
        """
        if not (0 < level < 1 and dispersion >= 1):
            raise ValueError("the level lies between 0 and 1, dispersion is at least 1")
        self._config = config
        self.level = level
        self._dispersion = dispersion
        self._shape: tuple[int, ...] | None = None
        self._allocate(1)

    def _allocate(self, size: int) -> None:
        self._logs = np.zeros((len(self._log_weights), size), dtype=np.float32)
        self._peak = np.zeros(size, dtype=np.float32)
        self._begin(size)

    @abstractmethod
    def _begin(self, size: int) -> None:
        """Set the own sums of this many tests to nothing."""

    @abstractmethod
    def _kept(self) -> list[NDArray[np.float64]]:
        """The own sums, to be stored."""

    @abstractmethod
    def _restore(self, kept: list[NDArray[np.float64]]) -> None:
        """Take over what `_kept` gave."""

    def _check_shape(self, shape: tuple[int, ...]) -> None:
        if self._shape not in (None, shape):
            raise ValueError(f"this test has the shape {self._shape}, not {shape}")

    def _begin_with(self, shape: tuple[int, ...]) -> None:
        """Make room at the first stratum."""
        if self._shape is None:
            self._shape = shape
            self._allocate(math.prod(shape))

    def _gain(self, evidence: Floats) -> None:
        """Add a stratum's log evidence for each alternative, shape (J, N)."""
        self._logs = restarts.add(self._logs, evidence / self._dispersion)
        self._peak = np.maximum(self._peak, self._log_e().astype(np.float32))

    def raise_dispersion(self, dispersion: float) -> None:
        """Use a larger dispersion from here on, and for what was collected so far; a smaller one changes nothing."""
        old = self._dispersion
        if dispersion > old:
            self._dispersion = dispersion
            self._logs = restarts.raise_dispersion(self._logs, old, dispersion)
            self._peak = restarts.lowered_peak(self._peak, self._log_e(), -math.log(self.level))

    def _log_e(self) -> Floats:
        result: Floats = restarts.mixed(self._logs[None], self._log_weights)[0]
        return result

    @property
    def dispersion(self) -> float:
        """The dispersion in use."""
        return self._dispersion

    @property
    def log_e(self) -> Value:
        """Natural logarithm of the evidence that all is not as it should be."""
        return self._out(self._log_e())

    @property
    def p_value(self) -> Value:
        """A p-value that may be looked at any time: the running minimum of the inverse evidence."""
        return self._out(np.exp(-self._peak.astype(np.float64)))

    @property
    def verdict(self) -> str | NDArray[np.str_]:
        """Once the p-value is at most the level what was found, for good; else "Healthy"."""
        verdict = np.where(self._peak >= -math.log(self.level), self._found, "Healthy")
        return verdict.reshape(self._shape) if self._shape else str(verdict[0])

    def _out(self, values: Floats) -> Value:
        return values.reshape(self._shape) if self._shape else float(values[0])

    def state(self) -> dict[str, Any]:
        """All that is needed to go on, JSON-able, at most 1 KiB for one test."""
        head = np.array([self._shape is not None, self._dispersion], dtype=np.float64)
        arrays: list[NDArray[Any]] = [head, self._logs, self._peak, *self._kept()]
        return state.pack(type(self).__name__, self._config, self._shape or (), arrays)

    @classmethod
    def from_state(cls, stored: Mapping[str, Any]) -> Self:
        """Go on from `state()`: every later result is the same as without the interruption.

        Raises:
            UnknownState: not a state of this class and version.
        """
        reader = state.Reader(stored, cls.__name__)
        restored = cls(**reader.config)
        begun, dispersion = reader.read(np.float64, 2)
        restored._dispersion = float(dispersion)
        restored._shape = reader.shape if begun else None
        restored._allocate(math.prod(reader.shape))
        restored._logs = reader.read(np.float32, *restored._logs.shape)
        restored._peak = reader.read(np.float32, *restored._peak.shape)
        restored._restore([reader.read(np.float64, *kept.shape) for kept in restored._kept()])
        return restored
