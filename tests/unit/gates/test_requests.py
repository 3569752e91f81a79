"""Warm-up and golden requests over real HTTP."""

import json
from collections import Counter
from typing import Any

import pytest

from modelrollout.api.status import Verdict
from modelrollout.gates import GateFinder
from modelrollout.kube.fake import FakeServer
from modelrollout.kube.resources import CONFIGMAPS
from tests.unit.gates.pods import Pods, a_check, at

INFER = "/v2/models/fraud/infer"
WARM = {"warmUp": {"requests": 3, "path": INFER, "body": '{"inputs": []}'}}
GOLDEN = {"replay": {"configMap": "golden", "tolerance": {"absolute": 0.01}}}
SCORE = {"request": {"path": INFER, "body": {"inputs": [1]}}, "expect": {"body": {"outputs": [{"data": [0.5]}]}}}


def store(server: FakeServer, *lines: Any, key: str = "requests.jsonl") -> None:
    text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
    config_map = {"metadata": {"namespace": "risk", "name": "golden"}, "data": {key: text}}
    server.put(CONFIGMAPS.path("risk", "golden"), config_map)


async def test_every_pod_gets_its_warm_up_requests(finder: GateFinder, pods: Pods) -> None:
    pods.answers[f"POST {INFER}"] = 200, {}
    found = await finder.find(a_check(WARM, await pods.start(), await pods.start()))
    assert (found.verdict, found.message) == (Verdict.PASS, "2 pods answered 3 warm-up requests each")
    assert len(pods.asked) == 6
    assert {(body, headers["Content-Type"]) for _, headers, body in pods.asked} == {
        (b'{"inputs": []}', "application/json")
    }


async def test_the_first_warm_up_requests_may_fail_and_the_last_may_not(finder: GateFinder, pods: Pods) -> None:
    pods.answers[f"POST {INFER}"] = lambda number, _: (503 if number < 3 else 200, {})
    check = a_check(WARM, await pods.start())
    assert (await finder.find(check)).verdict is Verdict.PASS
    pods.answers[f"POST {INFER}"] = 500, {"error": "out of memory"}
    found = await finder.find(check)
    assert found.verdict is Verdict.FAIL
    assert 'with HTTP 500 after 3 requests: {"error": "out of memory"}' in found.message


async def test_headers_of_a_warm_up_are_sent_as_written(finder: GateFinder, pods: Pods) -> None:
    pods.answers["GET /x?a=%20b"] = 200, {}
    headers = [{"name": "content-type", "value": "text/x"}, {"name": "x-tenant", "value": "risk"}]
    gate = {"warmUp": {"requests": 1, "path": "/x?a=%20b", "headers": headers}}
    assert (await finder.find(a_check(gate, await pods.start()))).verdict is Verdict.PASS
    assert pods.asked[0][1]["x-tenant"] == "risk"


async def test_answers_within_the_tolerance_pass(finder: GateFinder, pods: Pods, server: FakeServer) -> None:
    store(server, SCORE, {"request": {"path": "/health"}, "expect": {"status": 204}})
    pods.answers = {f"POST {INFER}": (200, {"id": "1", "outputs": [{"data": [0.509]}]}), "GET /health": (204, b"")}
    found = await finder.find(a_check(GOLDEN, await pods.start()))
    assert (found.verdict, found.message) == (Verdict.PASS, "all 2 answers are as expected")


async def test_the_first_different_answer_is_told_with_line_and_path(
    finder: GateFinder, pods: Pods, server: FakeServer
) -> None:
    store(server, SCORE, "", SCORE, SCORE)
    pods.answers[f"POST {INFER}"] = lambda number, _: (200, {"outputs": [{"data": [0.5 if number == 1 else 0.7]}]})
    found = await finder.find(a_check(GOLDEN, await pods.start()))
    assert found.verdict is Verdict.FAIL
    assert found.message == (
        "2 of 3 answers differ from the expected ones; the first: line 3, at $.outputs[0].data[0]: "
        "expected 0.5, found 0.7"
    )


async def test_another_status_is_a_difference(finder: GateFinder, pods: Pods, server: FakeServer) -> None:
    store(server, SCORE)
    pods.answers[f"POST {INFER}"] = 500, {"error": "unknown category"}
    found = await finder.find(a_check(GOLDEN, await pods.start()))
    assert 'expected HTTP 200, found 500: {"error": "unknown category"}' in found.message


async def test_golden_requests_go_to_all_pods_in_turn(finder: GateFinder, pods: Pods, server: FakeServer) -> None:
    store(server, *[SCORE] * 4)
    pods.answers[f"POST {INFER}"] = 200, {"outputs": [{"data": [0.5]}]}
    other = Pods()
    other.answers = pods.answers
    try:
        await finder.find(a_check(GOLDEN, await pods.start(), await other.start()))
    finally:
        await other.close()
    assert (len(pods.asked), len(other.asked)) == (2, 2)


async def test_texts_are_sent_and_compared_as_texts(finder: GateFinder, pods: Pods, server: FakeServer) -> None:
    store(server, {"request": {"path": "/echo", "body": "hello"}, "expect": {"body": "HELLO"}})
    pods.answers["POST /echo"] = lambda _, body: (200, body.upper())
    assert (await finder.find(a_check(GOLDEN, await pods.start()))).verdict is Verdict.PASS


@pytest.mark.parametrize(
    ("lines", "key", "why"),
    [
        (None, "", "ConfigMap golden is not there: create it"),
        ([SCORE], "other", "ConfigMap golden has no entry requests.jsonl: add it"),
        ([SCORE, "{secret"], "requests.jsonl", "ConfigMap golden, entry requests.jsonl: line 2 is not JSON"),
    ],
)
async def test_golden_requests_that_cannot_be_read_are_no_failure_of_the_model(
    finder: GateFinder, pods: Pods, server: FakeServer, lines: list[Any] | None, key: str, why: str
) -> None:
    if lines is not None:
        store(server, *lines, key=key)
    found = await finder.find(a_check(GOLDEN, await pods.start()))
    assert (found.verdict, found.message) == (Verdict.ERROR, why)
    assert pods.asked == []


async def test_a_pod_that_goes_meanwhile_is_no_failure_of_the_model(
    finder: GateFinder, pods: Pods, server: FakeServer
) -> None:
    store(server, SCORE)
    pods.answers[f"POST {INFER}"] = 200, {"outputs": [{"data": [0.5]}]}
    check = a_check(GOLDEN, "127.0.0.1:1")
    assert (await finder.find(check)).verdict is Verdict.ERROR
    assert (await finder.find(a_check(WARM, "127.0.0.1:1"))).verdict is Verdict.ERROR
    assert (await finder.find(at(check, await pods.start()))).verdict is Verdict.PASS
    assert Counter(one[0] for one in pods.asked) == {f"POST {INFER}": 1}
