"""Several rollouts of one layer under one operator, which may be killed at any write."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from modelrollout.api.status import Verdict
from modelrollout.decisions import runs
from modelrollout.kube.cache import Change
from modelrollout.kube.errors import Unavailable
from modelrollout.kube.resources import HTTPROUTES, MODELROLLOUTS, Obj
from modelrollout.kube.transport import Request
from modelrollout.reconciler.layers import Layers
from tests.unit.decisions.world import START, World
from tests.unit.reconciler.rig import NAMESPACE, Rig, path

NAMES = ("fraud", "price", "rank")


def street() -> Rig:
    rig = Rig(exclusivity={"layer": "checkout"})
    for name in NAMES[1:]:
        rig.also(name)
    return rig


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    made = street()
    yield made
    await made.kill()


def phases(rig: Rig) -> list[str]:
    return [str(rig.status_of(name).get("phase")) for name in NAMES]


def having(rig: Rig) -> list[str]:
    """Rollouts whose run, as stored, has the layer."""
    stored = {name: rig.status_of(name).get("run") or {} for name in NAMES}
    return [name for name, run in stored.items() if run.get("state") in runs.ACTIVE and not run.get("queued")]


def trying(rig: Rig) -> list[str]:
    """Rollouts whose route feeds both versions."""
    refs = {name: rig.server.objects[path(HTTPROUTES, name)]["spec"]["rules"][0]["backendRefs"] for name in NAMES}
    return [name for name, pair in refs.items() if all(ref["weight"] for ref in pair)]


async def adopted(rig: Rig, *args: Any, **more: Any) -> None:
    await rig.start(*args, **more)
    await rig.until(lambda: phases(rig) == ["Completed"] * 3)


async def queued_behind_rank(rig: Rig) -> None:
    """The trial of "rank" goes on, and "fraud" waits for the layer."""
    rig.examiner.verdict = Verdict.INCONCLUSIVE
    await adopted(rig)
    for name in ("rank", "fraud"):
        rig.edit(name, target="v8")
        await rig.clock.advance(1)
    assert phases(rig)[0] == "Queued"


async def test_targets_that_change_at_once_are_tried_one_after_the_other(rig: Rig) -> None:
    await adopted(rig)
    for name in NAMES:
        rig.edit(name, target="v8")
    seen: list[str] = []

    def all_served() -> bool:
        assert len(having(rig)) <= 1, phases(rig)
        assert len(trying(rig)) <= 1
        seen.extend(name for name in having(rig) if name not in seen)
        return [rig.status_of(name)["stable"] for name in NAMES] == ["v8"] * 3

    await rig.until(all_served)
    assert sorted(seen) == sorted(NAMES)


async def test_the_order_outlives_the_operator(rig: Rig) -> None:
    await adopted(rig)
    for name in ("rank", "fraud", "price"):
        rig.edit(name, target="v8")
        await rig.clock.advance(1)
    assert "place 2" in rig.status_of("price")["message"]
    rig.examiner.verdict = Verdict.INCONCLUSIVE
    await rig.kill()
    await rig.start()
    rig.edit("rank", target="v7")
    await rig.until(lambda: having(rig) == ["fraud"])
    assert phases(rig) == ["Progressing", "Queued", "Withdrawn"]


async def test_the_deletion_of_the_one_in_front_lets_the_next_one_start(rig: Rig) -> None:
    await queued_behind_rank(rig)
    rig.delete(MODELROLLOUTS, "rank")
    await rig.until(lambda: str(rig.phase) == "Progressing", seconds=10)


async def test_a_start_that_could_not_be_stored_keeps_nobody_waiting(rig: Rig) -> None:
    await adopted(rig)

    def refuse(request: Request) -> Exception | None:
        return Unavailable("busy") if request.write and "modelrollouts/fraud" in request.path else None

    rig.server.before = refuse
    rig.edit("fraud", target="v8")
    await rig.clock.advance(0.1)
    rig.edit("rank", target="v8")
    await rig.clock.advance(0.1)
    rig.edit("fraud", target="v7")
    rig.server.before = lambda _: None
    await rig.until(lambda: rig.status_of("rank")["stable"] == "v8")


async def test_an_abort_in_the_queue_counts_as_no_rollback(rig: Rig) -> None:
    await queued_behind_rank(rig)
    rig.command("leave", "Abort")
    await rig.until(lambda: rig.phase == "RolledBack", seconds=5)
    assert rig.registry.get_sample_value("modelrollout_duration_seconds_count") == 0
    labels = {"namespace": NAMESPACE, "name": "fraud", "reason": "Aborted"}
    assert rig.registry.get_sample_value("modelrollout_rollbacks_total", labels) is None


@pytest.mark.slow
@pytest.mark.parametrize("stride", [9, pytest.param(1, marks=pytest.mark.long)])
def test_killed_at_any_write_no_two_have_the_layer_and_all_are_served(stride: int) -> None:
    async def one(kill_at: int | None) -> int:
        rig = street()
        try:
            await rig.start(kill_at)
            await rig.until(lambda: phases(rig) == ["Completed"] * 3)
            for name in NAMES:
                rig.edit(name, target="v8", watch="0s", strategy={"canary": {"weights": [50], "hold": "1s"}})

            def all_served() -> bool:
                assert len(having(rig)) <= 1, (kill_at, phases(rig))
                assert len(trying(rig)) <= 1, (kill_at, phases(rig))
                return [rig.status_of(name)["stable"] for name in NAMES] == ["v8"] * 3

            await rig.until(all_served)
            return rig.line.writes
        finally:
            await rig.kill()

    writes = asyncio.run(one(None))
    for kill_at in range(6, writes, stride):
        asyncio.run(one(kill_at))


def stored(name: str, **run: Any) -> Obj:
    body = {"layer": "checkout", "state": "Trial", "startedAt": START.isoformat(), "askedAt": START.isoformat(), **run}
    return {"metadata": {"namespace": NAMESPACE, "name": name, "uid": f"uid-{name}"}, "status": {"run": body}}


def test_what_was_decided_counts_before_it_is_stored_and_no_longer_than_it_is_open() -> None:
    layers, a, b = Layers(), (NAMESPACE, "a"), (NAMESPACE, "b")
    layers.changed(Change(MODELROLLOUTS, None, stored("b", queued=True)))
    world = World(name="a", exclusivity={"layer": "checkout"}).start()
    layers.decided(stored("a", layer=""), world.status)
    assert [one.queued for one in layers.rivals(b, "checkout")] == [False]
    assert layers.settled(a) == {b}
    assert layers.rivals(b, "checkout") == ()
    assert layers.settled(a) == frozenset()


def test_what_was_decided_for_a_rollout_that_is_deleted_meanwhile_keeps_nobody_waiting() -> None:
    layers, b = Layers(), (NAMESPACE, "b")
    layers.changed(Change(MODELROLLOUTS, None, stored("b", queued=True)))
    layers.decided(stored("a"), World(name="a", exclusivity={"layer": "checkout"}).start().status)
    assert layers.changed(Change(MODELROLLOUTS, stored("a", layer=""), None)) == {b}
    assert layers.rivals(b, "checkout") == ()


def test_others_are_looked_at_only_when_what_they_see_has_changed() -> None:
    layers, a, b = Layers(), stored("a"), stored("b", queued=True)
    assert layers.changed(Change(MODELROLLOUTS, None, a)) == frozenset()
    assert layers.changed(Change(MODELROLLOUTS, None, b)) == {(NAMESPACE, "a")}
    assert layers.changed(Change(MODELROLLOUTS, a, stored("a", step=2))) == frozenset()
    assert layers.changed(Change(MODELROLLOUTS, a, stored("a", state="Done"))) == {(NAMESPACE, "b")}
    assert layers.changed(Change(MODELROLLOUTS, b, None)) == frozenset()


def test_a_layer_is_one_of_its_namespace() -> None:
    layers = Layers()
    layers.changed(Change(MODELROLLOUTS, None, stored("a")))
    assert layers.rivals((NAMESPACE, "b"), "checkout")
    assert not layers.rivals(("elsewhere", "b"), "checkout")
    assert not layers.rivals((NAMESPACE, "b"), "other")


def test_a_run_of_before_the_order_was_kept_counts_from_its_beginning() -> None:
    layers, later = Layers(), START + timedelta(seconds=5)
    obj = stored("a", startedAt=later.isoformat())
    del obj["status"]["run"]["askedAt"]
    layers.changed(Change(MODELROLLOUTS, None, obj))
    assert layers.rivals((NAMESPACE, "b"), "checkout")[0].asked_at == later
