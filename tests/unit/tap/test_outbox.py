"""Events and the collector: what becomes of them while it is slow, away or unwilling."""

import asyncio
import ssl
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import pytest

from dev.pki import Authority
from tests.unit.tap.stand import SECONDS, ask, echo, figure, recording, serving, tapping, until_figure

URL = "http://127.0.0.1:{}/infer"


async def send(port: int, count: int, first: int = 0) -> None:
    async with aiohttp.ClientSession() as session:
        for number in range(first, first + count):
            headers = {"X-Request-Id": str(number)}
            async with session.post(URL.format(port), data=b"{}", headers=headers) as answer:
                assert answer.status == 200
                assert await answer.read() == b"{}"


async def test_events_go_in_batches_each_once() -> None:
    async with (
        recording() as recorder,
        serving(echo) as model,
        tapping(recorder, model.port, batch_events=10, flush=5) as tap,
    ):
        await send(tap.port, 20)
        await recorder.until(lambda: len(recorder.events) == 40)
        assert await figure(tap, "modelrollout_tap_delivered_total") == 40
    assert recorder.batches == [10, 10, 10, 10]
    assert sorted(int(event["id"]) for event in recorder.events) == sorted([*range(20)] * 2)


async def test_a_hanging_collector_costs_events_and_no_answers() -> None:
    async with (
        recording() as recorder,
        serving(echo) as model,
        tapping(recorder, model.port, batch_events=4, queue_events=20) as tap,
    ):
        recorder.hold.clear()
        await send(tap.port, 30)
        assert recorder.asked.is_set()
        assert await figure(tap, 'modelrollout_tap_dropped_total{reason="queue_full"}') == 40
        assert await figure(tap, "modelrollout_tap_pending") == 20
        recorder.hold.set()
        await recorder.until(lambda: len({(event["id"], event["type"]) for event in recorder.events}) == 20)
        await send(tap.port, 2, first=30)
        await recorder.until(lambda: {"30", "31"} <= {event["id"] for event in recorder.events})


async def test_a_collector_that_is_busy_gets_the_same_events_later() -> None:
    async with recording() as recorder, serving(echo) as model, tapping(recorder, model.port) as tap:
        recorder.status = 503
        await send(tap.port, 3)
        await until_figure(tap, "modelrollout_tap_delivery_failures_total", lambda count: count > 0)
        recorder.status = 202
        await recorder.until(lambda: len(recorder.events) == 6)
        assert await figure(tap, 'modelrollout_tap_dropped_total{reason="refused"}') == 0


async def test_what_the_collector_refuses_is_counted_and_not_sent_again() -> None:
    async with recording() as recorder, serving(echo) as model, tapping(recorder, model.port) as tap:
        recorder.status = 403
        await send(tap.port, 1)
        await until_figure(tap, 'modelrollout_tap_dropped_total{reason="refused"}', lambda count: count == 2)
        recorder.status = 202
        await send(tap.port, 1, first=1)
        await recorder.until(lambda: len(recorder.events) == 2)
    assert {event["id"] for event in recorder.events} == {"1"}


async def test_events_that_the_collector_refuses_out_of_a_batch_are_counted() -> None:
    one_batch = {"batch_events": 2, "flush": 60}
    async with recording() as recorder, serving(echo) as model, tapping(recorder, model.port, **one_batch) as tap:
        recorder.refused = 1
        await send(tap.port, 1)
        await until_figure(tap, 'modelrollout_tap_dropped_total{reason="refused"}', lambda count: count == 1)
        assert await figure(tap, "modelrollout_tap_delivered_total") == 1


async def test_what_waits_is_delivered_before_the_end_and_else_counted(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    async with recording() as recorder, serving(echo) as model:
        async with tapping(recorder, model.port, flush=60) as tap:
            await send(tap.port, 3)
        assert len(recorder.events) == 6
        recorder.hold.clear()
        async with tapping(recorder, model.port, farewell=0) as tap:
            await send(tap.port, 3)
        assert "6 events were not delivered" in caplog.messages[-1]


async def test_silence_is_told_from_loss_by_heartbeats() -> None:
    async with recording() as recorder, serving(echo) as model, tapping(recorder, model.port, heartbeat=0.01):
        await recorder.until(lambda: len(recorder.heartbeats) >= 3)
    beat = recorder.heartbeats[0]
    assert (beat["namespace"], beat["workload"], beat["source"]) == ("risk", "fraud-v2", "tap")
    assert beat["time"].endswith("Z")


async def test_the_end_waits_for_an_answer_that_is_under_way() -> None:
    asked, go_on = asyncio.Event(), asyncio.Event()

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(len(ask()))
        asked.set()
        await go_on.wait()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        await reader.read()

    async with recording() as recorder, serving(slow) as model, AsyncExitStack() as running:
        tap = await running.enter_async_context(tapping(recorder, model.port))
        reader, writer = await asyncio.open_connection("127.0.0.1", tap.port)
        writer.write(ask())
        await asked.wait()
        ending = asyncio.create_task(running.aclose())
        url = f"http://127.0.0.1:{tap.admin_port}/readyz"
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            assert answer.status == 503
        assert not ending.done()
        go_on.set()
        async with asyncio.timeout(SECONDS):
            assert await reader.readuntil(b"{}")
            await ending
        writer.close()
    assert len(recorder.events) == 2


async def test_a_collector_that_knows_its_clients_by_certificate_gets_the_events(tmp_path: Path) -> None:
    authority = Authority()
    authority.pair.write(tmp_path, "ca")
    authority.issue("collector", hosts=("127.0.0.1",)).write(tmp_path, "tls")
    authority.issue("tap").write(tmp_path, "tap")
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(tmp_path / "ca.crt"))
    tls.load_cert_chain(tmp_path / "tls.crt", tmp_path / "tls.key")
    tls.verify_mode = ssl.CERT_REQUIRED
    files = {"certificate_file": "tap.crt", "key_file": "tap.key", "ca_file": "ca.crt"}
    known = {name: str(tmp_path / file) for name, file in files.items()}
    async with recording(tls) as recorder, serving(echo) as model:
        async with tapping(recorder, model.port, **known) as tap:
            await send(tap.port, 1)
            await recorder.until(lambda: len(recorder.events) == 2)
        stranger = {"ca_file": known["ca_file"]}
        async with tapping(recorder, model.port, **stranger) as tap:
            await send(tap.port, 1)
            await until_figure(tap, "modelrollout_tap_delivery_failures_total", lambda count: count > 0)
    assert len(recorder.events) == 2
