"""A cache that follows the API server, whatever becomes of the watch."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator

import pytest

from modelrollout.kube.cache import Cache
from modelrollout.kube.client import Client
from modelrollout.kube.errors import Gone, NotFound, Unavailable
from modelrollout.kube.fake import FakeServer, lost
from modelrollout.kube.resources import HTTPROUTES, SERVICES
from modelrollout.kube.transport import Request
from modelrollout.kube.watches import Place, Watches
from tests.unit.kube.clock import FakeClock, settle


class Desk:
    """Watches of one server; counts what was announced."""

    def __init__(self) -> None:
        self.server = FakeServer()
        self.clock = FakeClock()
        self.cache = Cache()
        self.prepared: list[Place] = []
        self.announced: list[Place] = []
        client, chance = Client(self.server), random.Random(1)  # noqa: S311
        self.watches = Watches(client, self.cache, self.clock, chance, self.prepare, self.announced.append)

    async def prepare(self, place: Place) -> None:
        assert not self.watches.synced("who")
        self.prepared.append(place)

    def put(self, name: str) -> None:
        self.server.put(HTTPROUTES.path("risk", name), {"metadata": {"namespace": "risk", "name": name}})

    @property
    def names(self) -> set[str]:
        return {obj["metadata"]["name"] for obj in self.cache.list(HTTPROUTES)}

    def lists(self) -> int:
        return sum("watch" not in request.query for request in self.server.requests)


PLACE = (HTTPROUTES, "risk")


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    found = Desk()
    yield found
    await found.watches.close()


async def test_what_is_there_and_what_comes_and_goes_is_known(desk: Desk) -> None:
    desk.put("a")
    desk.watches.want("who", [PLACE])
    assert not desk.watches.synced("who")
    await settle()
    assert desk.watches.synced("who")
    assert (desk.prepared, desk.announced) == ([PLACE], [PLACE])
    desk.put("b")
    await settle()
    assert desk.names == {"a", "b"}
    desk.server.delete(HTTPROUTES.path("risk", "a"))
    await settle()
    assert desk.names == {"b"}
    assert desk.lists() == 1


async def test_two_who_want_the_same_share_one_watch_and_the_last_one_ends_it(desk: Desk) -> None:
    desk.put("a")
    desk.watches.want("one", [PLACE])
    desk.watches.want("two", [PLACE, (SERVICES, "risk")])
    await settle()
    assert desk.lists() == 2
    desk.watches.want("one", [])
    assert desk.names == {"a"}
    desk.watches.want("two", [(SERVICES, "risk")])
    assert desk.names == set()
    desk.watches.want("two", [PLACE])
    assert not desk.watches.synced("two")


async def test_an_expired_watch_begins_with_a_list_and_finds_what_it_missed(desk: Desk) -> None:
    desk.put("a")
    desk.watches.want("who", [PLACE])
    await settle()
    expired = 0

    def expire(request: Request) -> Exception | None:
        nonlocal expired
        if "watch" in request.query and not expired:
            expired += 1
            return Gone("too old")
        return None

    desk.server.before = expire
    desk.server.objects.pop(HTTPROUTES.path("risk", "a"))  # a deletion that no event tells
    await restart_watch(desk)
    assert expired == 1
    assert desk.names == set()


async def restart_watch(desk: Desk) -> None:
    """Watches in memory do not end by themselves: a new place begins with one."""
    desk.watches.want("who", [])
    desk.watches.want("who", [PLACE])
    await desk.clock.advance(1)


async def test_a_server_that_is_away_is_asked_again_after_growing_pauses(desk: Desk) -> None:
    desk.server.before = lost
    desk.watches.want("who", [PLACE])
    await desk.clock.advance(120)
    assert 8 <= len(desk.server.requests) <= 16
    assert "refused" in str(desk.watches.problems())
    assert not desk.watches.synced("who")
    desk.server.before = lambda _: None
    await desk.clock.advance(31)
    assert desk.watches.synced("who")
    assert desk.watches.problems() == {}


async def test_a_kind_that_is_not_installed_has_no_objects_and_may_come_later(desk: Desk) -> None:
    desk.server.before = lambda _: NotFound("the server could not find the requested resource")
    desk.watches.want("who", [PLACE])
    await settle()
    assert desk.watches.synced("who")
    desk.put("a")
    desk.server.before = lambda _: None
    await desk.clock.advance(31)
    assert desk.names == {"a"}


async def test_an_object_that_a_listener_cannot_digest_ends_no_watch(desk: Desk) -> None:
    def choke(change: object) -> None:
        raise KeyError("metadata.labels")

    desk.cache.subscribe(choke)
    desk.watches.want("who", [PLACE])
    await settle()
    desk.put("a")
    desk.put("b")
    await settle()
    assert desk.names == {"a", "b"}


async def test_ending_all_watches_leaves_no_task(desk: Desk) -> None:
    desk.watches.want("who", [PLACE, (SERVICES, "risk")])
    await settle()
    await desk.watches.close()
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.sleep(0)
    assert [task for task in asyncio.all_tasks() if task.get_name().startswith("watch")] == []


async def test_a_busy_server_is_a_problem_that_is_named(desk: Desk) -> None:
    desk.server.before = lambda _: Unavailable("storage is initializing", 429)
    desk.watches.want("who", [PLACE])
    await settle()
    assert "httproutes.gateway.networking.k8s.io in risk" in desk.watches.problems()
