"""Replicas are written after the status that says so, and being killed at any write changes no outcome."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from modelrollout.kube.resources import AUTOSCALERS, DEPLOYMENTS, ENDPOINTSLICES, Obj
from modelrollout.kube.transport import Request
from tests.unit.reconciler.rig import NAMESPACE, Rig, path

Make = Callable[..., "ScaledRig"]


class ScaledRig(Rig):
    """v7 serves with two replicas, v8 has none; pods are there as soon as a Deployment asks for them."""

    def __init__(self, **spec: Any) -> None:
        super().__init__(scale={"mode": "Managed", "scaleDownDelay": "5s"}, **spec)
        self.settings = {"scale": True}
        self.scale("v7", 2)
        self.scale("v8", 0)
        self.broken: list[str] = []
        self.server.before = self._look

    def scale(self, version: str, replicas: int) -> None:
        """Somebody scales a version."""
        stored = self.server.objects[path(DEPLOYMENTS, f"fraud-{version}")]
        self.server.put(
            path(DEPLOYMENTS, f"fraud-{version}"), {**stored, "spec": {**stored["spec"], "replicas": replicas}}
        )
        self.come_up(version)

    def replicas(self, version: str) -> int:
        """What its Deployment asks for."""
        found: int = self.server.objects[path(DEPLOYMENTS, f"fraud-{version}")]["spec"]["replicas"]
        return found

    def come_up(self, version: str) -> None:
        """Let as many pods be ready as are asked for."""
        name = f"fraud-{version}-1"
        stored = self.server.objects[path(ENDPOINTSLICES, name)]
        pods = [
            {
                "addresses": [f"{version}-{n}"],
                "conditions": {"ready": True},
                "targetRef": {"kind": "Pod", "name": f"{n}"},
            }
            for n in range(self.replicas(version))
        ]
        self.server.put(path(ENDPOINTSLICES, name), {**stored, "endpoints": pods})

    def scalings(self) -> list[tuple[str, int]]:
        """Every write of replicas, in order."""
        return [(one.path.split("/")[-2][-2:], one.body[-1]["value"]) for one in self.requests_to("/scale")]

    def requests_to(self, part: str) -> list[Request]:
        """Writes to that part of any object."""
        return [one for one in self.server.requests if one.write and one.path.endswith(part)]

    def settled(self) -> bool:
        """Play the kubelet, then tell whether the run is over and everything is carried out."""
        for version in ("v7", "v8"):
            self.come_up(version)
        done = self.phase in ("Completed", "RolledBack") and not self.status.get("scales")
        return done and (self.status.get("run") or {}).get("state") == "Done"

    def _look(self, request: Request) -> Exception | None:
        """Traffic only goes to versions that have pods and are not about to lose them."""
        if request.method == "PATCH" and request.path.endswith("/scale"):
            version, replicas = request.path.split("/")[-2][-2:], request.body[-1]["value"]
            known = {one["version"]: one["replicas"] for one in self.status.get("scales", [])}
            if known.get(version) != replicas:
                self.broken.append(f"{version} is scaled to {replicas}, status says {known}")
            if replicas == 0 and self.weights.get(version):
                self.broken.append(f"{version} goes down with weights {self.weights}")
        return None


@pytest.fixture
async def rig() -> AsyncIterator[Make]:
    made: list[ScaledRig] = []

    def make(**spec: Any) -> ScaledRig:
        made.append(ScaledRig(**spec))
        return made[-1]

    yield make
    for one in made:
        await one.kill()


async def promoted(rig: ScaledRig, kill_at: int | None = None, *, after: bool = False) -> None:
    await rig.start(kill_at, after=after)
    await rig.until(lambda: rig.phase == "Completed")
    rig.edit(target="v8")
    await rig.until(rig.settled)


async def test_a_whole_run_scales_the_candidate_up_and_the_old_version_down(rig: Make) -> None:
    world = rig()
    await promoted(world)
    assert world.scalings() == [("v8", 1), ("v8", 2), ("v7", 0)]
    assert (world.replicas("v7"), world.replicas("v8"), world.weights) == (0, 2, {"v8": 1000})
    assert not world.broken


async def test_an_autoscaler_is_seen_and_left_alone(rig: Make) -> None:
    world = rig()
    name = "fraud-v8"
    spec: Obj = {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}, "minReplicas": 1}
    world.server.put(path(AUTOSCALERS, name), {"metadata": {"namespace": NAMESPACE, "name": name}, "spec": spec})
    await promoted(world)
    assert world.scalings() == [("v8", 1), ("v7", 0)]
    assert world.weights == {"v8": 1000}


async def test_autoscalers_are_not_asked_for_where_nothing_is_scaled(rig: Make) -> None:
    world = Rig()
    world.settings = {"scale": True}
    await world.start()
    await world.until(lambda: world.phase == "Completed")
    assert not [one for one in world.server.requests if "autoscalers" in one.path]
    await world.kill()


async def test_a_person_who_scales_the_candidate_is_not_fought(rig: Make) -> None:
    world = rig(strategy={"canary": {"weights": [5, 50], "hold": "1h"}})
    await world.start()
    await world.until(lambda: world.phase == "Completed")
    world.edit(target="v8")

    def exposed() -> bool:
        world.come_up("v8")
        return world.weights == {"v7": 950, "v8": 50}

    await world.until(exposed)
    world.scale("v8", 3)
    conditions = lambda: {one["type"]: one["reason"] for one in world.status["conditions"]}  # noqa: E731
    await world.until(lambda: conditions().get("ReplicasManaged") == "ScaledByOthers")
    await world.clock.advance(30)
    assert world.replicas("v8") == 3
    assert world.scalings() == [("v8", 1)]


@pytest.mark.slow
def test_every_write_of_a_scaled_run_can_be_the_last_one_of_a_process() -> None:
    async def one(kill_at: int | None, *, after: bool) -> tuple[ScaledRig, int]:
        world = ScaledRig()
        try:
            await promoted(world, kill_at, after=after)
            await world.until(lambda: kill_at is None or world.restarts == 1, seconds=3)
            return world, world.line.writes
        finally:
            await world.kill()

    calm, writes = asyncio.run(one(None, after=False))
    assert writes > 20
    for kill_at, after in [(0, False), *((number, True) for number in range(writes))]:
        world, _ = asyncio.run(one(kill_at, after=after))
        where = f"killed {'after' if after else 'before'} write {kill_at}"
        assert not world.broken, where
        assert world.weights == {"v8": 1000}, where
        assert world.scalings() == calm.scalings(), where
        assert (world.replicas("v7"), world.replicas("v8")) == (0, 2), where
