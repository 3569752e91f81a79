import json
from typing import Any

import pytest

from modelrollout.api.telemetry import Comparison
from modelrollout.collector.comparing import comparer
from modelrollout.collector.hashing import Hasher


def _same(how: dict[str, Any], reference: Any, found: Any) -> bool:
    compare = comparer(Comparison.model_validate(how), Hasher(b"key"), "risk/fraud")
    kept = compare.keep(reference), compare.keep(found)
    assert all(one is not None and compare.fits(one) for one in kept)
    return compare.same(*kept)


CLASS = {"kind": "Class"}
NUMBER = {"kind": "Number", "tolerance": 0.5, "relative": 0.1}
TOP_3 = {"kind": "TopK", "k": 3}
LOOSE = TOP_3 | {"overlap": 0.6}
VECTOR = {"kind": "Vector", "tolerance": 0.1}
COSINE = {"kind": "Vector", "similarity": 0.99}
JSON = {"kind": "Json", "tolerance": 0.1}


@pytest.mark.parametrize(
    ("how", "reference", "found", "same"),
    [
        (CLASS, "a", "a", True),
        (CLASS, "a", "b", False),
        (CLASS, 1, 1.0, True),
        (CLASS, "1", 1, True),
        (CLASS, True, "true", True),
        (CLASS, ["a"], ["a"], True),
        (NUMBER, 1, 1.5, True),
        (NUMBER, 1, 1.6, False),
        (NUMBER, 100, 110, True),
        (NUMBER, 110, 98, False),
        (NUMBER, [1], "1.2", True),
        (TOP_3, ["a", "b", "c"], ["c", "b", "a", "x"], True),
        (TOP_3, ["a", "b", "c"], ["a", "b", "x", "c"], False),
        (TOP_3, "b", ["a", "b", "c"], True),
        (TOP_3, "x", ["a", "b", "c", "x"], False),
        (LOOSE, ["a", "b", "c"], ["a", "b", "x"], True),
        (LOOSE, ["a", "b", "c"], ["a", "y", "x"], False),
        (VECTOR, [1, 2], [1.05, 1.95], True),
        (VECTOR, [1, 2], [1.05, 2.2], False),
        (VECTOR, [1, 2], [1, 2, 3], False),
        (COSINE, [1, 0], [5, 0.1], True),
        (COSINE, [1, 0], [1, 1], False),
        (COSINE, [1, 0], [0, 0], False),
        (JSON, {"a": [1, None]}, {"a": [1.05, None]}, True),
        (JSON, {"a": 1}, {"a": 1.2}, False),
        (JSON, {"a": 1}, {"a": 1, "b": 2}, False),
        (JSON, True, 1, False),
        (JSON, 10**400, 10**400 + 1, False),
    ],
)
def test_predictions_are_compared_by_their_kind(how: dict[str, Any], reference: Any, found: Any, same: bool) -> None:
    assert _same(how, reference, found) is same


@pytest.mark.parametrize(
    ("how", "value"),
    [
        (NUMBER, "many"),
        (NUMBER, float("nan")),
        (NUMBER, [1, 2]),
        (NUMBER, True),
        (TOP_3, []),
        (VECTOR, [1, "x"]),
        (VECTOR, []),
        (VECTOR, [float("inf")]),
        (VECTOR, [0] * 5000),
        (NUMBER, 1e200),
        (COSINE, [1e200, 1e200]),
        (JSON, json.loads("[" * 200 + "]" * 200)),
        (JSON, "x" * 20_000),
    ],
)
def test_what_is_no_prediction_of_the_kind_is_not_kept(how: dict[str, Any], value: Any) -> None:
    assert comparer(Comparison.model_validate(how), Hasher(b"key"), "risk/fraud").keep(value) is None


def test_classes_are_compared_where_nothing_is_said() -> None:
    compare = comparer(None, Hasher(b"key"), "risk/fraud")
    assert compare.same(compare.keep("a"), compare.keep("a"))


def test_only_who_has_the_key_finds_the_value_and_no_scope_sees_another() -> None:
    hasher = Hasher(b"key")
    assert hasher.digest("a", "ann") == Hasher(b"key").digest("a", "ann")
    assert len({hasher.digest("a", "ann"), hasher.digest("b", "ann"), Hasher(b"other").digest("a", "ann")}) == 3


def test_chances_are_spread_evenly() -> None:
    chances = sorted(Hasher(b"key").chance("a", str(number)) for number in range(2000))
    # The largest distance from the uniform distribution; 0.0436 is Kolmogorov's 0.1 % point for 2,000.
    assert max(abs(chance - (i + 0.5) / 2000) for i, chance in enumerate(chances)) < 0.0436
