"""Writes of a route that keep failing, with a whole operator: said on time, said once, and over when they succeed."""

from collections.abc import AsyncIterator

import pytest

from modelrollout.decisions.delivery import PATIENCE
from modelrollout.kube.errors import Forbidden
from modelrollout.kube.resources import EVENTS, HTTPROUTES
from modelrollout.kube.transport import Request
from tests.unit.reconciler.rig import Rig, path

ROUTE = path(HTTPROUTES, "fraud")


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    """An operator whose run is about to write its first weight, and may not."""
    world = Rig(analysis={"interval": "30s"})
    await world.start()
    await world.until(lambda: world.phase == "Completed")
    world.server.before = refuse
    world.edit(target="v8")
    await world.until(lambda: world.status["weights"]["desired"] == {"v7": 950, "v8": 50})
    yield world
    await world.kill()


def refuse(request: Request) -> Exception | None:
    return Forbidden("may not patch httproutes", 403) if request.write and request.path == ROUTE else None


def matches(world: Rig) -> tuple[str, str]:
    found = next(one for one in world.status["conditions"] if one["type"] == "TrafficMatches")
    return found["status"], found["reason"]


def told(world: Rig) -> int:
    return sum(request.body["reason"] == "NotCarriedOut" for request in world.writes(EVENTS, "POST"))


def status_writes(world: Rig) -> int:
    return sum(request.path.endswith("fraud/status") for request in world.server.requests if request.write)


async def test_it_is_said_when_it_is_time_to_though_the_next_try_would_come_later(rig: Rig) -> None:
    await rig.clock.advance(PATIENCE.total_seconds() - 2)
    assert matches(rig) == ("True", "Matches")
    await rig.clock.advance(3)
    assert matches(rig) == ("False", "WriteFailing")
    assert told(rig) == 1


async def test_while_it_lasts_nothing_more_is_written_and_it_ends_within_a_minute_of_its_cause(rig: Rig) -> None:
    await rig.until(lambda: matches(rig) == ("False", "WriteFailing"))
    await rig.clock.advance(5)
    before = status_writes(rig)
    await rig.clock.advance(1800)
    assert (status_writes(rig), told(rig)) == (before, 1)
    rig.server.before = lambda _: None
    await rig.until(lambda: matches(rig) == ("True", "Matches"), seconds=61)
    assert rig.weights["v8"] >= 50


async def test_who_comes_after_a_restart_does_not_say_it_again(rig: Rig) -> None:
    await rig.until(lambda: matches(rig) == ("False", "WriteFailing"))
    await rig.clock.advance(5)
    before = status_writes(rig)
    await rig.kill()
    await rig.start()
    await rig.clock.advance(120)
    assert (status_writes(rig), told(rig)) == (before, 1)
    assert matches(rig) == ("False", "WriteFailing")
