"""Exchanges as CloudEvents, read back by CloudEvents' own library and by the collector."""

import gzip
import json
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_http_event
from hypothesis import given
from hypothesis import strategies as st

from modelrollout.collector.events import BATCH, NOT_JSON, NOT_SENT, Event, read_message
from modelrollout.tap.events import OWN_AGENT, REQUEST, RESPONSE, Scribe, sampled
from modelrollout.tap.exchange import Exchange, Watcher
from modelrollout.tap.settings import Bodies

OMITTED: Counter[str] = Counter()
SCRIBE = Scribe(
    namespace="risk",
    workload="fraud-v2",
    pod="fraud-v2-7c9",
    id_header="x-request-id",
    headers=frozenset({"x-country", "x-user"}),
    bodies=Bodies.BOTH,
    max_body=1000,
    share=1.0,
    new_id=lambda: "made-up",
    count=lambda reason: OMITTED.update([reason]),
)
ASK = b'{"amount": 12.10}'
ANSWER = b'{"fraud": 0.30}'


@pytest.fixture(autouse=True)
def fresh() -> None:
    OMITTED.clear()


def exchange(
    *headers: str, host: str = "m.example", method: str = "POST", answer: bytes = ANSWER, coding: str = ""
) -> Exchange:
    done: list[Exchange] = []
    watcher = Watcher(1000, 1000, lambda: 1_700_000_000.25, done.append)
    lines = [f"{method} /v2/models/m/infer HTTP/1.1", f"Host: {host}", f"Content-Length: {len(ASK)}", *headers]
    watcher.requests("\r\n".join([*lines, "", ""]).encode() + ASK)
    coded = f"Content-Encoding: {coding}\r\n" if coding else ""
    watcher.responses(
        f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n{coded}Content-Length: {len(answer)}\r\n\r\n".encode()
        + answer
    )
    return done[0]


def written(made: Exchange, scribe: Scribe = SCRIBE) -> list[dict[str, Any]]:
    return [json.loads(event) for event in scribe.events(made)]


def test_an_exchange_is_a_request_and_a_response_event_with_the_same_id() -> None:
    made = exchange("X-Request-Id: 42", "X-Country: BR", "Authorization: Bearer secret", "X-Country: PT")
    events = []
    for text in SCRIBE.events(made):
        message = HTTPMessage(headers={"content-type": "application/cloudevents+json"}, body=text)
        events.append(from_http_event(message))
    assert [event.get_type() for event in events] == [REQUEST, RESPONSE]
    assert {event.get_id() for event in events} == {"42"}
    assert [event.get_data() for event in events] == [ASK, ANSWER]
    for event in events:
        assert event.get_extension("inferenceservicename") == "fraud-v2"
        assert event.get_extension("namespace") == "risk"
        assert json.loads(event.get_extension("metadata")) == {"x-country": ["BR", "PT"]}
        assert event.get_extension("shadow") == "false"
        assert event.get_time().timestamp() == 1_700_000_000.25
    assert events[1].get_extension("code") == "200"
    assert b"secret" not in b"".join(SCRIBE.events(made))


@pytest.mark.parametrize("host", ["m.example-shadow", "m.example-shadow:8080"])
def test_a_mirrored_copy_says_so(host: str) -> None:
    assert {event["shadow"] for event in written(exchange("X-Request-Id: 1", host=host))} == {"true"}


@pytest.mark.parametrize(
    ("bodies", "with_data"), [(Bodies.NONE, []), (Bodies.RESPONSES, [RESPONSE]), (Bodies.BOTH, [REQUEST, RESPONSE])]
)
def test_only_the_wanted_bodies_are_sent(bodies: Bodies, with_data: list[str]) -> None:
    events = written(exchange("X-Request-Id: 1"), replace(SCRIBE, bodies=bodies))
    assert [event["type"] for event in events if "data_base64" in event] == with_data
    assert OMITTED == {}


def test_an_empty_answer_is_told_from_one_that_is_not_sent() -> None:
    for bodies, told in ((Bodies.RESPONSES, NOT_JSON), (Bodies.NONE, NOT_SENT)):
        events = replace(SCRIBE, bodies=bodies).events(exchange("X-Request-Id: 1", answer=b""))
        _, answer = read_message({"content-type": BATCH}, b"[" + b",".join(events) + b"]")
        assert isinstance(answer, Event)
        assert answer.body is told


def test_what_is_no_inference_of_a_user_has_no_events() -> None:
    assert written(exchange("X-Request-Id: 1", method="GET")) == []
    assert written(exchange("X-Request-Id: 1", f"User-Agent: {OWN_AGENT}")) == []
    left = exchange("X-Request-Id: 1")
    left.left = True
    assert written(left) == []
    assert OMITTED == {"caller_left": 1}


def test_a_request_without_an_id_gets_one_and_is_counted() -> None:
    assert {event["id"] for event in written(exchange())} == {"made-up"}
    assert OMITTED == {"no_id": 1}


def test_a_compressed_answer_is_sent_as_it_was_before() -> None:
    made = exchange("X-Request-Id: 1", answer=gzip.compress(ANSWER), coding="gzip")
    plain = exchange("X-Request-Id: 1")
    assert written(made)[1]["data_base64"] == written(plain)[1]["data_base64"]


@pytest.mark.parametrize(
    ("answer", "coding", "why"),
    [
        (b"x" * 1001, "", "body_too_large"),
        (gzip.compress(b"x" * 100_000, mtime=0), "gzip", "body_too_large"),
        (gzip.compress(ANSWER, mtime=0)[:-9], "gzip", "body_encoding"),
        (ANSWER, "gzip", "body_encoding"),
        (ANSWER, "br", "body_encoding"),
    ],
)
def test_a_body_that_cannot_be_sent_leaves_an_event_without_it(answer: bytes, coding: str, why: str) -> None:
    events = written(exchange("X-Request-Id: 1", answer=answer, coding=coding))
    assert ["data_base64" in event for event in events] == [True, False]
    assert {why: 1} == OMITTED


@given(st.text(min_size=1, max_size=40), st.floats(0, 1), st.floats(0, 1))
def test_a_smaller_sample_is_a_part_of_a_larger_one(request_id: str, one: float, other: float) -> None:
    small, large = sorted((one, other))
    assert not sampled(request_id, 0)
    assert sampled(request_id, 1)
    assert sampled(request_id, large) or not sampled(request_id, small)


def test_the_sample_has_the_share_that_was_asked_for() -> None:
    assert sum(sampled(f"request-{n}", 0.2) for n in range(10_000)) == pytest.approx(2000, abs=150)
    made = [exchange(f"X-Request-Id: request-{n}") for n in range(50)]
    kept = [written(one, replace(SCRIBE, share=0.2)) for one in made]
    assert {len(events) for events in kept} == {0, 2}
    assert OMITTED["not_sampled"] == sum(not events for events in kept)
