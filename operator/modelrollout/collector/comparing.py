"""When two predictions, or a prediction and its label, are the same. Pure.

A prediction is first brought into the form in which it is kept until it has been compared: hashed where being equal is
all that is asked. Labels take the same form.
"""

import json
import math
from collections.abc import Iterable
from typing import Any, Protocol

from modelrollout.api.telemetry import Comparison, ComparisonKind
from modelrollout.collector.hashing import Hasher
from modelrollout.collector.paths import as_number, as_text, countable, flat

Kept = Any
"""JSON in which a prediction is kept."""

_MOST_KEPT = 16_384
_MOST_NUMBERS = 2048
_MOST_LEVELS = 100


class Comparer(Protocol):
    """One kind of comparison."""

    def keep(self, value: Any) -> Kept | None:  # noqa: ANN401 - JSON
        """The form to keep; None for what is no prediction of this kind."""

    def fits(self, kept: Kept) -> bool:
        """Whether it is in that form: what is in the store may have been kept for another kind of comparison."""

    def same(self, reference: Kept, found: Kept) -> bool:
        """Whether `found` is as good as `reference`, a label or the stable version's prediction."""


def comparer(how: Comparison | None, hasher: Hasher, scope: str) -> Comparer:
    """The comparison that is asked for; of classes where nothing is said."""
    how = how or Comparison(kind=ComparisonKind.CLASS)
    match how.kind:
        case ComparisonKind.CLASS:
            return _Class(hasher, scope)
        case ComparisonKind.NUMBER:
            return Number(how)
        case ComparisonKind.TOP_K:
            return _TopK(how, hasher, scope)
        case ComparisonKind.VECTOR:
            return _Vector(how)
        case ComparisonKind.JSON:
            return _Json(how)


def _near(how: Comparison, reference: float, found: float) -> bool:
    return abs(found - reference) <= max(how.tolerance or 0.0, (how.relative or 0.0) * abs(reference))


def _canonical(value: Any) -> str:  # noqa: ANN401 - JSON
    text = as_text(value)
    return text if text is not None else json.dumps(value, sort_keys=True, separators=(",", ":"))


class _Class:
    def __init__(self, hasher: Hasher, scope: str) -> None:
        self._hasher, self._scope = hasher, scope

    def keep(self, value: Any) -> Kept | None:  # noqa: ANN401 - JSON
        return self._hasher.digest(self._scope, _canonical(value))

    def fits(self, kept: Kept) -> bool:
        return isinstance(kept, str)

    def same(self, reference: Kept, found: Kept) -> bool:
        return bool(reference == found)


class Number:
    """A number, within the tolerance."""

    def __init__(self, how: Comparison) -> None:
        self._how = how

    def keep(self, value: Any) -> Kept | None:  # noqa: ANN401 - JSON
        """The number, also of a list of one; None for what is no finite number."""
        values = flat(value, 2)
        number = as_number(values[0]) if len(values) == 1 else None
        return number if countable(number) else None

    def fits(self, kept: Kept) -> bool:
        """Whether it is a number."""
        return isinstance(kept, float | int) and countable(kept)

    def same(self, reference: Kept, found: Kept) -> bool:
        """Within the tolerance."""
        return _near(self._how, reference, found)

    def difference(self, reference: Kept, found: Kept) -> float:
        """Found minus reference."""
        return float(found - reference)


class _TopK:
    def __init__(self, how: Comparison, hasher: Hasher, scope: str) -> None:
        self._k = how.k or 5
        self._overlap = 1.0 if how.overlap is None else how.overlap
        self._hasher, self._scope = hasher, scope

    def keep(self, value: Any) -> Kept | None:  # noqa: ANN401 - JSON
        entries = value[: self._k] if isinstance(value, list) else [value]
        return [self._hasher.digest(self._scope, _canonical(one)) for one in entries] or None

    def fits(self, kept: Kept) -> bool:
        return isinstance(kept, list) and all(isinstance(one, str) for one in kept)

    def same(self, reference: Kept, found: Kept) -> bool:
        # A label is one entry, which is right where it is found; between two rankings the share in common counts.
        common = len(set(reference) & set(found))
        return common > 0 and common >= self._overlap * len(set(reference))


class _Vector:
    def __init__(self, how: Comparison) -> None:
        self._how = how

    def keep(self, value: Any) -> Kept | None:  # noqa: ANN401 - JSON
        numbers = [as_number(one) for one in flat(value, _MOST_NUMBERS + 1)]
        return numbers if 0 < len(numbers) <= _MOST_NUMBERS and all(map(countable, numbers)) else None

    def fits(self, kept: Kept) -> bool:
        return isinstance(kept, list) and all(isinstance(one, float) and countable(one) for one in kept)

    def same(self, reference: Kept, found: Kept) -> bool:
        if len(reference) != len(found):
            return False
        if self._how.similarity is None:
            return all(_near(self._how, one, other) for one, other in zip(reference, found, strict=True))
        lengths = math.hypot(*reference) * math.hypot(*found)
        product = math.fsum(one * other for one, other in zip(reference, found, strict=True))
        return lengths > 0 and product / lengths >= self._how.similarity - 1e-12


class _Json:
    def __init__(self, how: Comparison) -> None:
        self._how = how

    def keep(self, value: Any) -> Kept | None:  # noqa: ANN401 - JSON
        # In a list of its own, so that null and nothing are told apart.
        return [value] if len(json.dumps(value)) <= _MOST_KEPT and _is_shallow(value) else None

    def fits(self, kept: Kept) -> bool:
        return isinstance(kept, list) and len(kept) == 1

    def same(self, reference: Kept, found: Kept) -> bool:
        return self._equal(reference, found)

    def _equal(self, reference: Any, found: Any) -> bool:  # noqa: ANN401 - JSON
        match reference, found:
            case dict(), dict():
                return reference.keys() == found.keys() and all(
                    self._equal(value, found[name]) for name, value in reference.items()
                )
            case list(), list():
                return len(reference) == len(found) and all(map(self._equal, reference, found))
            case (bool(), _) | (_, bool()):
                return reference is found
            case ((int() | float()), (int() | float())):
                try:
                    return bool(reference == found) or _near(self._how, float(reference), float(found))
                except OverflowError:  # whole numbers of JSON may be larger than any float
                    return False
            case _:
                return bool(reference == found)


def _is_shallow(value: Any) -> bool:  # noqa: ANN401 - JSON
    """Whether it can be compared level by level, each of which takes room on the stack."""
    level = [value]
    for _ in range(_MOST_LEVELS):
        level = [inner for one in level for inner in _inside(one)]
        if not level:
            return True
    return False


def _inside(value: Any) -> Iterable[Any]:  # noqa: ANN401 - JSON
    match value:
        case dict():
            return value.values()
        case list():
            return value
        case _:
            return ()
