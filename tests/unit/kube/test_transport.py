"""Promises of kube.transport on a real connection."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from kubernetes.aio.client import ApiClient, Configuration

from modelrollout.kube import transport
from modelrollout.kube.errors import Unavailable
from modelrollout.kube.transport import ApiTransport, Request


@pytest.fixture
async def server() -> AsyncIterator[TestServer]:
    """Sends one line of /quiet and then nothing; never answers /mute at all."""
    end = asyncio.Event()

    async def quiet(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"one\n")
        await end.wait()
        return response

    async def mute(_: web.Request) -> web.StreamResponse:
        await end.wait()
        return web.Response()

    app = web.Application()
    app.add_routes([web.get("/quiet", quiet), web.get("/mute", mute)])
    server = TestServer(app)
    await server.start_server()
    yield server
    end.set()
    await server.close()


async def heard(server: TestServer, path: str) -> list[bytes]:
    api = ApiClient(Configuration(host=f"http://{server.host}:{server.port}"))
    line = ApiTransport(api)
    try:
        return [each async for each in line.lines(Request("GET", path, 30))]
    finally:
        await line.close()


async def test_a_watch_that_falls_silent_ends_like_any_other(server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "_SILENCE", 0.05)
    assert await heard(server, "/quiet") == [b"one"]


async def test_a_watch_that_is_not_answered_at_all_is_an_error(server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "_SILENCE", 0.05)
    with pytest.raises(Unavailable):
        await heard(server, "/mute")
