"""Invariants of requests and answers, compiled from what the rollout says. Pure."""

import json
import math
from collections.abc import Callable
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError

from modelrollout.api.invariants import Invariant
from modelrollout.collector.paths import MISSING, Path, as_number, as_text, flat
from modelrollout.errors import InvalidSpec

Holds = Callable[[Any], bool]
"""Whether the value found at the path keeps the invariant."""

_UNBOUNDED = frozenset({"pattern", "patternProperties", "format", "$ref", "$dynamicRef", "$recursiveRef"})
_LARGEST_SCHEMA = 16_384


class Check:
    """One compiled invariant other than flicker, which needs the answer before."""

    def __init__(self, invariant: Invariant, field: str) -> None:
        """Compile it.

        Raises:
            InvalidSpec: its path or its schema cannot be used.
        """
        self.name = invariant.name
        self._path = Path(invariant.path, f"{field}.path")
        self._holds = _compiled(invariant, field)

    def holds(self, body: Any) -> bool:  # noqa: ANN401 - JSON
        """Whether the body keeps it. Nothing at the path breaks it: the body lacks what it must have."""
        found = self._path.find(body)
        return found is not MISSING and self._holds(found)


def _compiled(invariant: Invariant, field: str) -> Holds:
    if invariant.json_schema is not None:
        return _schema(invariant.json_schema, f"{field}.jsonSchema")
    if invariant.allowed is not None:
        allowed = frozenset(invariant.allowed)
        return lambda found: bool(values := flat(found)) and all(as_text(one) in allowed for one in values)
    if invariant.sum is not None:
        wanted, tolerance = invariant.sum.equals, invariant.sum.tolerance
        return _numbers(lambda numbers: abs(_sum(numbers) - wanted) <= tolerance)
    if invariant.confidence is not None:
        least = invariant.confidence
        return _numbers(lambda numbers: max(numbers) >= least)
    low = -math.inf if invariant.min is None else invariant.min
    high = math.inf if invariant.max is None else invariant.max
    if invariant.finite is False:
        return _numbers(lambda _: True, finite=False)
    return _numbers(lambda numbers: all(low <= one <= high for one in numbers))


def _numbers(test: Callable[[list[float]], bool], *, finite: bool = True) -> Holds:
    """All values are numbers, finite ones, and pass the test."""

    def holds(found: Any) -> bool:  # noqa: ANN401 - JSON
        numbers = [as_number(one) for one in flat(found)]
        known = [one for one in numbers if one is not None and (math.isfinite(one) or not finite)]
        return bool(known) and len(known) == len(numbers) and test(known)

    return holds


def _sum(numbers: list[float]) -> float:
    try:
        return math.fsum(numbers)
    except OverflowError:
        return math.inf


def _schema(schema: dict[str, Any], field: str) -> Holds:
    if len(json.dumps(schema)) > _LARGEST_SCHEMA:
        raise InvalidSpec(f"a schema has at most {_LARGEST_SCHEMA} characters: keep to what matters", field)
    found = _keywords(schema) & _UNBOUNDED
    if found:
        raise InvalidSpec(
            f"{', '.join(sorted(found))} could take the collector's time without bound: leave it out", field
        )
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        raise InvalidSpec(f"it is no JSON schema: {error.message}", field) from None
    validator = Draft202012Validator(schema)

    def holds(found: Any) -> bool:  # noqa: ANN401 - JSON
        try:
            return validator.is_valid(found)
        except (RecursionError, OverflowError, ValueError):  # NaN is no multiple of anything, says int()
            return False

    return holds


def _keywords(schema: object) -> set[str]:
    """Every name of a field anywhere in it; a property of such a name is refused too, which errs on the safe side."""
    if isinstance(schema, dict):
        return set(schema).union(*map(_keywords, schema.values()))
    if isinstance(schema, list):
        return set[str]().union(*map(_keywords, schema))
    return set()
