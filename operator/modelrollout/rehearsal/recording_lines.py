"""Reads recordings from lines of JSON, one scrape of one series each.

    {"t": 1700000000, "metric": "errors", "version": "v8", "series": "pod-a", "counters": {"bad": 12, "total": 903}}
    {"t": 1700000000, "metric": "slow", "version": "v8", "series": "a", "counters": {"buckets": {"1": 80, "+Inf": 90}}}
    {"t": 1700000000, "metric": "gpu-memory", "version": "v8", "counters": {"value": 0.71}}

Every line is checked by itself; what cannot be read is named by its number, and nothing is left out in silence.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, NotRequired

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError, with_config
from pydantic_core import ErrorDetails
from typing_extensions import TypedDict

from modelrollout.api import ModelRolloutSpec
from modelrollout.errors import ModelRolloutError
from modelrollout.rehearsal.recording import Recording
from modelrollout.rehearsal.recording_builder import VALUE, OutOfOrder, RecordingBuilder, SeriesKey
from modelrollout.rehearsal.recording_keys import BUCKETS, INFINITE, Accepted, accepted

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

MOST_PROBLEMS = 10


class BadRecording(ModelRolloutError):  # noqa: N818 - named for what is wrong, as all leaves
    """Lines that cannot be used.

    Attributes:
        problems: number of the line, counted from 1, and what is wrong with it; at most `MOST_PROBLEMS`.
    """

    def __init__(self, problems: tuple[tuple[int, str], ...]) -> None:
        super().__init__("; ".join(f"line {number}: {problem}" for number, problem in problems))
        self.problems = problems


class _BadLine(ValueError):  # noqa: N818 - named for what is wrong
    """What is wrong with one line."""


@dataclass(frozen=True, slots=True)
class Read:
    """A recording, and what of the lines it has no place for.

    Attributes:
        recording: all the others.
        passed_over: number of lines by what they name that the rollout does not have, in words.
    """

    recording: Recording
    passed_over: Mapping[str, int]


def read_lines(lines: Iterable[bytes], spec: ModelRolloutSpec, *, strangers: bool = False) -> Read:
    """Read a recording for a rollout.

    Args:
        lines: of JSON; blank ones are allowed.
        spec: says which metrics and versions there are, and what their lines have.
        strangers: pass over lines of metrics and versions that the spec does not have, and count them.

    Raises:
        BadRecording: lines that cannot be used; reading ends after the first few.
    """
    reader = _Reader(spec, strangers=strangers)
    problems: list[tuple[int, str]] = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            reader.read(line)
        except (_BadLine, OutOfOrder) as error:
            problems.append((number, str(error)))
            if len(problems) == MOST_PROBLEMS:
                break
    if problems:
        raise BadRecording(tuple(problems))
    return Read(reader.builder.recording(), dict(reader.passed_over))


class _Reader:
    def __init__(self, spec: ModelRolloutSpec, *, strangers: bool) -> None:
        self._versions = {version.name for version in spec.versions}
        self._accepted = {metric.name: accepted(metric) for metric in spec.metrics}
        self._strangers = strangers
        self.builder = RecordingBuilder()
        self.passed_over: Counter[str] = Counter()

    def read(self, text: bytes) -> None:
        try:
            line = _LINE.validate_json(text)
        except ValidationError as error:
            raise _BadLine(_explained(error.errors(include_url=False)[0])) from None
        if not -LATEST < line["t"] < LATEST:
            raise _BadLine(f"t: {line['t']:g} is no time in seconds since the epoch: divide milliseconds by 1000")
        metric, version = line["metric"], line["version"]
        known = self._accepted.get(metric)
        if known is None or version not in self._versions:
            self._stranger(metric, version, known)
            return
        values = _values(line, known)
        key = SeriesKey(metric, version, line.get("series", ""), line.get("slice") or "", line.get("part", ""))
        if known.gauge:
            self._check_gauge(key)
        self.builder.add(key, line["t"], values)

    def _stranger(self, metric: str, version: str, known: Accepted | None) -> None:
        what, name, names = (
            ("version", version, self._versions) if known is not None else ("metric", metric, set(self._accepted))
        )
        if not self._strangers:
            raise _BadLine(f"{what}: the rollout has no {what} {name!r}; it has {', '.join(sorted(names)) or 'none'}")
        self.passed_over[f"{what} {name}"] += 1

    def _check_gauge(self, key: SeriesKey) -> None:
        before = self.builder.gauge_series(key.metric, key.version)
        if before is not None and before != key.series:
            raise _BadLine(
                f"series: {key.metric} is a threshold, so it has one value at a time: {before!r} gave it before "
                f"{key.series!r}"
            )


def _values(line: Line, known: Accepted) -> dict[str, float]:
    """The counters of a line by name, buckets by their bounds."""
    values: dict[str, float | None] = {}
    for name, value in line.get("counters", {}).items():
        if isinstance(value, dict):
            if name != BUCKETS:
                raise _BadLine(f"counters.{name}: a number must stand here")
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
        raise _BadLine(f"counters: a line of {line['metric']} has {known}, and no nulls")
    if known.buckets:
        _check_buckets(counters)
    else:
        wrong = next((name for name in counters if name not in known.names), None)
        if wrong is not None:
            raise _BadLine(f"counters.{wrong}: a line of {line['metric']} has {known}")
    if not all(0 <= value < math.inf for value in counters.values()):
        for name, value in counters.items():
            if not math.isfinite(value) or (value < 0 and name not in known.sums):
                raise _BadLine(f"counters.{name}: a counter is a finite number that is not negative")
    return counters


def _gauge(values: Mapping[str, float | None], metric: str) -> dict[str, float]:
    if set(values) != {VALUE}:
        raise _BadLine(f"counters: {metric} is a threshold, so a line of it has value and nothing else")
    value = values[VALUE]
    return {VALUE: math.nan if value is None else value}


@lru_cache(maxsize=256)
def _in_order(names: tuple[str, ...]) -> tuple[str, ...]:
    """Bounds of buckets in rising order."""
    try:
        bounds = {name: float(name) for name in names}
    except ValueError:
        wrong = next(name for name in names if not _is_number(name))
        raise _BadLine(f"{BUCKETS}.{wrong}: the bound of a bucket is a number as text, or {INFINITE!r}") from None
    if INFINITE not in names:
        raise _BadLine(f"{BUCKETS}: the bucket {INFINITE!r}, which counts all, is missing")
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
            raise _BadLine(f"{BUCKETS}.{name}: buckets are cumulative, and this one counts less than a smaller one")
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
