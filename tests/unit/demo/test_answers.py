import json

import pytest

from dev.demo.digits.traffic.answers import UNKNOWN, Kind, judge

RESPONSE = {
    "model_name": "digits",
    "model_version": "v2",
    "outputs": [{"name": "predict", "shape": [1, 1], "datatype": "INT64", "data": [7]}],
}


@pytest.mark.parametrize(("truth", "kind"), [(7, Kind.RIGHT), (1, Kind.WRONG)])
def test_a_digit_is_right_or_wrong_by_the_truth_and_names_its_version(truth: int, kind: Kind) -> None:
    assert judge(200, json.dumps(RESPONSE).encode(), truth) == ("v2", kind)


def test_an_error_of_a_model_server_names_the_version_that_failed() -> None:
    body = json.dumps({"error": "digits v3: Found unknown categories [np.uint8(15)] in column 17 during transform"})
    assert judge(500, body.encode(), 7) == ("v3", Kind.FAILED)


@pytest.mark.parametrize(
    "body",
    [b"no healthy upstream", b"", b"\xff", b"[]", b'{"error": null}', b'{"error": "Model digits is not ready yet."}'],
)
def test_an_error_that_no_model_server_gave_is_nobodys(body: bytes) -> None:
    assert judge(503, body, 7) == (UNKNOWN, Kind.FAILED)


def test_a_200_without_a_digit_is_a_failure_of_its_version() -> None:
    assert judge(200, json.dumps({**RESPONSE, "outputs": []}).encode(), 7) == ("v2", Kind.FAILED)
