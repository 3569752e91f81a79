"""One line of a recording: its form, and what is wrong with it where it has another one.

{"t": 1700000000, "metric": "errors", "version": "v8", "series": "pod-a", "counters": {"bad": 12, "total": 903}}
{"t": 1700000000, "metric": "slow", "version": "v8", "series": "a", "counters": {"buckets": {"1": 80, "+Inf": 90}}}
{"t": 1700000000, "metric": "gpu-memory", "version": "v8", "counters": {"value": 0.71}}
"""

import math
from collections.abc import Mapping
from functools import lru_cache
from typing import Annotated, NotRequired

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError, with_config
from pydantic_core import ErrorDetails
from typing_extensions import TypedDict

from modelrollout.rehearsal.recording.builder import VALUE
from modelrollout.rehearsal.recording.keys import BUCKETS, INFINITE, Accepted

LATEST = 1e11
"""A time above this many seconds lies in the year 5138: it was written in milliseconds."""

_Number = Annotated[float, Field(strict=True)]
_Name = Annotated[str, Field(min_length=1, max_length=253)]
_Label = Annotated[str, Field(max_length=1024)]


@with_config(ConfigDict(extra="forbid"))
class Line(TypedDict):
    """One line.

    Attributes:
        t: time of the scrape, seconds since the epoch.
        metric: name of a metric of the rollout.
        version: name of a version of the rollout.
        series: the process that was scraped, usually a pod.
        slice: value of the label that the metric is sliced by.
        part: tells several counters of one process apart, one per code, say; they are added up.
        counters: by name, cumulative; a histogram's stand by their bounds under `buckets`, a threshold has `value`.
        buckets, value: the same beside `counters` instead of in them.
    """

    t: Annotated[_Number, Field(allow_inf_nan=False)]
    metric: _Name
    version: _Name
    series: NotRequired[_Label]
    slice: NotRequired[_Label | None]
    part: NotRequired[_Label]
    counters: NotRequired[dict[str, _Number | dict[str, _Number] | None]]
    buckets: NotRequired[dict[str, _Number]]
    value: NotRequired[_Number | None]


_LINE: TypeAdapter[Line] = TypeAdapter(Line)


class BadLine(ValueError):  # noqa: N818 - named for what is wrong
    """What is wrong with one line."""


def parse_line(text: bytes) -> Line:
    """A line from its JSON.

    Raises:
        BadLine: it has another form.
    """
    try:
        line = _LINE.validate_json(text)
    except ValidationError as error:
        raise BadLine(_explained(error.errors(include_url=False)[0])) from None
    if not -LATEST < line["t"] < LATEST:
        raise BadLine(f"t: {line['t']:g} is no time in seconds since the epoch: divide milliseconds by 1000")
    return line


def values_of(line: Line, known: Accepted) -> dict[str, float]:
    """The counters of a line by name, buckets by their bounds.

    Raises:
        BadLine: it does not have what lines of its metric have.
    """
    values: dict[str, float | None] = {}
    for name, value in line.get("counters", {}).items():
        if isinstance(value, dict):
            if name != BUCKETS:
                raise BadLine(f"counters.{name}: a number must stand here")
            values.update(value)
        else:
            values[name] = value
    values.update(line.get("buckets", {}))
    if "value" in line:
        values[VALUE] = line["value"]
    if known.gauge:
        return _gauge(values, line["metric"])
    counters = {name: value for name, value in values.items() if value is not None}
    if not counters or len(counters) < len(values):
        raise BadLine(f"counters: a line of {line['metric']} has {known}, and no nulls")
    if known.buckets:
        _check_buckets(counters)
    else:
        wrong = next((name for name in counters if name not in known.names), None)
        if wrong is not None:
            raise BadLine(f"counters.{wrong}: a line of {line['metric']} has {known}")
    if not all(0 <= value < math.inf for value in counters.values()):
        for name, value in counters.items():
            if not math.isfinite(value) or (value < 0 and name not in known.sums):
                raise BadLine(f"counters.{name}: a counter is a finite number that is not negative")
    return counters


def _gauge(values: Mapping[str, float | None], metric: str) -> dict[str, float]:
    if set(values) != {VALUE}:
        raise BadLine(f"counters: {metric} is a threshold, so a line of it has value and nothing else")
    value = values[VALUE]
    return {VALUE: math.nan if value is None else value}


@lru_cache(maxsize=256)
def _in_order(names: tuple[str, ...]) -> tuple[str, ...]:
    """Bounds of buckets in rising order."""
    try:
        bounds = {name: float(name) for name in names}
    except ValueError:
        wrong = next(name for name in names if not _is_number(name))
        raise BadLine(f"{BUCKETS}.{wrong}: the bound of a bucket is a number as text, or {INFINITE!r}") from None
    if INFINITE not in names:
        raise BadLine(f"{BUCKETS}: the bucket {INFINITE!r}, which counts all, is missing")
    return tuple(sorted(names, key=bounds.__getitem__))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _check_buckets(counters: Mapping[str, float]) -> None:
    before = 0.0
    for name in _in_order(tuple(counters)):
        if counters[name] < before:
            raise BadLine(f"{BUCKETS}.{name}: buckets are cumulative, and this one counts less than a smaller one")
        before = counters[name]


def _explained(details: ErrorDetails) -> str:
    path = ".".join(str(part) for part in details["loc"] if part not in ("float", "dict[str,float]"))
    match details["type"]:
        case "json_invalid":
            text = f"this is no JSON: {(details.get('ctx') or {}).get('error', details['msg'])}"
        case "missing":
            text = "this key is required"
        case "extra_forbidden":
            text = f"unknown key: a line has {', '.join(Line.__annotations__)}"
        case "dict_type":
            text = "an object must stand here"
        case "float_type":
            text = "a number must stand here"
        case "finite_number":
            text = "a finite number must stand here"
        case _:
            text = details["msg"]
    return f"{path}: {text}" if path else text
