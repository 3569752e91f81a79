"""Golden requests: what can be read, and which answers count as the expected ones."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelrollout.api import Tolerance
from modelrollout.decisions.golden import ANYTHING, MOST_LINES, Unreadable, difference, read_golden

EXACT = Tolerance()
ASKED = {"path": "/v2/models/fraud/infer", "body": {"inputs": []}}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


def text(*lines: Any) -> str:
    return "\n".join(json.dumps(line) for line in lines)


def test_a_line_says_what_is_asked_and_what_is_expected() -> None:
    first, second = read_golden(
        text({"request": ASKED, "expect": {"status": 422, "body": None}}, {"request": {"path": "/"}}) + "\n\n"
    )
    assert (first.method, first.status, first.answer) == ("POST", 422, None)
    assert (second.line, second.method, second.status, second.answer) == (2, "GET", 200, ANYTHING)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ({"expect": {}}, "request must be an object with path"),
        ([], "must be an object with request and expect"),
        ({"request": ASKED, "expects": {}}, "has a field that is none of request, expect"),
        ({"request": {"path": "http://metadata/"}}, "request.path must be a path"),
        ({"request": {"path": "/a b"}}, "without spaces"),
        ({"request": {"path": "/", "method": "DELETE"}}, "request.method must be GET, POST or PUT"),
        ({"request": {"path": "/", "method": []}}, "request.method must be GET, POST or PUT"),
        ({"request": {"path": "/", "headers": {"Host": "metadata"}}}, "request.headers must be texts by name"),
        ({"request": {"path": "/", "headers": {"a": "b\r\nc: d"}}}, "request.headers must be texts by name"),
        ({"request": {"path": "/", "headers": {"": "b"}}}, "request.headers must be texts by name"),
        ({"request": ASKED, "expect": {"status": True}}, "expect.status must be a status of HTTP"),
    ],
)
def test_a_line_that_cannot_be_read_is_named_by_its_number(line: Any, why: str) -> None:
    with pytest.raises(Unreadable, match=why) as refused:
        read_golden(text({"request": ASKED}, line))
    assert str(refused.value).startswith("line 2")


@pytest.mark.parametrize(
    ("lines", "why"),
    [("", "it holds no requests"), ("{}\n" * (MOST_LINES + 1), "1000 is the most"), ("x" * 20, "line 1 is not JSON")],
)
def test_what_is_no_list_of_requests_is_refused(lines: str, why: str) -> None:
    with pytest.raises(Unreadable, match=why):
        read_golden(lines)


@pytest.mark.parametrize(
    ("expected", "found", "told"),
    [
        ({"a": [1, {"b-c": 7}]}, {"a": [1, {"b-c": 3}]}, 'at $.a[1]["b-c"]: expected 7, found 3'),
        ({"a": 1}, {}, "at $.a: expected 1, found nothing"),
        ([1, 2], [1], "at $: expected 2 values, found 1"),
        (1, True, "at $: expected 1, found true"),
        (False, 0, "at $: expected false, found 0"),
        (None, 0, "at $: expected null, found 0"),
        ("7", 7, 'at $: expected "7", found 7'),
        ({"a": {}}, {"a": []}, "at $.a: expected {}, found []"),
        (10**400, 1, f"at $: expected 1{'0' * 79}..., found 1"),
    ],
)
def test_the_first_difference_is_told_with_its_path(expected: Any, found: Any, told: str) -> None:
    assert difference(expected, found, EXACT) == told


@pytest.mark.parametrize(
    ("expected", "found", "tolerance", "same"),
    [
        (1.0, 1.0004, Tolerance(absolute=0.001), True),
        (1.0, 1.002, Tolerance(absolute=0.001), False),
        (200, 201.9, Tolerance(relative=0.01), True),
        (-200, -202.1, Tolerance(relative=0.01), False),
        (0, 0.0005, Tolerance(absolute=0.001, relative=0.5), True),
        (2, 2.0, EXACT, True),
    ],
)
def test_numbers_may_differ_as_far_as_the_wider_tolerance_allows(
    expected: float, found: float, tolerance: Tolerance, same: bool
) -> None:
    assert (difference([expected], [found], tolerance) == "") is same


def test_what_the_expected_answer_does_not_name_is_not_compared() -> None:
    assert difference({"outputs": [7]}, {"id": "x", "outputs": [7]}, EXACT) == ""


@given(JSON)
def test_every_answer_is_as_itself(value: Any) -> None:
    assert difference(value, json.loads(json.dumps(value)), EXACT) == ""
