"""Some of many comparisons: a vectorised test cut to a few of its elements, and such pieces put together again.

The tests keep one array element per comparison. Here a test is taken apart without knowing its fields: two small
probes of the same test show which arrays grow with the number of comparisons, and along which axis.
"""

import copy
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from modelrollout.stats.restarts import LateFaults

_Test = TypeVar("_Test")
_Combine = Callable[[Sequence[NDArray[Any]], int], NDArray[Any]]

_PROBES = (2, 3)
_OURS = "modelrollout."


class Elements(Generic[_Test]):
    """Takes apart and joins tests of one kind and configuration."""

    def __init__(self, probe: Callable[[int], _Test]) -> None:
        """Look at the test's fields.

        Args:
            probe: makes such a test with so many comparisons, updated once.
        """
        self._small, self._large = (probe(size) for size in _PROBES)

    def take(self, test: _Test, rows: NDArray[np.intp]) -> _Test:
        """A test that goes on with these comparisons only; the given one stays as it is."""
        taken: _Test = _mapped(
            self._small, self._large, (test,), lambda many, axis: many[0].take(rows, axis=axis), len(rows)
        )
        return taken

    def join(self, tests: Sequence[_Test], size: int) -> _Test:
        """One test with the comparisons of all, in their order; what they share is the first one's.

        Args:
            tests: at least one.
            size: how many comparisons that makes.
        """
        joined: _Test = _mapped(
            self._small, self._large, tuple(tests), lambda many, axis: np.concatenate(many, axis=axis), size
        )
        return joined


def _mapped(small: Any, large: Any, values: tuple[Any, ...], combine: _Combine, size: int) -> Any:  # noqa: ANN401
    first = values[0]
    if isinstance(first, np.ndarray):
        grown = [axis for axis, (a, b) in enumerate(zip(small.shape, large.shape, strict=True)) if a != b]
        if len(grown) > 1:
            raise TypeError("an array of a test has more than one axis of comparisons")
        return combine(values, grown[0]) if grown else first
    if isinstance(first, int) and not isinstance(first, bool):
        return size if (small, large) == _PROBES else first
    if isinstance(first, tuple | list):
        return _sequence(small, large, values, combine, size)
    if isinstance(first, LateFaults):  # it counts for all comparisons of a test together
        return copy.copy(first)
    if not type(first).__module__.startswith(_OURS) or isinstance(first, type):
        return first
    changed = {}
    for name in _fields(first):
        parts = tuple(getattr(value, name) for value in values)
        found = _mapped(getattr(small, name), getattr(large, name), parts, combine, size)
        if found is not parts[0]:
            changed[name] = found
    if not changed:
        return first
    made = copy.copy(first)
    for name, found in changed.items():
        object.__setattr__(made, name, found)
    return made


def _sequence(small: Any, large: Any, values: tuple[Any, ...], combine: _Combine, size: int) -> Any:  # noqa: ANN401
    if not len(small) == len(large) == len(values[0]):
        raise TypeError("a sequence of a test has another length than that of a new one")
    parts = (
        _mapped(a, b, each, combine, size) for a, b, each in zip(small, large, zip(*values, strict=True), strict=True)
    )
    made = [*parts]
    same = all(a is b for a, b in zip(made, values[0], strict=True))
    return values[0] if same else type(values[0])(made)


def _fields(value: object) -> set[str]:
    slots = {name for one in type(value).__mro__ for name in getattr(one, "__slots__", ())}
    return {name for name in slots if hasattr(value, name)} | set(getattr(value, "__dict__", ()))
