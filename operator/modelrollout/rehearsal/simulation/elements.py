"""Some of many comparisons: a vectorised test cut to a few of its elements, and such pieces put together again.

The tests keep one array element per comparison. Here a test is taken apart without knowing its fields: two small
probes of the same test show which arrays grow with the number of comparisons, and along which axis.
"""

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
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
            probe: makes such a test with so many comparisons, with some data in it.

        Raises:
            TypeError: a test that keeps its comparisons in a way that is not known here.
        """
        self._form = _form_of(*(probe(size) for size in _PROBES))

    def take(self, test: _Test, rows: NDArray[np.intp]) -> _Test:
        """A test that goes on with these comparisons only; the given one stays as it is."""
        taken: _Test = _Maker(lambda many, axis: many[0].take(rows, axis=axis), len(rows)).made(self._form, (test,))
        return taken

    def join(self, tests: Sequence[_Test], size: int) -> _Test:
        """One test with the comparisons of all, in their order; what they share is the first one's.

        Args:
            tests: at least one.
            size: how many comparisons that makes.
        """
        joined: _Test = _Maker(lambda many, axis: np.concatenate(many, axis=axis), size).made(self._form, tests)
        return joined


@dataclass(frozen=True, slots=True)
class _Axis:
    """An array with the comparisons along this axis."""

    number: int


@dataclass(frozen=True, slots=True)
class _Size:
    """The number of comparisons."""


@dataclass(frozen=True, slots=True)
class _Clock:
    """What changes in time, but is the same for all comparisons of a test."""


@dataclass(frozen=True, slots=True)
class _Fields:
    """An object of ours, and those of its fields that are not shared."""

    forms: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Items:
    """A tuple or a list; None for items that are shared."""

    forms: tuple[Any, ...]


def _form_of(small: Any, large: Any) -> Any:  # noqa: ANN401 - the form of anything
    """How a value depends on the number of comparisons; None where it does not."""
    if isinstance(small, LateFaults):
        return _Clock()
    if isinstance(small, np.ndarray):
        grown = [axis for axis, (a, b) in enumerate(zip(small.shape, large.shape, strict=True)) if a != b]
        if len(grown) > 1:
            raise TypeError("an array of a test has more than one axis of comparisons")
        return _Axis(grown[0]) if grown else None
    if isinstance(small, int) and not isinstance(small, bool):
        return _Size() if (small, large) == _PROBES else None
    if isinstance(small, tuple | list):
        forms = tuple(_form_of(a, b) for a, b in zip(small, large, strict=True))
        return _Items(forms) if any(form is not None for form in forms) else None
    if not type(small).__module__.startswith(_OURS) or isinstance(small, type):
        return None
    found = {name: _form_of(getattr(small, name), getattr(large, name)) for name in _names(small)}
    found = {name: form for name, form in found.items() if form is not None}
    return _Fields(found) if found else None


class _Maker:
    """Makes one test of others; what two fields share, two fields of the new one share."""

    def __init__(self, combine: _Combine, size: int) -> None:
        self._combine, self._size = combine, size
        self._known: dict[int, Any] = {}

    def made(self, form: Any, values: Sequence[Any]) -> Any:  # noqa: ANN401 - any value
        """The value of this form that stands for all of `values`."""
        first = values[0]
        if form is None:
            return first
        if isinstance(form, _Size):
            return self._size
        if id(first) not in self._known:
            self._known[id(first)] = self._new(form, values)
        return self._known[id(first)]

    def _new(self, form: Any, values: Sequence[Any]) -> Any:  # noqa: ANN401 - any value
        first = values[0]
        if isinstance(form, _Axis):
            return self._combine(values, form.number)
        if isinstance(form, _Items):
            if len(first) != len(form.forms):
                raise TypeError("a sequence of a test has another length than that of a new one")
            items = zip(form.forms, zip(*values, strict=True), strict=True)
            return type(first)(self.made(one, parts) for one, parts in items)
        made = copy.copy(first)
        if isinstance(form, _Fields):
            for name, one in form.forms.items():
                object.__setattr__(made, name, self.made(one, [getattr(value, name) for value in values]))
        return made


def _names(value: object) -> set[str]:
    slots = {name for one in type(value).__mro__ for name in getattr(one, "__slots__", ())}
    return {name for name in slots if hasattr(value, name)} | set(getattr(value, "__dict__", ()))
