"""What the collector is told, and must be refused."""

from typing import Any

from tests.unit.api.cases import Refused, spec

_RANGE = {"name": "range", "min": 0}
_BUCKETS = {"path": "p", "buckets": [0.1, 0.9]}


def _compare(**fields: Any) -> dict[str, Any]:
    return spec(telemetry={"prediction": "p", "compare": fields})


def _invariants(*invariants: dict[str, Any]) -> dict[str, Any]:
    return spec(telemetry={"invariants": list(invariants)})


def _score(**fields: Any) -> dict[str, Any]:
    return spec(telemetry={"score": _BUCKETS | fields})


def _references(*references: dict[str, Any]) -> dict[str, Any]:
    return _score(references=list(references))


TELEMETRY = [
    Refused(
        "a comparison of nothing",
        spec(telemetry={"compare": {"kind": "Class"}}),
        "say where the prediction is that is compared",
        "spec.telemetry.compare",
    ),
    Refused(
        "a tolerance of classes",
        _compare(kind="Class", tolerance=1),
        "tolerance and relative are for numbers",
        "spec.telemetry.compare.kind",
    ),
    Refused(
        "a k of numbers",
        _compare(kind="Number", k=3),
        "k and overlap are for ranked lists",
        "spec.telemetry.compare.kind",
    ),
    Refused(
        "a similarity beside a tolerance",
        _compare(kind="Vector", similarity=0.9, tolerance=1),
        "similarity is for the kind Vector",
        "spec.telemetry.compare.similarity",
    ),
    Refused(
        "a unit from two places",
        spec(telemetry={"unit": {"header": "x-user", "field": "user"}}),
        "set exactly one of header and field",
        "spec.telemetry.unit",
    ),
    Refused(
        "a unit's window of a second",
        spec(telemetry={"unit": {"header": "x-user", "window": "1s"}}),
        "must be between 1m and 30d",
        "spec.telemetry.unit.window",
    ),
    Refused(
        "a slice from nowhere",
        spec(telemetry={"slices": [{"name": "country"}]}),
        "set exactly one of header and field",
        "spec.telemetry.slices[0]",
    ),
    Refused(
        "a slice named like a label of the counters",
        spec(telemetry={"slices": [{"name": "version", "header": "x-version"}]}),
        "have a label of this name already",
        "spec.telemetry.slices[0].name",
    ),
    Refused(
        "same slice name twice",
        spec(telemetry={"slices": [{"name": "a", "header": "a"}, {"name": "a", "header": "b"}]}),
        "",
        "spec.telemetry.slices",
    ),
    Refused("same invariant name twice", _invariants(_RANGE, _RANGE), "", "spec.telemetry.invariants"),
    Refused(
        "same signal name twice",
        spec(telemetry={"signals": [{"name": "a"}, {"name": "a"}]}),
        "",
        "spec.telemetry.signals",
    ),
    Refused(
        "an invariant without a check",
        _invariants({"name": "a", "path": "p"}),
        "checks exactly one of",
        "spec.telemetry.invariants[0]",
    ),
    Refused(
        "an invariant of two kinds",
        _invariants(_RANGE | {"finite": True}),
        "checks exactly one of",
        "spec.telemetry.invariants[0]",
    ),
    Refused(
        "an invariant's range upside down",
        _invariants(_RANGE | {"max": -1}),
        "min must not be greater than max",
        "spec.telemetry.invariants[0].min",
    ),
    Refused(
        "flicker of requests",
        _invariants({"name": "a", "of": "Request", "flicker": {"header": "x-item", "within": "5m"}}),
        "flicker compares answers",
        "spec.telemetry.invariants[0].of",
    ),
    Refused(
        "flicker within no time",
        _invariants({"name": "a", "flicker": {"header": "x-item", "within": "0s"}}),
        "must be between 1s and 1d",
        "spec.telemetry.invariants[0].flicker.within",
    ),
    Refused(
        "flicker without a key",
        _invariants({"name": "a", "flicker": {"within": "1m"}}),
        "set exactly one of header and field",
        "spec.telemetry.invariants[0].flicker",
    ),
    Refused(
        "buckets out of order",
        _score(buckets=[0.9, 0.1]),
        "write the bounds of buckets in rising order",
        "spec.telemetry.score.buckets",
    ),
    Refused(
        "a reference of another histogram",
        _references({"version": "v8", "counts": [1, 2]}),
        "one count for each bucket and one for the scores above",
        "spec.telemetry.score.references",
    ),
    Refused(
        "two references of a version",
        _references({"version": "v8", "counts": [1, 2, 3]}, {"version": "v8", "counts": [1, 2, 3]}),
        "",
        "spec.telemetry.score.references",
    ),
    Refused(
        "a reference of no version",
        _references({"version": "v9", "counts": [1, 2, 3]}),
        "names no version",
        "spec.telemetry",
    ),
    Refused(
        "a signal's range upside down",
        spec(telemetry={"signals": [{"name": "a", "min": 1, "max": 0}]}),
        "min must not be greater than max",
        "spec.telemetry.signals[0].min",
    ),
    Refused(
        "a label delay of months",
        spec(telemetry={"labelDelay": "90d"}),
        "must be between 0s and 30d",
        "spec.telemetry.labelDelay",
    ),
]
