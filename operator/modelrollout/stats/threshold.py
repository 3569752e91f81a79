"""A value against a fixed bound. No statistics: it carries no promise about false alarms."""

import math
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from modelrollout.stats import state


class Threshold:
    """Fails after so many values in a row beyond a bound.

    *Fail*: `consecutive` values in a row were beyond a bound; for good. *Pass*: the last value is within.
    *Inconclusive*: the last value is missing or NaN, or beyond, but not often enough. A missing value neither counts
    nor clears the values beyond the bound before it: silence is no good news.
    """

    def __init__(self, *, max: float | None = None, min: float | None = None, consecutive: int = 1) -> None:  # noqa: A002
        """Set the bounds; a value equal to a bound is within.

        Args:
            max: the largest good value.
            min: the smallest good value.
            consecutive: values beyond a bound, in a row, that fail; at least 1.

        Raises:
            ValueError: no bound, an empty range, or `consecutive` below 1.
        """
        if max is None and min is None:
            raise ValueError("a threshold needs max or min")
        self._low = -math.inf if min is None else min
        self._high = math.inf if max is None else max
        if not self._low <= self._high or consecutive < 1:
            raise ValueError("min lies below max, and consecutive is at least 1")
        self._config = {"max": max, "min": min, "consecutive": consecutive}
        self._consecutive = consecutive
        self._shape: tuple[int, ...] | None = None
        self._beyond = np.zeros(1)
        self._last = np.full(1, np.nan)

    def update(self, value: ArrayLike | None) -> None:
        """Take in the next value: a number, or an array of one shape (each element for itself); None or NaN: missing.

        Raises:
            ValueError: an array of another shape than before.
        """
        values = np.asarray(np.nan if value is None else value, dtype=np.float64)
        if value is None and self._shape is not None:
            values = np.broadcast_to(values, self._shape)
        if self._shape is None:
            self._shape = values.shape
            self._beyond = np.zeros(values.size)
        elif values.shape != self._shape:
            raise ValueError(f"this threshold has the shape {self._shape}, not {values.shape}")
        self._last = values.ravel().copy()
        beyond = (self._last < self._low) | (self._last > self._high)
        failed = self._beyond >= self._consecutive
        kept = np.where(np.isnan(self._last) | failed, self._beyond, 0.0)
        self._beyond = np.where(beyond, self._beyond + 1, kept)

    @property
    def value(self) -> float | NDArray[np.float64]:
        """The last value, NaN if it was missing."""
        return self._last.reshape(self._shape) if self._shape else float(self._last[0])

    @property
    def beyond(self) -> int | NDArray[np.int64]:
        """Values in a row beyond a bound, missing ones not counted."""
        counts = self._beyond.astype(np.int64)
        return counts.reshape(self._shape) if self._shape else int(counts[0])

    @property
    def verdict(self) -> str | NDArray[np.str_]:
        """One of "Pass", "Fail" and "Inconclusive"."""
        good = (self._last >= self._low) & (self._last <= self._high)
        failed = self._beyond >= self._consecutive
        verdict = np.where(failed, "Fail", np.where(good, "Pass", "Inconclusive"))
        return np.reshape(verdict, self._shape) if self._shape else str(verdict[0])

    def state(self) -> dict[str, Any]:
        """All that is needed to go on, JSON-able."""
        head = np.array([self._shape is not None], dtype=np.float64)
        return state.pack("Threshold", self._config, self._shape or (), [head, self._beyond, self._last])

    @classmethod
    def from_state(cls, stored: Mapping[str, Any]) -> Self:
        """Go on from `state()`.

        Raises:
            UnknownState: not a state of this class and version.
        """
        reader = state.Reader(stored, "Threshold")
        restored = cls(**reader.config)
        restored._shape = reader.shape if reader.read(np.float64, 1)[0] else None
        size = math.prod(reader.shape)
        restored._beyond = reader.read(np.float64, size)
        restored._last = reader.read(np.float64, size)
        return restored
