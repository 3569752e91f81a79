"""True labels are told late, each once, and only when somebody has asked for them."""

import asyncio
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from dev.demo.digits.traffic import labels as module
from dev.demo.digits.traffic.labels import Address, Labels


class Collector:
    def __init__(self) -> None:
        self.taken: list[dict[str, Any]] = []
        self.tokens: set[str] = set()
        self.refusals = 0

    async def take(self, request: web.Request) -> web.Response:
        if self.refusals:
            self.refusals -= 1
            return web.Response(status=503)
        self.taken += await request.json()
        self.tokens.add(request.headers["Authorization"])
        return web.Response(status=202)


@pytest.fixture(autouse=True)
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SECONDS", 0.001)


async def told(labels: Labels, collector: Collector, address: dict[str, Any]) -> None:
    """Post until something has come."""
    app = web.Application()
    app.router.add_post("/v1/labels", collector.take)
    async with TestServer(app) as server, aiohttp.ClientSession() as session:
        url = str(server.make_url("")).rstrip("/")
        labels.begin(Address(url, **address))
        labels.note("first", 7, 100.0)
        labels.note("second", 3, 105.0)
        posting = asyncio.create_task(labels.post(session))
        async with asyncio.timeout(10):
            while not labels.posted:  # noqa: ASYNC110 - it is told so by nobody
                await asyncio.sleep(0.001)
        posting.cancel()


ADDRESS = {"token": "t", "namespace": "digits", "rollout": "digits", "age": 6.0}


async def test_a_label_is_told_at_its_age_and_not_earlier() -> None:
    collector, labels = Collector(), Labels(lambda: 106.5)
    await told(labels, collector, ADDRESS)
    assert collector.taken == [
        {"namespace": "digits", "rollout": "digits", "id": "first", "value": 7, "time": "1970-01-01T00:01:46.000+00:00"}
    ]
    assert collector.tokens == {"Bearer t"}
    assert labels.posted == 1


async def test_what_a_busy_collector_did_not_take_is_told_again() -> None:
    collector, labels = Collector(), Labels(lambda: 200.0)
    collector.refusals = 2
    await told(labels, collector, ADDRESS)
    assert sorted(one["id"] for one in collector.taken) == ["first", "second"]
    assert labels.problem == ""


async def test_nothing_is_remembered_before_anybody_is_to_be_told() -> None:
    collector, labels = Collector(), Labels(lambda: 200.0)
    labels.note("early", 1, 90.0)
    await told(labels, collector, ADDRESS)
    assert "early" not in {one["id"] for one in collector.taken}
