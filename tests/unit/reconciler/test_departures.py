"""What becomes of the traffic when a rollout goes."""

import logging
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from modelrollout.kube.errors import Unavailable
from modelrollout.kube.resources import EVENTS, HTTPROUTES, MODELROLLOUTS
from modelrollout.kube.transport import Request
from tests.unit.reconciler.rig import Rig, path

Make = Callable[..., Rig]
OWNER = "modelrollout.io/owner"


@pytest.fixture
async def rig() -> AsyncIterator[Make]:
    made: list[Rig] = []

    def make(**spec: Any) -> Rig:
        made.append(Rig(**spec))
        return made[-1]

    yield make
    for one in made:
        await one.kill()


def owner(world: Rig) -> str | None:
    annotations = world.server.objects[path(HTTPROUTES, "fraud")]["metadata"].get("annotations") or {}
    found: str | None = annotations.get(OWNER)
    return found


async def trial(world: Rig) -> None:
    await world.start()
    await world.until(lambda: world.phase == "Completed")
    world.edit(target="v8")
    await world.until(lambda: world.weights == {"v7": 950, "v8": 50})
    assert owner(world)


async def test_a_rollout_deleted_in_a_run_gives_the_traffic_back(rig: Make) -> None:
    world = rig(analysis={"interval": "30s"})
    await trial(world)
    world.delete(MODELROLLOUTS, "fraud")
    await world.until(lambda: owner(world) is None, seconds=3)
    assert world.weights == {"v7": 1000}
    await world.clock.advance(1)
    notes = [request.body["note"] for request in world.writes(EVENTS, "POST")]
    assert any("all traffic goes back to v7" in note for note in notes)


async def test_a_rollout_that_goes_while_its_status_is_written_is_no_warning(
    rig: Make, caplog: pytest.LogCaptureFixture
) -> None:
    world = rig(analysis={"interval": "30s"})
    await trial(world)

    def gone(request: Request) -> None:
        if request.path.endswith("fraud/status") and path(MODELROLLOUTS, "fraud") in world.server.objects:
            world.delete(MODELROLLOUTS, "fraud")

    world.server.before = gone
    world.edit(paused=True)
    await world.until(lambda: owner(world) is None, seconds=3)
    await world.clock.advance(60)
    assert [one.getMessage() for one in caplog.records if one.levelno > logging.INFO] == []


async def test_a_policy_of_leave_takes_only_the_annotation(rig: Make) -> None:
    world = rig(analysis={"interval": "30s"}, deletionPolicy="Leave")
    await trial(world)
    world.delete(MODELROLLOUTS, "fraud")
    await world.until(lambda: owner(world) is None, seconds=3)
    assert world.weights == {"v7": 950, "v8": 50}


async def test_traffic_is_not_given_back_to_a_version_without_endpoints(rig: Make) -> None:
    world = rig(analysis={"interval": "30s"})
    await trial(world)
    world.ready("v7", ready=False)
    await world.clock.advance(1)
    world.delete(MODELROLLOUTS, "fraud")
    await world.until(lambda: owner(world) is None, seconds=3)
    assert world.weights.get("v8", 0) >= 50


async def test_a_deletion_that_no_watch_told_of_is_found_by_the_next_list(rig: Make) -> None:
    world = rig(analysis={"interval": "30s"})
    await trial(world)
    del world.server.objects[path(MODELROLLOUTS, "fraud")]
    await world.until(lambda: owner(world) is None, seconds=70)
    assert world.weights == {"v7": 1000}


@pytest.mark.parametrize(("policy", "left"), [("ReturnToStable", {"v7": 1000}), ("Leave", {"v7": 950, "v8": 50})])
async def test_a_rollout_deleted_while_no_operator_ran_is_found_at_the_start(
    rig: Make, policy: str, left: dict[str, int]
) -> None:
    world = rig(analysis={"interval": "30s"}, deletionPolicy=policy)
    await trial(world)
    await world.kill()
    del world.server.objects[path(MODELROLLOUTS, "fraud")]
    await world.start()
    await world.until(lambda: owner(world) is None, seconds=10)
    assert world.weights == left


async def test_a_restored_rollout_takes_the_stable_version_from_the_annotation(rig: Make) -> None:
    world = rig(analysis={"interval": "30s"})
    await trial(world)
    await world.kill()
    restored = {key: value for key, value in world.rollout.items() if key != "status"}
    restored["metadata"] = {**restored["metadata"], "uid": "another", "generation": 1}
    restored["spec"] = {**restored["spec"], "target": "v7"}
    world.server.put(path(MODELROLLOUTS, "fraud"), restored)
    await world.start()
    await world.until(lambda: world.phase == "Completed" and world.status["stable"] == "v7", seconds=10)
    await world.until(lambda: world.weights == {"v7": 1000}, seconds=3)
    assert "another" in str(owner(world))


async def test_a_patch_of_the_route_that_fails_is_tried_until_the_traffic_is_back(rig: Make) -> None:
    world = rig(analysis={"interval": "30s"})
    await trial(world)
    failures = 3

    def fail(request: Any) -> Exception | None:
        nonlocal failures
        if request.write and "httproutes" in request.path and failures:
            failures -= 1
            return Unavailable("busy")
        return None

    world.server.before = fail
    world.delete(MODELROLLOUTS, "fraud")
    await world.until(lambda: owner(world) is None, seconds=10)
    assert world.weights == {"v7": 1000}
    assert failures == 0
