"""Golden requests: how they are written, and whether an answer is the expected one. Pure."""

import json
from dataclasses import dataclass, field
from typing import Any

from modelrollout.api import Tolerance
from modelrollout.api.gates import FRAMING_HEADERS

MOST_LINES = 1000
_SHOWN = 80


class Unreadable(ValueError):  # noqa: N818 - named for what is wrong
    """The golden requests cannot be read; the message names the line, and never quotes it."""


@dataclass(frozen=True, slots=True)
class GoldenRequest:
    """A request and its right answer.

    Attributes:
        line: number of its line, from 1.
        path: of the request.
        method: GET without a body, POST with one, unless the line says something else.
        headers: to send.
        body: JSON or a text to send, None without.
        status: expected.
        answer: what the body must hold; `ANYTHING` where only the status counts.
    """

    line: int
    path: str
    method: str
    headers: dict[str, str] = field(default_factory=dict)
    body: Any = None
    status: int = 200
    answer: Any = None


ANYTHING = object()
"""Stands for a body that is not looked at; null is a body."""


def read_golden(text: str) -> tuple[GoldenRequest, ...]:
    """The golden requests of a text of JSON lines; empty lines are left out.

    Raises:
        Unreadable: a line is not as it should be, there are too many, or there is none.
    """
    lines = [(number, line) for number, line in enumerate(text.splitlines(), start=1) if line.strip()]
    if not lines:
        raise Unreadable("it holds no requests: write one JSON object on each line")
    if len(lines) > MOST_LINES:
        raise Unreadable(f"it holds {len(lines)} requests, {MOST_LINES} is the most: keep those that tell most")
    return tuple(_read(number, line) for number, line in lines)


def _read(number: int, line: str) -> GoldenRequest:
    try:
        document = json.loads(line)
    except (ValueError, RecursionError):
        raise Unreadable(f"line {number} is not JSON") from None
    # What the collector says of a sample, such as its probability, is for those who choose among them.
    request = _mapping(document, f"line {number}", "request", "expect", "sample").get("request")
    asked = _mapping(request, f"line {number}: request", "path", "method", "headers", "body")
    expected = _mapping(document.get("expect", {}), f"line {number}: expect", "status", "body")
    path, headers, status = asked.get("path"), asked.get("headers", {}), expected.get("status", 200)
    method = asked.get("method", "POST" if "body" in asked else "GET")
    if not isinstance(path, str) or not path.startswith("/") or not path.isascii() or not path.isprintable():
        raise Unreadable(f"line {number}: request.path must be a path, such as /v2/models/fraud/infer")
    if set(path) & set("# "):
        raise Unreadable(f"line {number}: request.path must be written as it is sent, without spaces and fragments")
    if method not in ("GET", "POST", "PUT"):
        raise Unreadable(f"line {number}: request.method must be GET, POST or PUT")
    if not _is_headers(headers):
        raise Unreadable(f"line {number}: request.headers must be texts by name, without those that frame a request")
    if not isinstance(status, int) or isinstance(status, bool) or not 100 <= status <= 599:
        raise Unreadable(f"line {number}: expect.status must be a status of HTTP, such as 200")
    return GoldenRequest(number, path, method, headers, asked.get("body"), status, expected.get("body", ANYTHING))


def _mapping(value: object, where: str, *names: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Unreadable(f"{where} must be an object with {' and '.join(names)}")
    if not value.keys() <= set(names):
        raise Unreadable(f"{where} has a field that is none of {', '.join(names)}")
    return value


def _is_headers(headers: object) -> bool:
    return isinstance(headers, dict) and all(
        isinstance(text, str)
        and text.isascii()
        and text.isprintable()
        and name.replace("-", "").replace("_", "").isalnum()
        and name.isascii()
        and name.lower() not in FRAMING_HEADERS
        for name, text in headers.items()
    )


def difference(expected: object, found: object, tolerance: Tolerance, path: str = "$") -> str:
    """Where two JSON values differ first, in words with the JSON path; empty when they do not.

    What an expected object does not name is not compared, so that ids and times need not be known. Lists must be of one
    length. Numbers may differ within the tolerance; true and false are no numbers.
    """
    if isinstance(expected, dict) and isinstance(found, dict):
        for name, value in expected.items():
            inner = f"{path}.{name}" if name.isidentifier() else f"{path}[{json.dumps(name)}]"
            if name not in found:
                return f"at {inner}: expected {_shown(value)}, found nothing"
            differs = difference(value, found[name], tolerance, inner)
            if differs:
                return differs
        return ""
    if isinstance(expected, list) and isinstance(found, list):
        if len(expected) != len(found):
            return f"at {path}: expected {len(expected)} values, found {len(found)}"
        pairs = enumerate(zip(expected, found, strict=True))
        told = (difference(one, other, tolerance, f"{path}[{place}]") for place, (one, other) in pairs)
        return next(filter(None, told), "")
    if _is_number(expected) and _is_number(found):
        same = expected == found or _close(expected, found, tolerance)
    else:
        same = type(expected) is type(found) and expected == found
    return "" if same else f"at {path}: expected {_shown(expected)}, found {_shown(found)}"


def _is_number(value: Any) -> bool:  # noqa: ANN401 - JSON
    return isinstance(value, int | float) and not isinstance(value, bool)


def _close(expected: Any, found: Any, tolerance: Tolerance) -> bool:  # noqa: ANN401 - numbers of JSON
    try:
        allowed = max(tolerance.absolute, tolerance.relative * abs(float(expected)))
        return abs(float(found) - float(expected)) <= allowed
    except OverflowError:  # whole numbers of JSON may be larger than any float
        return False


def _shown(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
