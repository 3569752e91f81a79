"""What the operator says about itself over HTTP."""

import json
import logging
from collections.abc import AsyncIterator, Mapping
from typing import Any

import aiohttp
import pytest
from prometheus_client import CollectorRegistry, Counter

from modelrollout.handlers.live import live_values
from modelrollout.logs import JsonFormatter
from modelrollout.probes import Probes


class Desk:
    """Probes on a free port of loopback, and what they are told."""

    def __init__(self) -> None:
        self.health: dict[str, str] = {}
        self.readiness: dict[str, str] = {}
        self.live: dict[tuple[str, str], Mapping[str, Any]] = {}
        registry = CollectorRegistry()
        Counter("modelrollout_things", "Things.", registry=registry).inc(3)
        self.probes = Probes(registry, self._unready, self._unhealthy, routes=[live_values(self.live.get)])

    async def _unready(self) -> Mapping[str, str]:
        return self.readiness

    async def _unhealthy(self) -> Mapping[str, str]:
        return self.health

    async def get(self, path: str) -> tuple[int, str]:
        url = f"http://127.0.0.1:{self.probes.port}{path}"
        async with aiohttp.ClientSession() as session, session.get(url) as response:
            return response.status, await response.text()


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    found = Desk()
    await found.probes.start("127.0.0.1", 0)
    yield found
    await found.probes.stop()


@pytest.mark.parametrize("probe", ["health", "readiness"])
async def test_a_probe_fails_with_what_is_wrong_and_recovers_with_it(desk: Desk, probe: str) -> None:
    path = {"health": "/healthz", "readiness": "/readyz"}[probe]
    assert (await desk.get(path))[0] == 200
    getattr(desk, probe)["watch services in risk"] = "connection refused"
    status, body = await desk.get(path)
    assert status == 503
    assert json.loads(body)["problems"] == {"watch services in risk": "connection refused"}
    getattr(desk, probe).clear()
    assert (await desk.get(path))[0] == 200


async def test_metrics_are_there_for_prometheus(desk: Desk) -> None:
    status, body = await desk.get("/metrics")
    assert status == 200
    assert "modelrollout_things_total 3.0" in body


async def test_live_values_are_those_of_the_rollout_that_is_asked_for(desk: Desk) -> None:
    desk.live["risk", "fraud"] = {"metrics": [], "answers": 7}
    assert json.loads((await desk.get("/v1/rollouts/risk/fraud"))[1])["answers"] == 7
    assert (await desk.get("/v1/rollouts/risk/other"))[0] == 404


def test_a_log_line_is_one_json_object_with_what_was_given_to_it() -> None:
    try:
        int("no such thing")
    except ValueError as error:
        record = logging.LogRecord("a.b", logging.ERROR, __file__, 1, "it %s", ("broke",), (type(error), error, None))
    record.rollout = "risk/fraud"
    line = json.loads(JsonFormatter().format(record))
    assert (line["level"], line["message"], line["rollout"]) == ("ERROR", "it broke", "risk/fraud")
    assert "no such thing" in line["traceback"]
