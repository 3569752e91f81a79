"""Lists of our own kinds."""

import asyncio
import random

from modelrollout.kube.cache import Cache
from modelrollout.kube.client import Client
from modelrollout.kube.fake import FakeServer
from modelrollout.reconciler.commands import Commands
from modelrollout.reconciler.relist import Relist
from tests.unit.kube.clock import FakeClock, settle


async def test_what_a_new_leader_begins_with_is_not_from_a_cache_that_may_be_behind() -> None:
    server, cache, clock = FakeServer(), Cache(), FakeClock()
    client = Client(server)
    relist = Relist(client, cache, Commands(cache, client), ("risk",), clock, random.Random(1))  # noqa: S311 - jitter
    running = asyncio.create_task(relist.run())
    await relist.complete.wait()
    first = [request.query.get("resourceVersion") for request in server.requests]
    await settle()
    await clock.advance(61.0)
    later = [request.query.get("resourceVersion") for request in server.requests[len(first) :]]
    running.cancel()
    assert first == [None, None]
    assert later == ["0", "0"]
