"""Paths find what JMESPath itself finds."""

from typing import Any

import jmespath
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelrollout.collector.events import NOT_JSON
from modelrollout.collector.paths import MISSING, Path
from modelrollout.errors import InvalidSpec

NAMES = st.sampled_from(["a", "b", "outputs", "data"])
BODIES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=12,
)
STEPS = st.lists(NAMES | st.integers(-3, 3), min_size=1, max_size=5)


def _text(steps: list[str | int]) -> str:
    return "".join(f"[{one}]" if isinstance(one, int) else f".{one}" for one in steps).removeprefix(".")


@given(BODIES, STEPS)
def test_a_path_that_only_goes_down_finds_what_the_interpreter_finds(body: Any, steps: list[str | int]) -> None:
    found, expected = Path(_text(steps), "path").find(body), jmespath.search(_text(steps), body)
    assert found is MISSING if expected is None else found == expected


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("@", {"a": [{"b": 1}, {"b": 2}]}),
        ("@.a[-1].b", 2),
        ("a[*].b", [1, 2]),
        ("a[0].c || a[1].b", 2),
        ("length(a)", 2),
        ("a[0].b.c", MISSING),
        ("sum(a)", MISSING),
    ],
)
def test_other_expressions_are_interpreted(text: str, found: Any) -> None:
    assert Path(text, "path").find({"a": [{"b": 1}, {"b": 2}]}) == found


def test_nothing_is_found_where_there_is_no_json() -> None:
    assert Path("a", "path").find(NOT_JSON) is MISSING


def test_what_is_no_expression_is_refused_with_its_place() -> None:
    with pytest.raises(InvalidSpec, match="no JMESPath") as refused:
        Path("a[", "spec.telemetry.prediction")
    assert refused.value.field == "spec.telemetry.prediction"
