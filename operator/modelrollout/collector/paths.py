"""Paths into JSON bodies: JMESPath, compiled once."""

from collections.abc import Mapping
from typing import Any, TypeGuard

import jmespath
from jmespath.exceptions import JMESPathError

from modelrollout.errors import InvalidSpec

MISSING = object()
"""What a path finds where there is nothing; JSON's null is not told from it, as in JMESPath itself."""


class Path:
    """A compiled JMESPath expression."""

    def __init__(self, text: str, field: str) -> None:
        """Compile `text`.

        Raises:
            InvalidSpec: it is no JMESPath; `field` says where it stands.
        """
        try:
            compiled = jmespath.compile(text)
        except JMESPathError as error:
            said = str(error).splitlines()[0]
            raise InvalidSpec(f"{text!r} is no JMESPath expression ({said}): see https://jmespath.org", field) from None
        self._search = compiled.search
        self._steps = _steps(compiled.parsed)

    def find(self, body: Any) -> Any:  # noqa: ANN401 - JSON
        """What is there, or `MISSING`; also where the expression does not fit the body, and where there is no JSON."""
        if type(body) is object:  # stands for a body that cannot be looked into
            return MISSING
        if self._steps is not None:
            return _descend(body, self._steps)
        try:
            found = self._search(body)
        except (JMESPathError, RecursionError, ArithmeticError, TypeError, ValueError):
            return MISSING
        return MISSING if found is None else found


def _steps(tree: Mapping[str, Any]) -> tuple[str | int, ...] | None:
    """Names and places of an expression that only goes down, as most do: that needs no interpreter. Else None."""
    match tree["type"]:
        case "field" | "index":
            return (tree["value"],)
        case "identity" | "current":
            return ()
        case "subexpression" | "index_expression":
            parts = [_steps(child) for child in tree["children"]]
            return None if None in parts else tuple(step for part in parts if part is not None for step in part)
        case _:
            return None


def _descend(value: Any, steps: tuple[str | int, ...]) -> Any:  # noqa: ANN401 - JSON
    for step in steps:
        if isinstance(step, str):
            value = value.get(step) if isinstance(value, dict) else None
        else:
            there = isinstance(value, list) and -len(value) <= step < len(value)
            value = value[step] if there else None
    return MISSING if value is None else value


def flat(value: Any, most: int = 100_000) -> list[Any]:  # noqa: ANN401 - JSON
    """The single values of nested lists, at most so many; a value that is no list alone."""
    if not isinstance(value, list):
        return [] if value is MISSING else [value]
    found: list[Any] = []
    waiting = [value]
    while waiting and len(found) < most:
        for one in waiting.pop():
            (waiting if isinstance(one, list) else found).append(one)
    return found[:most]


def as_text(value: Any) -> str | None:  # noqa: ANN401 - JSON
    """A single value as people write it, so that 1, 1.0 and "1" are the same; None for objects and lists."""
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case float() if value.is_integer():
            return str(int(value))
        case int() | float():
            return str(value)
        case _:
            return None


LARGEST = 1e100
"""No number beyond it is counted with: sums of squares of many must stay numbers, in every kind of store."""


def countable(number: float | None) -> TypeGuard[float]:
    """Whether it is a finite number that can be counted with."""
    return number is not None and -LARGEST <= number <= LARGEST


def as_number(value: Any) -> float | None:  # noqa: ANN401 - JSON
    """A number, also one written as text such as "NaN"; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None
