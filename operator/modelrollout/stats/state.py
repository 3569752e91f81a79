"""Stored evidence: what a restart of the operator needs to go on exactly where it was."""

import base64
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

VERSION = 4


class UnknownState(ValueError):  # noqa: N818 - it names what the caller has: a state of an unknown form
    """A stored state that this version cannot read; the evidence must be folded again from the run's start."""


def pack(kind: str, config: Mapping[str, Any], shape: Sequence[int], arrays: Sequence[NDArray[Any]]) -> dict[str, Any]:
    """A JSON-able record of single- and double-precision arrays, at most 1 KiB for one comparison.

    Args:
        kind: the class that wrote it.
        config: its constructor's arguments.
        shape: the shape of the comparisons.
        arrays: in the order in which they are read back.
    """
    raw = b"".join(np.ascontiguousarray(a, dtype=a.dtype.newbyteorder("<")).tobytes() for a in arrays)
    return {
        "v": VERSION,
        "kind": kind,
        "config": dict(config),
        "shape": list(shape),
        "data": base64.b85encode(raw).decode("ascii"),
    }


class Reader:
    """Reads the arrays of a packed state in the order in which they were written."""

    __slots__ = ("_at", "_raw", "config", "shape")

    def __init__(self, state: Mapping[str, Any], kind: str) -> None:
        """Check the record.

        Raises:
            UnknownState: another version, another class, or a record that cannot be read.
        """
        if state.get("v") != VERSION or state.get("kind") != kind:
            raise UnknownState(f"not a {kind} state of version {VERSION}: {state.get('kind')} {state.get('v')}")
        try:
            self._raw = base64.b85decode(str(state["data"]))
            self.config: dict[str, Any] = dict(state["config"])
            self.shape = tuple(int(n) for n in state["shape"])
        except (KeyError, TypeError, ValueError) as error:
            raise UnknownState(f"the {kind} state cannot be read: {error}") from error
        self._at = 0

    def read(self, dtype: type[np.float32] | type[np.float64], *shape: int) -> NDArray[Any]:
        """The next array, a copy that may be written to."""
        count = math.prod(shape)
        size = np.dtype(dtype).itemsize * count
        if self._at + size > len(self._raw):
            raise UnknownState("the state is too short")
        flat = np.frombuffer(self._raw, dtype=np.dtype(dtype).newbyteorder("<"), count=count, offset=self._at)
        self._at += size
        return flat.astype(dtype).reshape(shape)
