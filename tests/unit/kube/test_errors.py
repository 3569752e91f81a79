"""What an answer of the API server means."""

import json

import pytest

from modelrollout.kube.errors import (
    AlreadyExists,
    Conflict,
    Forbidden,
    Gone,
    KubeError,
    NotFound,
    OutcomeUnknown,
    Rejected,
    Terminating,
    Unavailable,
    error_of,
)

FAILED_TEST = {"reason": "Invalid", "message": "the server rejected our request", "details": {}}
TERMINATING = {"reason": "Forbidden", "details": {"causes": [{"reason": "NamespaceTerminating", "field": "x"}]}}
REFUSED = {"reason": "Invalid", "message": "spec.target: Invalid value", "details": {"name": "fraud"}}


@pytest.mark.parametrize(
    ("status", "body", "write", "expected"),
    [
        (404, {}, False, NotFound),
        (409, {"reason": "AlreadyExists"}, True, AlreadyExists),
        (409, {"reason": "Conflict"}, True, Conflict),
        (410, {"reason": "Expired"}, False, Gone),
        (403, {}, True, Forbidden),
        (401, {}, False, Forbidden),
        (403, TERMINATING, True, Terminating),
        (422, REFUSED, True, Rejected),
        (422, FAILED_TEST, True, Conflict),
        (429, {}, True, Unavailable),
        (500, {}, False, Unavailable),
        (500, {}, True, OutcomeUnknown),
        (504, {}, True, OutcomeUnknown),
    ],
)
def test_each_answer_is_one_kind_of_error(
    status: int, body: dict[str, object], write: bool, expected: type[KubeError]
) -> None:
    error = error_of(status, json.dumps(body).encode(), "PATCH /x", write=write)
    assert type(error) is expected
    assert error.status == status


def test_a_page_that_is_not_json_is_quoted() -> None:
    assert "<html>" in str(error_of(503, b"<html>proxy</html>", "GET /x", write=False))


def test_patience_that_the_server_asks_for_is_kept() -> None:
    error = error_of(429, b"{}", "GET /x", write=False, retry_after=3.0)
    assert isinstance(error, Unavailable)
    assert error.retry_after == 3.0
