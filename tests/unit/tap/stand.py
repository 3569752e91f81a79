"""A tap between a model server and a collector on loopback; the collector only records."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from aiohttp import web

from modelrollout.tap.process import Tap, session_to_collector
from modelrollout.tap.settings import TapSettings

Speak = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
SECONDS = 10.0


class Recorder:
    """What a collector would have got.

    `status` is what it answers, and `refused` how many events of a batch it says not to take. While `hold` is clear it
    does not answer.
    """

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.heartbeats: list[dict[str, Any]] = []
        self.tokens: set[str] = set()
        self.batches: list[int] = []
        self.status = 202
        self.refused = 0
        self.hold = asyncio.Event()
        self.hold.set()
        self.asked = asyncio.Event()
        self._changed = asyncio.Condition()
        self.url = ""

    async def take(self, request: web.Request) -> web.Response:
        self.asked.set()
        body = await request.read()
        await self.hold.wait()
        if self.status < 300:
            batch = json.loads(body)
            async with self._changed:
                self.events += batch
                self.batches.append(len(batch))
                self.tokens.add(request.headers.get("Authorization", ""))
                self._changed.notify_all()
        return web.json_response({"refused": self.refused, "refusals": [{"message": "too old"}]}, status=self.status)

    async def beat(self, request: web.Request) -> web.Response:
        async with self._changed:
            self.heartbeats.append(await request.json())
            self._changed.notify_all()
        return web.Response(status=202)

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(SECONDS), self._changed:
            await self._changed.wait_for(condition)


@asynccontextmanager
async def recording(tls: ssl.SSLContext | None = None) -> AsyncIterator[Recorder]:
    recorder = Recorder()
    app = web.Application(client_max_size=2**26)
    app.router.add_post("/", recorder.take)
    app.router.add_post("/v1/heartbeats", recorder.beat)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
    recorder.url = f"{'https' if tls else 'http'}://127.0.0.1:{runner.addresses[0][1]}"
    yield recorder
    recorder.hold.set()
    await runner.cleanup()


class Model:
    """A server of bytes: what it does with a connection is up to the test."""

    def __init__(self, speak: Speak) -> None:
        self.speak = speak
        self.connections = 0
        self.port = 0

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            await self.speak(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def serving(speak: Speak) -> AsyncIterator[Model]:
    model = Model(speak)
    server = await asyncio.start_server(model.connected, "127.0.0.1", 0)
    model.port = server.sockets[0].getsockname()[1]
    try:
        yield model
    finally:
        server.close()


@asynccontextmanager
async def tapping(recorder: Recorder, server_port: int, **settings: Any) -> AsyncIterator[Tap]:
    defaults: dict[str, Any] = {
        "namespace": "risk",
        "workload": "fraud-v2",
        "collector": recorder.url,
        "host": "127.0.0.1",
        "port": 0,
        "admin_port": 0,
        "flush": 0.01,
        "timeout": 1.0,
        "linger": 0.0,
        "farewell": 0.2,
        "bodies": "both",
    }
    chosen = TapSettings(**{**defaults, "server_port": server_port, **settings})
    async with session_to_collector(chosen) as session:
        tap = Tap(chosen, session)
        await tap.start()
        try:
            yield tap
        finally:
            await tap.stop()


async def figure(tap: Tap, name: str) -> float:
    """A figure from the tap's own /metrics, 0 when it is not there."""
    url = f"http://127.0.0.1:{tap.admin_port}/metrics"
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        lines = (await answer.text()).splitlines()
    return next((float(line.rpartition(" ")[2]) for line in lines if line.startswith(name + " ")), 0.0)


async def until_figure(tap: Tap, name: str, is_so: Callable[[float], bool]) -> None:
    async with asyncio.timeout(SECONDS):
        while not is_so(await figure(tap, name)):  # noqa: ASYNC110 - seen from outside, as Prometheus would
            await asyncio.sleep(0.005)


async def head(reader: asyncio.StreamReader) -> bytes:
    return await reader.readuntil(b"\r\n\r\n")


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers each request that has a Content-Length with its own body, on one connection, for ever."""
    while True:
        text = (await head(reader)).decode()
        length = next(int(x.split(":")[1]) for x in text.split("\r\n") if x.lower().startswith("content-length"))
        body = await reader.readexactly(length)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % length + body)
        await writer.drain()


def ask(body: bytes = b"{}", request_id: str = "1", *more: str) -> bytes:
    lines = ["POST /infer HTTP/1.1", "Host: m", f"X-Request-Id: {request_id}", f"Content-Length: {len(body)}", *more]
    return "\r\n".join([*lines, "", ""]).encode() + body
