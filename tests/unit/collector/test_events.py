import base64
import json
from pathlib import Path
from typing import Any

import pytest

from modelrollout.collector.documents import Heartbeat, Label, read_documents, read_heartbeat, read_label, read_signal
from modelrollout.collector.engines import Store
from modelrollout.collector.events import (
    BATCH,
    EMPTY,
    MOST_EVENTS,
    NOT_JSON,
    REQUEST,
    RESPONSE,
    Event,
    read_message,
)
from modelrollout.collector.refusals import Refused
from tests.unit.collector.world import CLASSES, World, answered, asked

BINARY = {
    # As the agent of KServe writes it: names of headers as Go spells them, the metadata a map of lists.
    "Ce-Specversion": "1.0",
    "Ce-Id": "8f4e",
    "Ce-Source": "http://localhost:9081/",
    "Ce-Type": REQUEST,
    "Ce-Time": "2026-12-01T09:30:00.5Z",
    "Ce-Namespace": "risk",
    "Ce-Inferenceservicename": "fraud-v7",
    "Ce-Endpoint": "default",
    "Ce-Component": "predictor",
    "Ce-Metadata": '{"X-Country":["BR","DE"],"Host":["fraud.example.com"]}',
    "Content-Type": "application/json",
}
STRUCTURED = {
    "specversion": "1.0",
    "id": "8f4e",
    "source": "/tap",
    "type": RESPONSE,
    "time": "2026-12-01T09:30:01+00:00",
    "namespace": "risk",
    "inferenceservicename": "fraud-v8",
    "code": "503",
    "shadow": "true",
    "datacontenttype": "application/json",
    "data": {"outputs": []},
}


def _lower(headers: dict[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _one(headers: dict[str, str], body: bytes) -> Event:
    (found,) = read_message(_lower(headers), body)
    assert isinstance(found, Event), found
    return found


def _batch(*events: dict[str, Any]) -> list[Event | Refused]:
    return list(read_message({"content-type": BATCH}, json.dumps(events).encode()))


def test_a_binary_event_of_kserve_is_read() -> None:
    found = _one(BINARY, b'{"inputs": [1]}')
    assert found == Event(
        answer=False,
        id="8f4e",
        namespace="risk",
        workload="fraud-v7",
        time=1796117400.5,
        data=b'{"inputs": [1]}',
        headers={"x-country": "BR", "host": "fraud.example.com"},
        code=200,
        shadow=False,
    )
    assert found.body == {"inputs": [1]}


def test_a_structured_event_is_read() -> None:
    found = _one({"Content-Type": "application/cloudevents+json; charset=utf-8"}, json.dumps(STRUCTURED).encode())
    assert (found.answer, found.workload, found.code, found.shadow) == (True, "fraud-v8", 503, True)
    assert (found.time, found.body) == (1796117401, {"outputs": []})


def test_a_batch_is_read_and_a_poisoned_event_in_it_refused_alone() -> None:
    encoded = STRUCTURED | {"data_base64": base64.b64encode(b'{"a": 1}').decode()}
    del encoded["data"]
    wrong = [
        STRUCTURED | {"type": "other"},
        STRUCTURED | {"id": "x" * 300},
        STRUCTURED | {"specversion": "7"},
        STRUCTURED | {"time": "yesterday"},
        STRUCTURED | {"code": "700"},
        STRUCTURED | {"metadata": "["},
        {name: value for name, value in STRUCTURED.items() if name != "namespace"},
    ]
    first, second, *others = _batch(STRUCTURED, encoded, *wrong)
    assert isinstance(first, Event)
    assert isinstance(second, Event)
    assert second.body == {"a": 1}
    reasons = [one.reason for one in others if isinstance(one, Refused)]
    assert reasons == ["type", "attribute", "unreadable", "unreadable", "attribute", "attribute", "attribute"]


@pytest.mark.parametrize(
    ("body", "found"), [(b"", EMPTY), (b"{", NOT_JSON), (b"\xff\xfe", NOT_JSON), (b"[" * 100_000, NOT_JSON)]
)
def test_a_body_that_cannot_be_looked_into_is_still_an_event(body: bytes, found: object) -> None:
    assert _one(BINARY, body).body is found


def test_a_body_that_no_rollout_looks_into_is_not_read(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path / 'collector.db'}")
    world = World(store, CLASSES | {"slices": [{"name": "country", "header": "x-country"}]})
    for telling, read in ((asked("1", body=b"{}"), False), (answered("1", body=b"{}"), True)):
        world.send(telling)
        assert ("body" in vars(telling)) is read
    store.close()


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"specversion": 1.0}, "specversion"),
        ({"source": ""}, "source"),
        ({"source": None}, "source"),
        ({"time": "2026-12-01T09:30:00"}, "time"),
        ({"time": None}, "time"),
        ({"subject": ""}, "subject"),
        ({"dataschema": 1}, "dataschema"),
        ({"datacontenttype": None}, "datacontenttype"),
        ({"Code": "200"}, "Code"),
        ({"a-b": "c", "": "d"}, ", a-b"),
        ({"data": None, "data_base64": "\u00e9"}, "data_base64"),
    ],
)
def test_what_is_no_valid_cloudevent_is_refused_and_its_attribute_named(change: dict[str, Any], named: str) -> None:
    (found,) = _batch(STRUCTURED | change)
    assert isinstance(found, Refused)
    assert (found.reason, named in found.message) == ("unreadable", True)


def test_an_event_without_an_id_is_refused_for_with_one_made_up_its_repetition_would_count_again() -> None:
    (found,) = _batch({name: value for name, value in STRUCTURED.items() if name != "id"})
    assert isinstance(found, Refused)
    assert "the attribute id" in found.message


