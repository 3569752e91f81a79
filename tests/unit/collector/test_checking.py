from typing import Any

import pytest

from modelrollout.api.invariants import Invariant
from modelrollout.collector.checking import Check
from modelrollout.errors import InvalidSpec

NAN = float("nan")
SCHEMA = {"type": "object", "required": ["p"], "properties": {"p": {"type": "array", "maxItems": 2}}}


def _check(**fields: Any) -> Check:
    return Check(Invariant.model_validate({"name": "some"} | fields), "spec.telemetry.invariants[0]")


@pytest.mark.parametrize(
    ("fields", "body", "holds"),
    [
        ({"path": "p", "min": 0, "max": 1}, {"p": [0, [0.5, 1]]}, True),
        ({"path": "p", "min": 0, "max": 1}, {"p": [0, 1.1]}, False),
        ({"path": "p", "min": 0}, {"p": "text"}, False),
        ({"path": "p", "min": 0}, {"p": [1, None]}, False),
        ({"path": "p", "min": 0}, {"p": []}, False),
        ({"path": "p", "min": 0}, {}, False),
        ({"path": "p", "min": 0}, [], False),
        ({"path": "p", "max": 10}, {"p": NAN}, False),
        ({"path": "p", "finite": True}, {"p": [1, 2]}, True),
        ({"path": "p", "finite": True}, {"p": [1, NAN]}, False),
        ({"path": "p", "finite": True}, {"p": [1, "Infinity"]}, False),
        ({"path": "p", "finite": True}, {"p": ["x"]}, False),
        ({"path": "c", "allowed": ["a", "1"]}, {"c": ["a", 1]}, True),
        ({"path": "c", "allowed": ["a"]}, {"c": "b"}, False),
        ({"path": "c", "allowed": ["a"]}, {"c": {"a": 1}}, False),
        ({"path": "p", "sum": {}}, {"p": [0.3, 0.7]}, True),
        ({"path": "p", "sum": {}}, {"p": [0.3, 0.8]}, False),
        ({"path": "p", "sum": {"equals": 100, "tolerance": 5}}, {"p": [50, 54]}, True),
        ({"path": "p", "sum": {}}, {"p": [1.7e308, 1.7e308]}, False),
        ({"path": "p", "confidence": 0.6}, {"p": [0.3, 0.7]}, True),
        ({"path": "p", "confidence": 0.8}, {"p": [0.3, 0.7]}, False),
        ({"jsonSchema": SCHEMA}, {"p": [1, 2]}, True),
        ({"jsonSchema": SCHEMA}, {"p": [1, 2, 3]}, False),
        ({"jsonSchema": SCHEMA}, {}, False),
        ({"path": "p", "jsonSchema": {"type": "number"}}, {"p": 1}, True),
        ({"path": "p", "jsonSchema": {"multipleOf": 0.5}}, {"p": NAN}, False),
    ],
)
def test_an_invariant_holds_or_is_broken(fields: dict[str, Any], body: Any, holds: bool) -> None:
    assert _check(**fields).holds(body) is holds


@pytest.mark.parametrize(
    ("fields", "message", "field"),
    [
        ({"path": "p[", "min": 0}, "no JMESPath expression", "path"),
        ({"jsonSchema": {"type": "strange"}}, "no JSON schema", "jsonSchema"),
        ({"jsonSchema": {"properties": {"a": {"pattern": "(a+)+$"}}}}, "could take the collector's time", "jsonSchema"),
        ({"jsonSchema": {"$ref": "http://other/schema"}}, "could take the collector's time", "jsonSchema"),
        ({"jsonSchema": {"enum": ["x" * 20_000]}}, "at most 16384 characters", "jsonSchema"),
    ],
)
def test_what_cannot_be_used_is_refused_with_its_place(fields: dict[str, Any], message: str, field: str) -> None:
    with pytest.raises(InvalidSpec, match=message) as refused:
        _check(**fields)
    assert refused.value.field == f"spec.telemetry.invariants[0].{field}"
