"""Servers that fail in every way a Prometheus, or what stands in its place, can fail; they speak plain sockets."""

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from urllib.parse import parse_qs

import pytest

from modelrollout.decisions.analysis.looking import fold, initial, judge
from modelrollout.metrics import Bounds, Gatherer
from tests.unit.decisions.analysis_histories import ERRORS, T0, Pod, cut, folded, history, question

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
BOUNDS = Bounds(connect=0.5, seconds=1, largest=1 << 20)


@asynccontextmanager
async def serving(serve: Serve, bodies: list[bytes] | None = None) -> AsyncIterator[str]:
    """A server on loopback; `serve` gets each connection once its request has been read (and noted in `bodies`).

    A question that nobody waits for any more may still be on its way when the server ends. So the server accepts for
    itself, one by one: it knows each connection that it has accepted and ends it, and the others never were.
    """
    noted = [] if bodies is None else bodies
    accepted: list[socket.socket] = []
    served: list[asyncio.Task[None]] = []
    over = False

    async def connected(connection: socket.socket) -> None:
        reader, writer = await asyncio.open_connection(sock=connection)
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
            noted.append(await reader.readexactly(length))
            await serve(reader, writer)
            writer.close()
            await writer.wait_closed()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            # Nothing for one that has closed; one that is closing may still have much to send, and is not waited for.
            writer.transport.abort()
            with suppress(ConnectionError):
                await writer.wait_closed()

    async def accept() -> None:
        while not over:
            connection, _ = await asyncio.get_running_loop().sock_accept(listener)
            accepted.append(connection)
            served.append(asyncio.create_task(connected(connection)))

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        accepting = asyncio.create_task(accept())
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            # Cancelled, it could lose the connection it just got; so a last one wakes it.
            over = True
            with socket.create_connection(listener.getsockname()):
                await accepting
            for task in served:
                task.cancel()
            await asyncio.gather(*served, return_exceptions=True)
            for connection in accepted:
                connection.close()