@pytest.mark.parametrize(
    ("host", "shadow"), [("fraud.example.com-shadow", True), ("fraud-shadow:8080", True), ("fraud.example.com", False)]
)
def test_a_mirrored_copy_is_known_by_its_host(host: str, shadow: bool) -> None:
    assert _one(BINARY | {"Ce-Metadata": json.dumps({"Host": [host]})}, b"").shadow is shadow


def test_a_copied_id_of_the_gateway_is_worth_more_than_one_that_the_logger_made_up() -> None:
    copied = BINARY | {"Ce-Metadata": '{"X-Request-Id": ["gateway-1"]}'}
    assert _one(copied, b"{}").id == "gateway-1"
    with pytest.raises(Refused, match="x-request-id"):
        _one(BINARY | {"Ce-Metadata": '{"X-Request-Id": [""]}'}, b"{}")
    # Whoever writes events otherwise says the id that it means.
    (said,) = _batch(STRUCTURED | {"metadata": '{"x-request-id": ["gateway-1"]}'})
    assert isinstance(said, Event)
    assert said.id == "8f4e"


def test_what_a_sender_has_encoded_is_decoded() -> None:
    encoded = {"Ce-Id": "a%2Fb%20c", "Ce-Metadata": "%7B%22X-Country%22:%5B%22%C3%96sterreich%20100%25%22%5D%7D"}
    found = _one(BINARY | encoded, b"{}")
    assert (found.id, found.headers) == ("a/b c", {"x-country": "Österreich 100%"})


def test_a_body_that_is_an_event_itself_is_the_body() -> None:
    inner = {"specversion": "1.0", "id": "inner", "source": "/app", "type": "of.a.user", "data": {"a": 1}}
    found = _one(BINARY | {"Content-Type": "application/cloudevents+json"}, json.dumps(inner).encode())
    assert (found.id, found.body) == ("8f4e", inner)


@pytest.mark.parametrize(("agent", "own"), [("modelrollout", True), ("modelrollout-client/1", False)])
def test_requests_of_the_operator_itself_are_known_by_their_agent(agent: str, own: bool) -> None:
    assert _one(BINARY | {"Ce-Metadata": json.dumps({"User-Agent": [agent]})}, b"{}").own is own


def test_who_does_not_tell_the_host_says_nothing_about_shadows() -> None:
    assert _one(BINARY | {"Ce-Metadata": "{}"}, b"").shadow is None


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({"content-type": "application/json"}, b"no event"),
        ({"content-type": "application/cloudevents+json"}, b"[]"),
        ({"content-type": BATCH}, b"{}"),
        ({"content-type": BATCH}, b"["),
        ({"content-type": BATCH}, json.dumps([1] * (MOST_EVENTS + 1)).encode()),
        ({"ce-id": "1"}, b""),
        (_lower(BINARY) | {"ce-time": "noon"}, b""),
    ],
)
def test_a_message_that_is_no_event_is_refused(headers: dict[str, str], body: bytes) -> None:
    with pytest.raises(Refused):
        list(read_message(headers, body))


def test_labels_come_alone_and_in_lists() -> None:
    one = {"namespace": "risk", "rollout": "fraud", "id": "1", "value": {"a": 1}}
    expected = Label("risk", "fraud", "1", {"a": 1}, None)
    assert list(read_documents(json.dumps(one).encode(), read_label)) == [expected]
    many = [one | {"time": "2026-12-01T09:30:00+01:00"}, {}, 1]
    first, *refused = read_documents(json.dumps(many).encode(), read_label)
    assert first == Label("risk", "fraud", "1", {"a": 1}, 1796113800)
    assert [isinstance(one, Refused) for one in refused] == [True, True]


def test_a_signal_is_worth_one_where_it_has_no_value() -> None:
    one = {"namespace": "risk", "rollout": "fraud", "id": "1", "signal": "complaint"}
    assert read_signal(one).value == 1
    assert read_signal(one | {"value": -2.5}).value == -2.5


def test_a_heartbeat_is_of_a_workload_or_of_a_version() -> None:
    one = {"namespace": "risk", "source": "tap"}
    assert read_heartbeat(one | {"workload": "w"}) == Heartbeat("risk", "tap", "w", None, None, None)
    assert read_heartbeat(one | {"rollout": "r", "version": "v"}) == Heartbeat("risk", "tap", None, "r", "v", None)


@pytest.mark.parametrize(
    ("read", "document", "message"),
    [
        (read_label, {"value": None}, "needs a value"),
        (read_label, {"value": 1, "id": 7}, "id must be a text"),
        (read_label, {"value": 1, "colour": 1}, "none of namespace, rollout, id, value, time"),
        (read_label, {"value": 1, "time": "2026-12-01T09:30:00"}, "RFC 3339"),
        (read_signal, {"signal": "a", "value": True}, "finite number"),
        (read_signal, {"signal": "a", "value": float("inf")}, "finite number"),
        (read_signal, {"signal": "a", "value": 10**400}, "finite number"),
        (read_signal, {"signal": "a", "value": -1e200}, "finite number"),
        (read_label, {"value": 1, "id": "\ud800"}, "id must be a text"),
        (read_signal, {}, "signal must be a text"),
        (read_heartbeat, {}, "exactly one of workload and version"),
        (read_heartbeat, {"workload": "w", "version": "v"}, "exactly one of workload and version"),
    ],
)
def test_a_wrong_document_is_refused_with_what_to_do(read: Any, document: dict[str, Any], message: str) -> None:
    whose = (
        {"namespace": "risk", "source": "s"}
        if read is read_heartbeat
        else {"namespace": "risk", "rollout": "r", "id": "1"}
    )
    with pytest.raises(Refused, match=message):
        read(whose | document)
