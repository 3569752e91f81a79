"""In which order a reconcile writes, and that being killed between any two writes changes no outcome."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from modelrollout.api.status import Verdict
from modelrollout.kube.errors import OutcomeUnknown
from modelrollout.kube.resources import (
    CONFIGMAPS,
    CONTROLLERREVISIONS,
    EVENTS,
    HTTPROUTES,
    MODELROLLOUTS,
)
from modelrollout.kube.transport import Request
from tests.unit.reconciler.rig import Rig, path

Make = Callable[..., Rig]


@pytest.fixture
async def rig() -> AsyncIterator[Make]:
    made: list[Rig] = []

    def make(**spec: Any) -> Rig:
        made.append(Rig(**spec))
        return made[-1]

    yield make
    for one in made:
        await one.kill()


async def promoted(rig: Rig, kill_at: int | None = None, *, after: bool = False) -> None:
    """A whole run, from the change of target to its end."""
    await rig.start(kill_at, after=after)
    await rig.until(lambda: rig.phase == "Completed")
    rig.edit(target="v8")
    await rig.until(lambda: rig.phase == "Completed" and rig.status["stable"] == "v8")


async def test_status_is_written_before_the_route_and_the_plan_before_the_status(rig: Make) -> None:
    world = rig()
    await promoted(world)
    order = [request.path.split("/")[-2:] for request in world.server.requests if request.write]
    kinds = [part[0] if part[1] != "status" else "status" for part in order]
    plan = next(i for i, r in enumerate(world.server.requests) if r.write and "controllerrevisions" in r.path)
    first = next(
        i
        for i, r in enumerate(world.server.requests)
        if r.path.endswith("fraud/status") and "run" in str(r.body) and i > plan
    )
    assert plan < first
    for index, request in enumerate(world.server.requests):
        if request.method == "PATCH" and "httproutes/fraud" in request.path:
            earlier = [r for r in world.server.requests[:index] if r.path.endswith("fraud/status")]
            assert earlier, "a route was written before any status"
    assert "status" in kinds


@pytest.mark.slow
def test_every_write_of_a_run_can_be_the_last_one_of_a_process() -> None:
    """Kill before the first and after each write of a whole run: the end is the same, and no invariant breaks."""

    async def one(kill_at: int | None, *, after: bool) -> tuple[Rig, int]:
        world = Rig()
        held: list[str] = []
        world.server.before = lambda request: _hold_invariants(world, request, held)
        try:
            await promoted(world, kill_at, after=after)
            await world.until(lambda: kill_at is None or world.restarts == 1, seconds=3)
            assert not held, held
            return world, world.line.writes
        finally:
            await world.kill()

    calm, writes = asyncio.run(one(None, after=False))
    assert writes > 15
    for kill_at, after in [(0, False), *((number, True) for number in range(writes))]:
        world, _ = asyncio.run(one(kill_at, after=after))
        where = f"killed {'after' if after else 'before'} write {kill_at}"
        assert world.restarts == 1, where
        assert world.weights == calm.weights == {"v8": 1000}, where
        assert _summary(world.status) == _summary(calm.status), where
        plans = [path for path in world.server.objects if "controllerrevisions" in path]
        assert len(plans) == 1, where


def _summary(status: dict[str, Any]) -> tuple[Any, ...]:
    run = status["run"]
    return status["phase"], status["stable"], run["id"], run["outcome"], run["step"], run["intent"], run["number"]


def _hold_invariants(world: Rig, request: Request, broken: list[str]) -> None:
    """Of every write to the route: it says what the status says that is stored at that moment."""
    if request.method != "PATCH" or not request.path.endswith("httproutes/fraud"):
        return
    weights = dict(world.weights)
    names = ["v7", "v8"]
    for operation in request.body:
        if operation["path"].endswith("/weight") and operation["op"] != "test":
            weights[names[int(operation["path"].split("/")[-2])]] = operation["value"]
    weights = {name: weight for name, weight in weights.items() if weight}
    wanted = {name: weight for name, weight in world.status["weights"]["desired"].items() if weight}
    if weights != wanted:
        broken.append(f"route gets {weights}, status says {wanted}")


async def test_a_bad_candidate_is_taken_back_by_whoever_comes_after_a_crash(rig: Make) -> None:
    world = rig()
    await world.start()
    await world.until(lambda: world.phase == "Completed")
    world.edit(target="v8")
    await world.until(lambda: world.weights == {"v7": 950, "v8": 50})
    await world.kill()
    world.examiner.verdict = Verdict.FAIL
    await world.start()
    await world.until(lambda: world.phase == "RolledBack", seconds=10)
    assert world.weights == {"v7": 1000}


async def test_a_write_without_an_answer_is_looked_up_before_the_next_decision(rig: Make) -> None:
    world = rig()
    await world.start()
    await world.until(lambda: world.phase == "Completed")

    def once(request: Request) -> Exception | None:
        if request.path.endswith("fraud/status"):
            world.server.after = lambda _: None
            return OutcomeUnknown("cut")
        return None

    world.server.after = once
    before = len(world.server.requests)
    world.edit(target="v8")
    await world.until(lambda: world.weights == {"v7": 950, "v8": 50})
    since = [request for request in world.server.requests[before:] if "fraud" in request.path]
    kinds = [(request.method, request.path.endswith("status")) for request in since if "modelrollouts" in request.path]
    assert kinds[:2] == [("PATCH", True), ("GET", False)]
    assert len([one for one in kinds if one == ("PATCH", True)]) == 1


async def test_a_fight_for_the_weights_is_over_when_nobody_has_changed_them_for_a_while(rig: Make) -> None:
    world = rig()
    await world.start()
    await world.until(lambda: world.phase == "Completed")
    place = path(HTTPROUTES, "fraud")
    for _ in range(4):
        route = world.server.objects[place]
        refs = [ref | {"weight": 500} for ref in route["spec"]["rules"][0]["backendRefs"]]
        world.server.put(place, route | {"spec": route["spec"] | {"rules": [{"backendRefs": refs}]}})
        await world.until(lambda: world.weights == {"v7": 1000}, seconds=40)
    assert _condition(world.status, "TrafficMatches") == ("False", "Contested")
    await world.clock.advance(900)
    assert _condition(world.status, "TrafficMatches") == ("True", "Matches")


def _condition(status: dict[str, Any], kind: str) -> tuple[str, str]:
    return next((one["status"], one["reason"]) for one in status["conditions"] if one["type"] == kind)


async def test_what_was_decided_is_told_although_the_answer_to_its_write_was_lost(rig: Make) -> None:
    world = rig()
    await world.start()
    await world.until(lambda: world.phase == "Completed")
    world.server.after = lambda request: OutcomeUnknown("cut") if request.path.endswith("fraud/status") else None
    world.edit(target="v8")
    await world.until(lambda: world.phase == "Progressing")
    world.server.after = lambda _: None
    await world.until(lambda: world.phase == "Completed" and world.status["stable"] == "v8")
    await world.clock.advance(1)
    told = [request.body["reason"] for request in world.writes(EVENTS, "POST")]
    assert told.count("RunStarted") == told.count("Promoted") == 1
    record = world.server.objects[CONFIGMAPS.path("risk", "fraud-decisions")]["data"].values()
    lines = [line for text in record for line in text.splitlines()]
    assert sum('"RunStarted"' in line for line in lines) == 1
    assert world.registry.get_sample_value("modelrollout_promotions_total", {"namespace": "risk", "name": "fraud"}) == 1


async def test_a_status_that_somebody_else_wrote_first_is_read_again_and_decided_anew(rig: Make) -> None:
    world = rig()
    await world.start()
    await world.until(lambda: world.phase == "Completed")

    def touch(request: Request) -> None:
        if request.path.endswith("fraud/status"):
            world.server.before = lambda _: None
            stored = world.rollout
            labels = {**stored["metadata"], "labels": {"team": "risk"}}
            world.server.put(MODELROLLOUTS.path("risk", "fraud"), {**stored, "metadata": labels})

    world.server.before = touch
    world.edit(target="v8")
    await world.until(lambda: world.weights == {"v7": 950, "v8": 50}, seconds=3)
    assert world.rollout["metadata"]["labels"] == {"team": "risk"}


async def test_an_api_server_that_is_away_for_a_while_changes_no_outcome(rig: Make) -> None:
    world = rig()
    await world.start()
    await world.until(lambda: world.phase == "Completed")
    world.edit(target="v8")
    await world.until(lambda: world.weights == {"v7": 950, "v8": 50})
    world.server.before = lambda request: (
        OutcomeUnknown("away") if request.write and "lease" not in request.path else None
    )
    await world.clock.advance(40)
    assert world.weights == {"v7": 950, "v8": 50}
    world.server.before = lambda _: None
    await world.until(lambda: world.phase == "Completed" and world.status["stable"] == "v8")


async def test_a_rollout_without_change_writes_nothing(rig: Make) -> None:
    world = rig()
    await promoted(world)
    await world.clock.advance(10)
    before = [request for request in world.server.requests if request.write and "lease" not in request.path]
    await world.clock.advance(700)  # more than the pauses between any two lists, looks and writes of numbers
    after = [request for request in world.server.requests if request.write and "lease" not in request.path]
    assert after == before


async def test_what_was_decided_is_told_once(rig: Make) -> None:
    world = rig()
    await promoted(world)
    await world.clock.advance(1)
    created = world.writes(EVENTS, "POST")
    reasons = [request.body["reason"] for request in created]
    assert len(reasons) == len(set(map(str, (request.body["note"] for request in created))))
    assert {"Adopted", "RunStarted", "Promoted", "Completed"} <= set(reasons)
    record = world.server.objects[CONFIGMAPS.path("risk", "fraud-decisions")]
    assert any("StepPassed" in line for line in record["data"].values())
    assert len(world.writes(CONTROLLERREVISIONS, "POST")) == 1


async def test_the_route_is_patched_once_per_weight(rig: Make) -> None:
    world = rig()
    await world.start()
    await world.until(lambda: world.phase == "Completed")
    before = len([r for r in world.writes(HTTPROUTES) if r.path.endswith("/fraud")])
    world.edit(target="v8")
    await world.until(lambda: world.phase == "Completed" and world.status["stable"] == "v8")
    after = len([r for r in world.writes(HTTPROUTES) if r.path.endswith("/fraud")])
    assert after - before == 3


async def test_the_plans_of_the_last_three_runs_are_kept(rig: Make) -> None:
    world = rig(target="v8")
    await world.start()
    await world.until(lambda: world.phase == "Completed")
    for number in range(5):
        world.deploy("v8" if world.status["stable"] == "v7" else "v7", image=f"model:{number}")
        world.edit(target="v8" if world.status["stable"] == "v7" else "v7")
        stable = world.status["stable"]
        await world.until(lambda stable=stable: world.phase == "Completed" and world.status["stable"] != stable)
    await world.clock.advance(1)
    plans = {where.rsplit("/", 1)[1] for where in world.server.objects if "controllerrevisions" in where}
    assert len(plans) == 3
    assert world.status["run"]["plan"] in plans


async def test_a_change_of_what_the_candidate_runs_begins_a_new_run(rig: Make) -> None:
    world = rig(analysis={"interval": "30s"})
    await world.start()
    await world.until(lambda: world.phase == "Completed")
    world.edit(target="v8")
    await world.until(lambda: world.weights == {"v7": 950, "v8": 50})
    before = world.status["run"]["id"]
    world.deploy("v8", image="model:other")
    await world.until(lambda: world.status["run"]["id"] != before, seconds=3)
    assert world.status["history"][-1]["outcome"] == "Superseded"


@pytest.mark.parametrize("lost", [False, True])
async def test_a_status_that_is_older_than_the_route_is_read_again_before_traffic_moves(rig: Make, lost: bool) -> None:
    world = rig()
    await world.start()
    await world.until(lambda: world.phase == "Completed")
    world.edit(target="v8")
    await world.until(lambda: world.weights == {"v7": 950, "v8": 50})
    old, place = world.rollout, path(MODELROLLOUTS, "fraud")
    world.examiner.verdict = Verdict.FAIL
    await world.until(lambda: world.phase == "RolledBack")
    await world.kill()
    new, before = world.rollout, len(world.server.requests)

    def behind(request: Request) -> None:
        """Lists come from a server that is behind; with `lost` a backup was restored, and there is nothing newer."""
        if request.path.endswith("modelrollouts"):
            world.server.objects[place] = old
        elif not lost and world.server.objects[place] is old:
            world.server.objects[place] = new

    world.server.before = behind
    await world.start(fed=False)
    await world.until(lambda: any((one.method, one.path) == ("GET", place) for one in world.server.requests[before:]))
    await world.until(lambda: world.phase == "RolledBack")
    assert world.weights == {"v7": 1000}
    exposing = [one for one in world.writes(HTTPROUTES) if one in world.server.requests[before:]]
    assert lost or not exposing


async def test_builds_that_come_faster_than_a_run_lasts_do_not_keep_it_from_its_end(rig: Make) -> None:
    """With FinishFirst the run ends, the newest build is tried next, those between are not, and none is tried twice."""
    world = rig(onNewRevision="FinishFirst")
    await world.start()
    await world.until(lambda: world.phase == "Completed")
    world.examiner.verdict = Verdict.INCONCLUSIVE
    world.edit(target="v8")
    await world.until(lambda: world.weights == {"v7": 950, "v8": 50})
    first = world.status["run"]["revision"]
    for number in range(20):
        world.deploy("v8", f"model:build-{number}")
        await world.clock.advance(1)
    assert (world.status["run"]["revision"], world.status["history"]) == (first, [])
    world.examiner.verdict = Verdict.FAIL
    await world.until(lambda: bool(world.status["history"]), seconds=10)
    world.examiner.verdict = Verdict.PASS
    await world.until(lambda: world.status["stable"] == "v8")
    await world.until(lambda: world.phase == "Completed")
    runs = [past["run"] for past in world.status["history"]]
    assert len(runs) == len(set(runs))
    assert runs[0].startswith(f"v8-{first[:10]}")
    assert world.status["history"][-1]["outcome"] == "Promoted"
    assert world.status["stableRevision"] == world.status["run"]["revision"] != first
    assert all(one["status"] != "True" for one in world.status["conditions"] if one["type"] == "UnprovenChange")
