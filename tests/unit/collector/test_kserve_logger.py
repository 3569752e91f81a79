"""What KServe's own logger sent, word for word (`python -m dev.captures kserve-logger`), and what is read of it."""

import json
from pathlib import Path

import pytest

from modelrollout.collector.access import Tokens
from modelrollout.collector.events import EMPTY, REQUEST, RESPONSE, Event, read_message

CAPTURED = {one["call"]: one for one in json.loads(Path(__file__).with_name("kserve-logger.json").read_text())}
TOKEN = "s3cr/t+of=who:sends@night"  # noqa: S105 - of the capture


def events(call: str) -> list[Event]:
    """Request and answer, read as the server does."""
    found = []
    for sent in CAPTURED[call]["events"]:
        headers = {name.lower(): value for name, value in sent["headers"].items()}
        (one,) = read_message(headers, sent["body"].encode())
        assert isinstance(one, Event), one
        found.append(one)
    return found


@pytest.mark.parametrize("call", CAPTURED)
def test_every_event_is_one_of_a_request_and_its_answer(call: str) -> None:
    types = [one["headers"]["Ce-Type"] for one in CAPTURED[call]["events"]]
    assert types == ([REQUEST] if call == "a failure" else [REQUEST, RESPONSE])
    found = events(call)
    assert [one.answer for one in found] == [False, True][: len(types)]
    assert len({one.id for one in found}) == 1
    assert {(one.namespace, one.workload, one.code) for one in found} == {("risk", "fraud-v7", 200)}
    assert all(one.time is not None and one.time > 1_700_000_000 for one in found)


def test_it_says_nothing_of_copies_since_go_keeps_the_host_elsewhere() -> None:
    assert {one.shadow for call in CAPTURED for one in events(call)} == {None}
    assert not any("host" in one.headers for call in CAPTURED for one in events(call))


def test_the_callers_id_and_the_gateways_are_known() -> None:
    assert [one.id for one in events("V1, with an id of the caller's")] == ["caller-1"] * 2
    assert [one.id for one in events("V2, with the gateway's id")] == ["gateway-1"] * 2
    assert [one.id for one in events("without a content type")] == ["gateway-2"] * 2
    made_up = events("without any id")[0].id
    assert len(made_up) == 36
    assert made_up != events("a GET")[0].id


def test_bodies_are_those_of_the_model_in_both_protocols() -> None:
    asked, answered = events("V1, with an id of the caller's")
    assert (asked.body, answered.body) == ({"instances": [[0.1, 0.25]]}, {"predictions": ["low"]})
    asked, answered = events("V2, with the gateway's id")
    assert asked.body["inputs"][0]["data"] == [0.9, 0.25]
    assert answered.body["outputs"][0]["data"] == ["high"]
    assert events("without a content type")[1].body["outputs"][0]["data"] == ["high"]


def test_headers_are_copied_by_the_names_that_go_gives_them() -> None:
    assert events("V1, with an id of the caller's")[0].headers["x-country"] == "BR"
    assert "x-lower" not in events("a header in lower case on the list")[0].headers


def test_copied_headers_are_as_the_caller_wrote_them() -> None:
    assert events("of a country that is not ASCII")[1].headers["x-country"] == "Österreich 100%25"


def test_requests_of_the_operator_are_known_where_their_agent_is_copied() -> None:
    assert [call for call in CAPTURED if events(call)[0].own] == ["of the operator itself"]


def test_a_get_has_no_body_to_ask_with() -> None:
    asked, answered = events("a GET")
    assert asked.body is EMPTY
    assert answered.body == {"name": "digits", "ready": True}


def test_an_event_that_a_user_sent_is_the_body_of_the_loggers() -> None:
    asked, answered = events("an event as the body")
    assert asked.body["id"] == "inner"
    assert answered.body == {"predictions": ["high"]}


def test_a_password_in_its_url_is_the_token(tmp_path: Path) -> None:
    (tmp_path / "tokens").write_text(f"{TOKEN} risk\n")
    tokens = Tokens(str(tmp_path / "tokens"), lambda: 0.0)
    for call in CAPTURED:
        for sent in CAPTURED[call]["events"]:
            assert tokens.namespaces(sent["headers"]["Authorization"]) == {"risk"}