def replies(status: str, body: bytes, kind: str = "application/json", *more: str) -> Serve:
    lines = [f"HTTP/1.1 {status}", f"Content-Type: {kind}", f"Content-Length: {len(body)}", "Connection: close", *more]

    async def serve(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write("\r\n".join([*lines, "", ""]).encode() + body)
        await writer.drain()

    return serve


async def hangs(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def closes(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    """No answer at all."""


async def cuts(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{"status":"success"')
    await writer.drain()


async def trickles(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    while True:
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.1)


async def floods(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        writer.write(b" " * 65536)
        await writer.drain()


def success(kind: str, result: object, **more: object) -> Serve:
    data = {"status": "success", "data": {"resultType": kind, "result": result}, **more}
    return replies("200 OK", json.dumps(data).encode())


def failure(status: str, kind: str) -> Serve:
    return replies(status, json.dumps({"status": "error", "errorType": kind, "error": "because"}).encode())


FAULTS = {
    "hanging": (hangs, "TimedOut", "no answer", True),
    "trickling": (trickles, "TimedOut", "did not end within", True),
    "closing": (closes, "Unreachable", "without an answer", True),
    "cut": (cuts, "Unreachable", "cut off", True),
    "flooding": (floods, "AnswerTooLarge", "exceeds 1 MiB", False),
    "a page": (replies("200 OK", b"<html>Welcome</html>", "text/html"), "NotPrometheus", "text/html", True),
    "no JSON": (replies("200 OK", b'{"status": "succ'), "NotPrometheus", "not Prometheus' API", True),
    "JSON of another kind": (replies("200 OK", b"[]"), "NotPrometheus", "not Prometheus' API", True),
    "deep JSON": (replies("200 OK", b"[" * 200_000), "NotPrometheus", "not Prometheus' API", True),
    "200 with an error": (failure("200 OK", "execution"), "QueryFailed", "execution: because", False),
    "a bad query": (failure("400 Bad Request", "bad_data"), "QueryFailed", "bad_data: because", False),
    "too costly": (failure("422 Unprocessable", "execution"), "QueryFailed", "execution: because", False),
    "evaluation timed out": (failure("503 Unavailable", "timeout"), "Unreachable", "timeout: because", True),
    "overloaded": (replies("503 Unavailable", b"busy", "text/plain"), "Unreachable", "HTTP 503", True),
    "a redirect": (replies("302 Found", b"", "text/html", "Location: /login"), "Unreachable", "HTTP 302", True),
    "locked": (replies("401 Unauthorized", b"", "text/plain"), "Unreachable", "does not let the operator in", True),
    "no result": (replies("200 OK", b'{"status": "success"}'), "NotPrometheus", "not Prometheus' API", True),
    "wrong type": (success("vector", []), "WrongType", "vector", False),
    "partial": (success("matrix", [], warnings=["store-2 is down"]), "PartialAnswer", "store-2", False),
    "unsorted": (success("matrix", [{"metric": {}, "values": [[2, "1"], [1, "1"]]}]), "NotPrometheus", "form", True),
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_every_fault_is_named_in_a_sentence_within_its_time_and_changes_no_evidence(
    fault: str, executor: ThreadPoolExecutor
):
    serve, reason, words, unreachable = FAULTS[fault]
    asked = question()
    state = folded(initial(asked), asked, history([Pod("v7", "a"), Pod("v8", "b", bad=0.02)], 60), 60)
    before = judge(state, asked).findings[0]
    async with serving(serve) as address:
        began = time.monotonic()
        samples = await Gatherer(executor, address, bounds=BOUNDS).gather(asked, state, T0 + 65)
        assert time.monotonic() - began < 4
    evidence = judge(fold(state, asked, samples, T0 + 65), asked)
    after = evidence.findings[0]
    assert (after.verdict, after.reason, after.fresh) == ("Error", reason, False)
    assert words in after.message
    assert bool(evidence.unreachable) == unreachable
    assert (after.evidence_fail, after.candidate_count) == (before.evidence_fail, before.candidate_count)


async def test_a_refused_connection_and_an_unknown_name_are_told_apart(executor: ThreadPoolExecutor):
    asked = question()
    async with serving(closes) as address:
        pass
    for where, words in ((address, "the connection is refused"), ("http://nowhere.invalid:1", "cannot be")):
        samples = await Gatherer(executor, where, bounds=BOUNDS).gather(asked, initial(asked), T0)
        assert words in samples.unreachable


async def test_an_address_that_is_not_allowed_is_never_called(executor: ThreadPoolExecutor):
    called: list[bytes] = []
    asked = question()
    async with serving(success("matrix", []), called) as address:
        spec = type(asked.spec).model_validate({**asked.spec.to_json(), "prometheus": {"address": address}})
        gatherer = Gatherer(executor, "http://prometheus.monitoring:9090", bounds=BOUNDS)
        samples = await gatherer.gather(replace(asked, spec=spec), initial(asked), T0)
    assert samples.metrics["errors"].reason == "AddressRefused"
    assert "not among" in samples.unreachable
    assert called == []


async def test_one_metric_that_is_refused_leaves_the_others_answered(executor: ThreadPoolExecutor):
    tenant = {**ERRORS, "name": "escape", "proportion": {"bad": 'm{namespace="other"}', "total": "m"}}
    asked = question(ERRORS, tenant)
    async with serving(success("matrix", [])) as address:
        samples = await Gatherer(executor, address, bounds=BOUNDS).gather(asked, initial(asked), T0)
    findings = judge(fold(initial(asked), asked, samples, T0), asked).findings
    assert [one.reason for one in findings] == ["NoData", "BadQuery"]
    assert samples.unreachable == ""


async def test_a_shared_denominator_is_asked_for_once_and_all_queries_name_one_moment(executor: ThreadPoolExecutor):
    seen: list[bytes] = []
    timeouts = {**ERRORS, "name": "timeouts", "proportion": {"bad": "timeouts", "total": "http_requests_total"}}
    asked = question(ERRORS, timeouts)
    async with serving(success("matrix", []), seen) as address:
        await Gatherer(executor, address, bounds=BOUNDS).gather(asked, initial(asked), T0)
    assert len(seen) == 3
    assert all(b"time=1700000000.000" in body for body in seen)


async def test_a_server_that_cannot_give_the_past_costs_only_the_measured_dispersion(executor: ThreadPoolExecutor):
    asked = question(analysis={"dispersion": "Auto"})
    bodies: list[bytes] = []
    values = [[T0 - 10 + n, str(20 * n)] for n in range(10)]

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        past = b"150m%3A1m" in bodies[-1]
        result = [{"metric": {"pod": f"fraud-{name}-a"}, "values": values} for name in ("v7", "v8")]
        await (failure("422 Unprocessable", "execution") if past else success("matrix", result))(reader, writer)

    async with serving(serve, bodies) as address:
        samples = await Gatherer(executor, address, bounds=BOUNDS, slots=1).gather(asked, initial(asked), T0)
    assert len(bodies) >= 3
    state = fold(initial(asked), asked, samples, T0).metrics["errors"]
    assert (state.trouble, state.dispersion, state.measured) == (None, 2, False)


async def test_a_hundred_thousand_series_are_refused_by_size_or_read_whole(executor: ThreadPoolExecutor):
    result = [
        {"metric": {"pod": f"fraud-v{7 + n % 2}-a", "path": f"/{n}"}, "values": [[T0 - 5, "1"], [T0, "2"]]}
        for n in range(100_000)
    ]
    asked = question()
    async with serving(success("matrix", result)) as address:
        small = await Gatherer(executor, address, bounds=Bounds(1, 60, 1 << 20)).gather(asked, initial(asked), T0)
        large = await Gatherer(executor, address, bounds=Bounds(1, 60, 64 << 20)).gather(asked, initial(asked), T0)
    assert small.metrics["errors"].reason == "AnswerTooLarge"
    assert len(large.metrics["errors"].counters["total"]) == 100_000


async def test_what_is_too_much_for_one_answer_is_fetched_in_pieces(executor: ThreadPoolExecutor):
    asked = question()
    whole = history([Pod("v7", "fraud-v7-a"), Pod("v8", "fraud-v8-a")], 600)

    async def serve(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        query = parse_qs(bodies[-1].decode())
        end, seconds = float(query["time"][0]), float(query["query"][0].rpartition("[")[2].rstrip("s]"))
        part = cut(whole, end - seconds, end)
        series = part.counters["bad" if "code" in query["query"][0] else "total"]
        result = [
            {
                "metric": {"pod": one.series},
                "values": [[t, str(v)] for t, v in zip(one.times, one.values, strict=True)],
            }
            for one in series
        ]
        await success("matrix", result)(_reader, writer)

    bodies: list[bytes] = []
    async with serving(serve, bodies) as address:
        gatherer = Gatherer(executor, address, bounds=Bounds(1, 10, 12_000))
        state, looks = initial(asked), 0
        while state.metrics["errors"].until is None or state.metrics["errors"].until < T0 + 595:
            state = fold(state, asked, await gatherer.gather(asked, state, T0 + 600), T0 + 600)
            looks += 1
            assert looks < 60
    at_once = folded(initial(asked), asked, whole, 600)
    assert looks > 3
    assert judge(state, asked) == judge(at_once, asked)
