"""Writes of a route that keep failing, with a whole operator: said on time, said once, and over when they succeed."""

from collections.abc import AsyncIterator

import pytest

from modelrollout.api.status import Verdict
from modelrollout.decisions.delivery import PATIENCE
from modelrollout.kube.errors import Forbidden
from modelrollout.kube.resources import EVENTS, HTTPROUTES
from modelrollout.kube.transport import Request
from modelrollout.manifests.nursing import next_weights
from modelrollout.reconciler.world import STEP
from tests.unit.reconciler.rig import NAMESPACE, Rig, path

ROUTE, ROUTES = path(HTTPROUTES, "fraud"), HTTPROUTES.path(NAMESPACE)


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


def no_second_route(request: Request) -> Exception | None:
    return Forbidden("may not create httproutes", 403) if (request.method, request.path) == ("POST", ROUTES) else None


def condition(world: Rig, kind: str) -> tuple[str, str]:
    conditions = world.status.get("conditions", [])
    return next(((one["status"], one["reason"]) for one in conditions if one["type"] == kind), ("", ""))


def matches(world: Rig) -> tuple[str, str]:
    return condition(world, "TrafficMatches")


def told(world: Rig, reason: str = "NotCarriedOut") -> int:
    return sum(request.body["reason"] == reason for request in world.writes(EVENTS, "POST"))


def status_writes(world: Rig) -> int:
    return sum(request.path.endswith("fraud/status") for request in world.server.requests if request.write)


async def test_it_is_said_when_it_is_time_to_though_the_next_try_would_come_later(rig: Rig) -> None:
    await rig.clock.advance(PATIENCE.total_seconds() - 2)
    assert matches(rig) == ("True", "Matches")
    await rig.clock.advance(3)
    assert matches(rig) == ("False", "WriteFailing")
    assert told(rig) == 1


async def test_while_it_lasts_it_is_not_said_again_and_it_ends_within_a_minute_of_its_cause(rig: Rig) -> None:
    await rig.until(lambda: matches(rig) == ("False", "WriteFailing"))
    await rig.clock.advance(30)
    before, said = status_writes(rig), rig.status["conditions"]
    await rig.clock.advance(1800)
    assert (rig.status["conditions"], told(rig)) == (said, 1)
    assert status_writes(rig) - before <= 6  # numbers of metrics, which are written every five minutes
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


def test_weights_that_come_step_by_step_have_the_time_for_it() -> None:
    """Two steps come before the wanted weights, and the gateway has to take up each of them."""
    now, wanted, steps = [1000, 0], [0, 1000], 0
    while now != wanted:
        now, steps = next_weights(now, wanted), steps + 1
    assert steps == 3
    assert PATIENCE.total_seconds() >= 2 * (steps - 1) * STEP


@pytest.fixture
async def bare() -> AsyncIterator[Rig]:
    """An operator that may move weights and may not make the second route; v8 has its first weight."""
    world = Rig(analysis={"interval": "5s"})
    world.server.before = no_second_route
    world.examiner.answers = 0
    await world.start()
    await world.until(lambda: world.status.get("stable") == "v7" and bool(world.status["weights"]["desired"]))
    world.edit(target="v8")
    await world.until(lambda: world.weights == {"v7": 950, "v8": 50})
    yield world
    await world.kill()


async def test_a_candidate_is_judged_although_pins_cannot_be_written(bare: Rig) -> None:
    bare.examiner.verdict = Verdict.FAIL
    await bare.until(lambda: bare.weights == {"v7": 1000}, seconds=30)
    await bare.until(lambda: bare.phase == "RolledBack", seconds=61)


async def test_pins_that_cannot_be_written_are_said_once_and_hold_up_no_run(bare: Rig) -> None:
    await bare.until(lambda: condition(bare, "SecondRouteReady") == ("False", "WriteFailing"), seconds=31)
    assert matches(bare) == ("True", "Matches")
    bare.examiner.answers = 1_000_000
    await bare.until(lambda: bare.phase == "Completed" and bare.weights == {"v8": 1000}, seconds=300)
    assert condition(bare, "SecondRouteReady") == ("False", "WriteFailing")
    assert (told(bare, "SecondRouteUnusable"), told(bare)) == (1, 0)
    bare.server.before = lambda _: None
    await bare.until(lambda: condition(bare, "SecondRouteReady") == ("True", "Usable"), seconds=61)
