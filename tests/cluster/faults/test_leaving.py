"""An operator that is asked to end does so in good order."""

import asyncio
import json
from collections.abc import Awaitable

from aiohttp import web

from modelrollout.kube.resources import LEASES
from tests.cluster.faults.proxy import Exchange
from tests.cluster.faults.scenarios import PROMOTED
from tests.cluster.faults.stage import Stage


def _slow_release(exchange: Exchange) -> Awaitable[web.StreamResponse] | None:
    """Let the API server take longer for the release of the lease than the watchdog looks away."""
    if exchange.call.point.kind != "update leases" or json.loads(exchange.body)["spec"]["holderIdentity"]:
        return None

    async def slow() -> web.StreamResponse:
        await asyncio.sleep(1.2)  # the fault itself
        return await exchange.relay()

    return slow()


async def test_the_lease_is_given_up_on_sigterm_even_when_that_takes_long(stage: Stage) -> None:
    scene = await stage.scene(PROMOTED)
    async with stage.operator(scene, faults=[_slow_release]) as (_, supervisor):
        await scene.adopted()
        assert await supervisor.stop() == 0, supervisor.last_words()
    lease = await stage.client.get(LEASES, scene.namespace, "modelrollout")
    assert not lease["spec"].get("holderIdentity")
