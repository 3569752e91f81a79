"""The tap as the process that its container runs."""

import asyncio
import base64
import os
import random
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest

from tests.unit.tap.stand import SECONDS, Recorder, ask, head, recording, serving

REQUESTS, AT_ONCE, SEED = 10_000, 20, 7
PROGRAM = "import sys; from modelrollout.cli import main; sys.argv = ['modelrollout', 'tap']; main()"


@asynccontextmanager
async def process(**settings: object) -> AsyncIterator[tuple[asyncio.subprocess.Process, int]]:
    """The process and the port that it listens on."""
    variables = {f"MODELROLLOUT_TAP_{name.upper()}": str(value) for name, value in settings.items()}
    started = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, env={**os.environ, **variables}, stderr=asyncio.subprocess.PIPE
    )
    assert started.stderr is not None
    try:
        async with asyncio.timeout(60):
            first = (await started.stderr.readline()).decode()
        yield started, int(first.rpartition("port ")[2].split('"')[0])
    finally:
        if started.returncode is None:
            started.kill()
        await started.communicate()


def settings(recorder: Recorder, server_port: int) -> dict[str, object]:
    return {
        "namespace": "risk",
        "workload": "fraud-v2",
        "collector": recorder.url,
        "token": "let-me-in",
        "host": "127.0.0.1",
        "port": 0,
        "admin_port": 0,
        "server_port": server_port,
        "bodies": "both",
        "linger": 0,
        "queue_events": 3 * REQUESTS,
    }


async def sometimes_closing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Echoes whole or in chunks, and after some answers closes the connection, as servers are free to."""
    chance = random.Random(SEED)  # noqa: S311 - to be repeatable
    while True:
        text = (await head(reader)).decode().lower()
        body = await reader.readexactly(int(text.split("content-length: ")[1].split("\r\n")[0]))
        close = chance.random() < 0.05
        more = b"Connection: close\r\n" if close else b""
        if len(body) % 2:
            writer.write(b"HTTP/1.1 200 OK\r\n%sContent-Length: %d\r\n\r\n%s" % (more, len(body), body))
        else:
            framed = b"%x\r\n%s\r\n" % (len(body), body) if body else b""
            writer.write(b"HTTP/1.1 200 OK\r\n%sTransfer-Encoding: chunked\r\n\r\n%s0\r\n\r\n" % (more, framed))
        await writer.drain()
        if close:
            return


@pytest.mark.slow
async def test_of_ten_thousand_requests_none_is_lost_and_none_is_changed() -> None:
    chance = random.Random(SEED)  # noqa: S311 - to be repeatable
    bodies = [chance.randbytes(chance.randrange(600)) for _ in range(REQUESTS)]
    numbers = iter(range(REQUESTS))

    async def user(session: aiohttp.ClientSession, port: int) -> None:
        for number in numbers:
            headers = {"X-Request-Id": str(number)}
            url = f"http://127.0.0.1:{port}/infer"
            async with session.post(url, data=bodies[number], headers=headers) as answer:
                assert await answer.read() == bodies[number]

    async with (
        recording() as recorder,
        serving(sometimes_closing) as model,
        process(**settings(recorder, model.port)) as (tap, port),
    ):
        async with aiohttp.ClientSession() as session, asyncio.TaskGroup() as users:
            for _ in range(AT_ONCE):
                users.create_task(user(session, port))
        tap.send_signal(signal.SIGTERM)
        async with asyncio.timeout(60):
            assert await tap.wait() == 0
    assert Counter(event["id"] for event in recorder.events) == dict.fromkeys(map(str, range(REQUESTS)), 2)
    for event in recorder.events:
        assert base64.b64decode(event.get("data_base64", "")) == bodies[int(event["id"])]
    assert recorder.tokens == {"Bearer let-me-in"}


async def test_the_process_ends_in_order_with_what_was_under_way() -> None:
    asked = asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head(reader)
        asked.set()
        body = await reader.readexactly(2)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n" + body)
        await reader.read()

    async with (
        recording() as recorder,
        serving(answer) as model,
        process(**settings(recorder, model.port)) as (tap, port),
    ):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(ask(b"{}")[:-1])  # all but the last byte
        async with asyncio.timeout(SECONDS):
            await asked.wait()
        tap.send_signal(signal.SIGTERM)
        writer.write(b"}")
        async with asyncio.timeout(SECONDS):
            assert (await reader.readuntil(b"{}")).startswith(b"HTTP/1.1 200")
            assert await tap.wait() == 0
        writer.close()
    assert len(recorder.events) == 2


async def test_settings_that_are_missing_or_wrong_are_named() -> None:
    started = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, env={"MODELROLLOUT_TAP_SERVER_PORT": "many"}, stderr=asyncio.subprocess.PIPE
    )
    _, said = await started.communicate()
    assert started.returncode == 1
    assert said.count(b"error: MODELROLLOUT_TAP_") == 4
    assert b"MODELROLLOUT_TAP_SERVER_PORT: Input should be a valid integer" in said
