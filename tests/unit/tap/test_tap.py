"""What goes through a tap comes out as it went in, whatever becomes of the events."""

import asyncio
import base64

import aiohttp
import pytest

from tests.unit.tap.stand import SECONDS, ask, echo, figure, head, recording, serving, tapping, until_figure

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


async def connect(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", port)


async def test_a_request_and_its_answer_reach_the_collector() -> None:
    async with (
        recording() as recorder,
        serving(echo) as model,
        tapping(recorder, model.port, headers="X-Country") as tap,
    ):
        reader, writer = await connect(tap.port)
        writer.write(ask(b'{"a": 1}', "42", "X-Country: BR"))
        answer = await reader.readuntil(b"}")
        await recorder.until(lambda: len(recorder.events) == 2)
        writer.close()
    assert answer == b'HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n{"a": 1}'
    assert {event["id"] for event in recorder.events} == {"42"}
    assert [base64.b64decode(event["data_base64"]) for event in recorder.events] == [b'{"a": 1}'] * 2
    assert recorder.events[1]["metadata"] == '{"x-country":["BR"]}'


async def test_pieces_of_a_streamed_answer_arrive_one_by_one() -> None:
    go_on = asyncio.Event()

    async def stream(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: text/event-stream\r\n\r\n")
        for token in (b"one", b"two", b"three"):
            writer.write(b"%x\r\n%s\r\n" % (len(token), token))
            await go_on.wait()
            go_on.clear()
        writer.write(b"0\r\n\r\n")
        await reader.read()

    async with recording() as recorder, serving(stream) as model, tapping(recorder, model.port) as tap:
        reader, writer = await connect(tap.port)
        writer.write(ask())
        await head(reader)
        for token in (b"one", b"two", b"three"):
            # The server waits for this very piece to have arrived: a tap that held it back would hang here.
            async with asyncio.timeout(SECONDS):
                assert await reader.readuntil(token + b"\r\n") == b"%x\r\n%s\r\n" % (len(token), token)
            assert recorder.events == []
            go_on.set()
        assert await reader.readuntil(b"0\r\n\r\n")
        await recorder.until(lambda: len(recorder.events) == 2)
        writer.close()
    assert base64.b64decode(recorder.events[1]["data_base64"]) == b"onetwothree"


async def test_an_answer_that_breaks_off_breaks_off_for_the_caller_too() -> None:
    async def die(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
        await writer.drain()

    async with recording() as recorder, serving(die) as model, tapping(recorder, model.port) as tap:
        reader, writer = await connect(tap.port)
        writer.write(ask())
        async with asyncio.timeout(SECONDS):
            assert (await reader.read()).endswith(b"half")
        await recorder.until(lambda: len(recorder.events) == 2)
        writer.close()
        assert "data_base64" not in recorder.events[1]
        assert await figure(tap, 'modelrollout_tap_omitted_total{reason="body_cut_short"}') == 1


async def test_a_caller_that_goes_away_ends_the_work_of_the_server_and_counts_against_nobody() -> None:
    gone = asyncio.Event()

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(len(ask()))
        assert await reader.read() == b""
        gone.set()

    async with recording() as recorder, serving(slow) as model, tapping(recorder, model.port) as tap:
        _, writer = await connect(tap.port)
        writer.write(ask())
        await writer.drain()
        writer.close()
        async with asyncio.timeout(SECONDS):
            await gone.wait()
        await until_figure(tap, 'modelrollout_tap_omitted_total{reason="caller_left"}', lambda count: count == 1)
        assert await figure(tap, 'modelrollout_tap_requests_total{code_class="5xx"}') == 0
    assert recorder.events == []


async def test_a_connection_of_http2_is_passed_byte_for_byte() -> None:
    preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
    frames = bytes(range(256)) * 300

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert await reader.readexactly(len(preface)) == preface
        writer.write(b"settings")  # HTTP/2 servers speak before the first request is there
        while piece := await reader.read(1000):
            writer.write(piece)

    async with recording() as recorder, serving(talk) as model, tapping(recorder, model.port) as tap:
        reader, writer = await connect(tap.port)
        writer.write(preface)
        assert await reader.readexactly(8) == b"settings"
        writer.write(frames)
        async with asyncio.timeout(SECONDS):
            assert await reader.readexactly(len(frames)) == frames
        assert await figure(tap, 'modelrollout_tap_unread_connections_total{reason="http2"}') == 1
        writer.close()
    assert recorder.events == []


async def test_a_mistake_in_following_a_connection_does_not_stop_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise AssertionError("a mistake")

    monkeypatch.setattr("modelrollout.tap.exchange.Watcher.requests", broken)
    async with recording() as recorder, serving(echo) as model, tapping(recorder, model.port) as tap:
        reader, writer = await connect(tap.port)
        writer.write(ask(b"abc"))
        async with asyncio.timeout(SECONDS):
            assert await reader.readuntil(b"abc")
        assert await figure(tap, 'modelrollout_tap_unread_connections_total{reason="error"}') == 1
        writer.close()


async def test_a_caller_keeps_its_connection_when_the_server_closes_an_idle_one() -> None:
    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(len(ask()))
        writer.write(ANSWER)
        await writer.drain()

    async with recording() as recorder, serving(once) as model, tapping(recorder, model.port) as tap:
        reader, writer = await connect(tap.port)
        for count in range(1, 4):
            writer.write(ask())
            async with asyncio.timeout(SECONDS):
                assert await reader.readexactly(len(ANSWER)) == ANSWER
            await until_figure(tap, "modelrollout_tap_server_connections", lambda count: count == 0)
            assert model.connections == count
        writer.close()


async def test_the_tap_gives_an_idle_connection_up_before_the_server_does() -> None:
    closed = asyncio.Event()

    async def watch(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(len(ask()))
        writer.write(ANSWER)
        assert await reader.read() == b""
        closed.set()

    async with recording() as recorder, serving(watch) as model, tapping(recorder, model.port, server_idle=0.05) as tap:
        reader, writer = await connect(tap.port)
        for _ in range(2):
            writer.write(ask())
            async with asyncio.timeout(SECONDS):
                assert await reader.readexactly(len(ANSWER)) == ANSWER
                await closed.wait()
            closed.clear()
        writer.close()
    assert model.connections == 2


async def test_without_a_server_the_caller_is_told_so_and_so_is_the_probe() -> None:
    async with recording() as recorder, serving(echo) as model:
        port = model.port
    async with recording() as recorder, tapping(recorder, port) as tap, aiohttp.ClientSession() as session:
        async with session.post(f"http://127.0.0.1:{tap.port}/", data=b"{}") as answer:
            assert answer.status == 502
            assert "accepts no connections" in await answer.text()
        async with session.get(f"http://127.0.0.1:{tap.admin_port}/readyz") as answer:
            assert answer.status == 503
            assert str(port) in await answer.text()
        async with session.get(f"http://127.0.0.1:{tap.admin_port}/healthz") as answer:
            assert answer.status == 200
        await recorder.until(lambda: len(recorder.events) == 2)
        assert recorder.events[1]["code"] == "502"


async def test_a_server_that_is_there_makes_the_tap_ready() -> None:
    async with recording() as recorder, serving(echo) as model, tapping(recorder, model.port) as tap:
        url = f"http://127.0.0.1:{tap.admin_port}/readyz"
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            assert answer.status == 200


async def test_a_slow_reader_holds_the_server_back() -> None:
    """The tap keeps no more of an answer than the buffers of two connections."""
    size = 64 * 2**20
    sent = 0

    async def pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await head(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
        for _ in range(size // 65536):
            writer.write(b"x" * 65536)
            await writer.drain()
            sent += 65536

    async with recording() as recorder, serving(pour) as model, tapping(recorder, model.port) as tap:
        reader, writer = await connect(tap.port)
        writer.write(b"GET / HTTP/1.1\r\nHost: m\r\n\r\n")
        await head(reader)
        before = -1
        while before != sent:  # until nothing moves any more
            before = sent
            await asyncio.sleep(0.1)
        assert 0 < sent < size / 2
        got = 0
        async with asyncio.timeout(SECONDS):
            while got < size:
                got += len(await reader.read(2**20))
        assert got == size
        writer.close()
