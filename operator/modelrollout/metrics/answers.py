"""Prometheus' answers, typed: what an instant query may come back with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modelrollout.metrics.errors import NotPrometheus

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Range:
    """One series with its raw samples: `times` in seconds since the epoch, rising, and `values`, of one length."""

    labels: Mapping[str, str]
    times: Floats
    values: Floats


@dataclass(frozen=True, slots=True)
class Point:
    """One series with its value at the time of the query; NaN and infinities are values like any other."""

    labels: Mapping[str, str]
    value: float


@dataclass(frozen=True, slots=True)
class Answer:
    """What an instant query came back with: exactly one of the kinds, and what Prometheus warned of.

    Attributes:
        kind: "matrix", "vector", "scalar" or "string", as Prometheus names it.
        ranges: the series of a matrix.
        points: the elements of a vector, or the one value of a scalar (without labels).
        warnings: for example of a partial answer.
    """

    kind: str
    ranges: tuple[Range, ...] = ()
    points: tuple[Point, ...] = ()
    warnings: tuple[str, ...] = field(default=())


def answer_of(document: Mapping[str, Any]) -> Answer:
    """Read the JSON of a successful answer.

    Raises:
        NotPrometheus: it does not have the form of one.
    """
    warnings = tuple(str(text)[:300] for text in document.get("warnings") or ())[:10]
    try:
        kind, result = document["data"]["resultType"], document["data"]["result"]
        match kind:
            case "matrix":
                return Answer(kind, ranges=tuple(_range(one) for one in result), warnings=warnings)
            case "vector":
                points = tuple(Point(dict(one["metric"]), _value(one)) for one in result)
                return Answer(kind, points=points, warnings=warnings)
            case "scalar":
                return Answer(kind, points=(Point({}, float(result[1])),), warnings=warnings)
            case "string":
                return Answer(kind, warnings=warnings)
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise NotPrometheus(f"the answer is not in the form of Prometheus' API ({error!r})") from error
    raise NotPrometheus(f"the answer is of an unknown kind, {str(kind)[:40]!r}")


def _range(series: Mapping[str, Any]) -> Range:
    # A series of native histograms has no "values": it is no counter, and stays without samples.
    pairs: Sequence[Sequence[Any]] = series.get("values") or ()
    times = np.array([float(pair[0]) for pair in pairs])
    values = np.array([float(pair[1]) for pair in pairs])
    kept = np.isfinite(values)
    times, values = times[kept], values[kept]
    if (np.diff(times) <= 0).any():
        raise ValueError("samples out of order")
    return Range(dict(series["metric"]), times, values)


def _value(element: Mapping[str, Any]) -> float:
    return float(element["value"][1])
