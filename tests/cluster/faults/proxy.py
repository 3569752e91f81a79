"""A door to the API server for one operator process: transparent until a fault is put into it.

It listens on loopback in plain HTTP and speaks TLS to the API server. Watches are passed on line by line as they come.
"""

import asyncio
import contextlib
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp
import yaml
from aiohttp import web

from modelrollout.kube.transport import Credentials
from tests.cluster.faults.journal import Call, Journal

_PASSED_ON = ("Accept", "Content-Type", "User-Agent")
_ANSWERED = ("Content-Type", "Retry-After")


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of the API server, or one that only pretends to be."""

    status: int
    body: bytes
    headers: dict[str, str]

    @classmethod
    def failure(cls, status: int, reason: str, message: str, **headers: str) -> Self:
        """An error as the API server writes it."""
        body = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": status}
        text = json.dumps({**body, "reason": reason, "message": message}).encode()
        return cls(status, text, {"Content-Type": "application/json", **headers})


class Exchange:
    """One request at the door, in the hands of a fault or of nobody.

    Attributes:
        abandoned: set when the caller waits for no answer any more.
    """

    def __init__(self, door: "Door", request: web.Request, call: Call, body: bytes) -> None:
        self.door = door
        self.call = call
        self.abandoned = asyncio.Event()
        self._request = request
        self.body = body

    async def pass_on(self) -> Answer:
        """Let the API server carry it out."""
        async with self.door.upstream.request(self.call.method, self.call.path, self._request, self.body) as response:
            answer = Answer(response.status, await response.read(), _kept(response.headers, _ANSWERED))
        self.door.journal.carried_out(self.call, answer.status, answer.body)
        return answer

    async def relay(self, lines: Callable[[bytes], Awaitable[bytes | None]] | None = None) -> web.StreamResponse:
        """Carry out and answer. Of a watch, each line goes through `lines`, which may wait; None cuts the stream."""
        if not self.call.point.kind.startswith("watch "):
            return self.reply(await self.pass_on())
        async with self.door.upstream.request("GET", self.call.path, self._request, b"") as response:
            if response.status != 200:
                return self.reply(Answer(response.status, await response.read(), _kept(response.headers, _ANSWERED)))
            stream = web.StreamResponse(headers=_kept(response.headers, _ANSWERED))
            await stream.prepare(self._request)
            async for line in _lines(response.content):
                passed = await lines(line) if lines is not None else line
                if passed is None:
                    return self.cut()
                await stream.write(passed)
            return stream

    def reply(self, answer: Answer) -> web.StreamResponse:
        """Answer."""
        return web.Response(status=answer.status, body=answer.body, headers=answer.headers)

    def cut(self) -> web.StreamResponse:
        """Break the connection instead of an answer."""
        if self._request.transport is not None:
            self._request.transport.abort()
        return web.Response(status=502)

    async def left(self) -> web.StreamResponse:
        """Keep silent until the caller has given up."""
        await self.abandoned.wait()
        return self.cut()


Fault = Callable[[Exchange], Awaitable[web.StreamResponse] | None]
"""Takes the exchange over, or returns None and leaves it alone."""


class Upstream:
    """The API server."""

    def __init__(self, credentials: Credentials) -> None:
        self._url = credentials.server
        context = ssl.create_default_context(cafile=credentials.ca_file)
        if credentials.certificate_file:
            context.load_cert_chain(credentials.certificate_file, credentials.key_file)
        self._headers = {"Authorization": f"Bearer {credentials.token}"} if credentials.token else {}
        connector = aiohttp.TCPConnector(ssl=context, limit=0)
        self._session = aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=None))

    def request(self, method: str, path: str, request: web.Request, body: bytes) -> Any:
        """Send it, as a context manager of the response."""
        headers = {**_kept(request.headers, _PASSED_ON), **self._headers, "Accept-Encoding": "identity"}
        return self._session.request(method, f"{self._url}{path}", headers=headers, data=body or None)

    async def get(self, path: str) -> Answer:
        """Read on the test's own behalf."""
        async with self._session.get(f"{self._url}{path}", headers=self._headers) as response:
            return Answer(response.status, await response.read(), _kept(response.headers, _ANSWERED))

    async def close(self) -> None:
        """End the session."""
        await self._session.close()


class Door:
    """The way of one operator to the API server.

    Attributes:
        faults: asked in turn about every request; the first that takes it decides.
        kill: ends the operator behind this door at once, with SIGKILL, and returns when it is dead.
    """

    def __init__(self, name: str, upstream: Upstream, journal: Journal) -> None:
        self.name = name
        self.upstream = upstream
        self.journal = journal
        self.faults: list[Fault] = []
        self.kill: Callable[[], Awaitable[None]] = _nobody
        self.problems: list[BaseException] = []
        self._tasks: set[asyncio.Task[web.StreamResponse]] = set()
        self._runner: web.AppRunner | None = None
        self.url = ""

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=8 * 1024 * 1024)
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        assert self._runner is not None
        await self._runner.cleanup()

    def kubeconfig(self, folder: Path, name: str) -> Path:
        """A kubeconfig of that name that leads through this door."""
        path = folder / f"{name}.kubeconfig"
        entry = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "door", "cluster": {"server": self.url}}],
            "users": [{"name": "nobody", "user": {}}],
            "contexts": [{"name": "door", "context": {"cluster": "door", "user": "nobody"}}],
            "current-context": "door",
        }
        path.write_text(yaml.safe_dump(entry))
        return path

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        call = self.journal.arrived(self.name, request.method, request.path_qs)
        exchange = Exchange(self, request, call, body)
        # A write that has left goes on to the API server even if its sender dies meanwhile.
        task = asyncio.ensure_future(self._answer(exchange))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            exchange.abandoned.set()
            if not call.write:
                task.cancel()
            raise

    async def _answer(self, exchange: Exchange) -> web.StreamResponse:
        try:
            for fault in self.faults:
                taken = fault(exchange)
                if taken is not None:
                    return await taken
            return await exchange.relay()
        except (aiohttp.ClientError, ConnectionError):
            return exchange.cut()
        except Exception as error:  # noqa: BLE001 - the test looks at these at its end
            self.problems.append(error)
            return exchange.cut()


async def _nobody() -> None:
    raise AssertionError("there is no operator behind this door")


async def _lines(content: aiohttp.StreamReader) -> AsyncIterator[bytes]:
    rest = b""
    with contextlib.suppress(aiohttp.ClientPayloadError):
        async for chunk in content.iter_any():
            *complete, rest = (rest + chunk).split(b"\n")
            for line in complete:
                yield line + b"\n"


def _kept(headers: Any, names: tuple[str, ...]) -> dict[str, str]:
    return {name: headers[name] for name in names if name in headers}
