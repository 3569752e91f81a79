"""A model in a namespace of its own, an operator behind a faulty door, and a scenario that is played to its end."""

import asyncio
import random
import signal
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from modelrollout.kube.client import Client
from modelrollout.kube.resources import MODELROLLOUTS, Resource, uid_of
from modelrollout.kube.transport import ApiTransport
from modelrollout.reconciler.watchdog import EXIT_CODE
from tests.cluster.faults.child import Script
from tests.cluster.faults.endings import Ending, read_ending
from tests.cluster.faults.invariants import violations
from tests.cluster.faults.journal import Call, Journal
from tests.cluster.faults.operators import Nursery, Supervisor
from tests.cluster.faults.proxy import Door, Fault, Upstream
from tests.cluster.runtime.counted import CountedModel
from tests.cluster.runtime.harness import Model, until

NAMESPACES = Resource("", "v1", "namespaces", "Namespace")

PATIENCE = 75.0
CALM = 0.7
"""Seconds without any call, watches open and lease apart, after which nothing more is on its way."""

_LOOK_AGAIN = 1.0

LEASE = {"DURATION": "15", "RENEW": "10", "RETRY": "0.4"}
"""Outlasts a busy machine. An operator that comes up again under its name need not wait for its end."""

SHORT_LEASE = {"DURATION": "3", "RENEW": "2", "RETRY": "0.4"}
"""For scenarios in which another operator takes over."""

WEIGHTS = (10, 50)
"""Percent in the steps of the short canary."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """A short story of a rollout.

    Attributes:
        play: brings the story about from outside and returns when its end has been reached.
        script: what Prometheus says.
        spec: parts of the spec that differ from the short canary's.
        counted: numbers of pods are the weights, not those of a route.
    """

    name: str
    play: Callable[["Scene"], Awaitable[None]]
    script: Script = field(default_factory=list)
    spec: dict[str, Any] = field(default_factory=dict)
    counted: bool = False


class Scene(Model):
    """The model of one drill, with everything that happens to it in a journal."""

    def __init__(self, client: Client, namespace: str, scenario: Scenario) -> None:
        super().__init__(client, namespace)
        self.journal = Journal()
        self.scenario = scenario
        self.readiness: list[tuple[float, str, bool]] = []

    async def ready(self, version: str, *, ready: bool) -> None:
        await super().ready(version, ready=ready)
        self.readiness.append((time.monotonic(), version, ready))

    async def adopted(self) -> None:
        """Create the rollout and wait until v7 is known as stable."""
        await self.create(
            **{
                "strategy": {"canary": {"weights": list(WEIGHTS), "hold": "300ms", "samples": 10}},
                "metrics": [self._metric()],
                **self.scenario.spec,
            }
        )
        await self.until("adopted", lambda status: status.get("phase") == "Completed")

    async def until(self, what: str, enough: Callable[[Any], bool]) -> None:
        """Wait until the status is so."""
        await self._until(what, self.status, enough)

    async def until_share(self, **weights: int) -> None:
        """Wait until the route has exactly these weights."""
        await self._until(f"weights {weights}", self.weights, lambda found: found == weights)

    async def until_owner(self, owner: str | None) -> None:
        """Wait until the route's owner annotation is so."""
        await self._until(f"owner {owner}", self.owner, lambda found: found == owner)

    async def delete(self) -> None:
        """Delete the rollout, whatever the operator does meanwhile."""
        found = await self.client.get(MODELROLLOUTS, self.namespace, self.name)
        await self.client.delete(MODELROLLOUTS, self.namespace, self.name, uid=uid_of(found))

    async def until_calm(self, *supervisors: Supervisor) -> None:
        """Wait until the operators are up and have nothing more to do."""

        async def silence() -> float:
            began = max((one.started_at for one in supervisors), default=0.0)
            return time.monotonic() - self.journal.heard_at if self.journal.watched_at >= began else 0.0

        await until("the operator comes to rest", silence, lambda seconds: seconds >= CALM, PATIENCE)

    async def _until(self, what: str, look: Callable[[], Awaitable[Any]], enough: Callable[[Any], bool]) -> None:
        """Look after each write, and now and then."""
        end = time.monotonic() + PATIENCE
        while True:
            changed = self.journal.changed
            seen = await look()
            if enough(seen):
                return
            assert time.monotonic() < end, f"not within {PATIENCE:g} s: {what}; last seen: {seen}"
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_AGAIN):
                    await changed.wait()

    def surroundings(self) -> AbstractAsyncContextManager[None]:
        """What goes on around the operator while the scenario is played."""
        return nullcontext()

    def _metric(self) -> dict[str, Any]:
        return {
            "name": "errors",
            "better": "Lower",
            "proportion": {"bad": 'requests_total{code=~"5.."}', "total": "requests_total"},
        }


class CountedScene(Scene, CountedModel):
    """The same where numbers of pods are the weights; pods come and go as the workloads ask."""

    def surroundings(self) -> AbstractAsyncContextManager[None]:
        return self.kubelet()


@dataclass(frozen=True, slots=True)
class Drill:
    """A scenario that was played, with what it came to.

    Attributes:
        ending: None if the end was not reached.
        calls: those that were made until nothing more was to be done.
        problems: broken promises that need no comparison with another run.
    """

    scene: Scene
    ending: Ending | None
    calls: tuple[Call, ...]
    problems: tuple[str, ...]

    def wrong(self, reference: "Drill") -> list[str]:
        """Broken promises, and every difference from the undisturbed run."""
        if self.ending is None or reference.ending is None:
            return [*reference.problems, *self.problems]
        return [*self.problems, *self.ending.differences(reference.ending)]


class Stage:
    """Where drills are played, a few at a time."""

    def __init__(self, transport: ApiTransport, upstream: Upstream, nursery: Nursery, folder: Path) -> None:
        self.client = Client(transport)
        self.nursery = nursery
        self.folder = folder
        self._upstream = upstream

    async def scene(self, scenario: Scenario) -> Scene:
        """A fresh namespace with everything but a rollout."""
        namespace = f"drill-{uuid.uuid4().hex[:10]}"
        await self.client.create(NAMESPACES, "", {"metadata": {"name": namespace}})
        scene = (CountedScene if scenario.counted else Scene)(self.client, namespace, scenario)
        await scene.deploy()
        return scene

    def door(self, name: str, journal: Journal) -> Door:
        """A door to the API server, to be entered."""
        return Door(name, self._upstream, journal)

    @asynccontextmanager
    async def operator(
        self,
        scene: Scene,
        identity: str = "operator-0",
        lease: dict[str, str] | None = None,
        faults: Iterable[Fault] = (),
    ) -> AsyncIterator[tuple[Door, Supervisor]]:
        """An operator that is kept running behind a door of its own."""
        name = f"{scene.namespace}-{identity}"
        async with self.door(identity, scene.journal) as door:
            door.faults.extend(faults)
            environment = {
                "KUBECONFIG": str(door.kubeconfig(self.folder, name)),
                "MODELROLLOUT_NAMESPACES": scene.namespace,
                "MODELROLLOUT_IDENTITY": identity,
                "MODELROLLOUT_LEASE_NAMESPACE": scene.namespace,
                "MODELROLLOUT_PROBE_HOST": "127.0.0.1",
                "MODELROLLOUT_PROBE_PORT": "0",
                "MODELROLLOUT_SCALE": str(scene.scenario.counted).lower(),
                **{f"MODELROLLOUT_LEASE_{key}": value for key, value in (lease or LEASE).items()},
            }
            log = self.folder / f"{name}.log"
            supervisor = Supervisor(self.nursery, environment, scene.scenario.script, log)
            door.kill = supervisor.kill
            supervisor.start()
            try:
                yield door, supervisor
            finally:
                await supervisor.end()

    async def drill(self, scenario: Scenario, *faults: Fault) -> Drill:
        """Play the scenario with these faults in the way."""
        scene = await self.scene(scenario)
        async with scene.surroundings(), self.operator(scene, faults=faults) as (door, supervisor):
            try:
                await scenario.play(scene)
                await scene.until_calm(supervisor)
            except AssertionError as error:
                problem = f"{error}; the operator's last words: {supervisor.last_words()}"
                return Drill(scene, None, tuple(scene.journal.calls), (problem,))
            calls = tuple(scene.journal.calls)
            code = await supervisor.stop()
        problems = [f"an operator ended with {code}" for code in supervisor.crashes]
        # A fault that strikes while it takes its leave may be its death, or cost it the lease.
        problems += [f"SIGTERM ended it with {code}"] if code not in (0, -signal.SIGKILL, EXIT_CODE) else []
        problems += [f"the proxy failed: {problem!r}" for problem in door.problems]
        problems += violations(scene.journal, WEIGHTS, scene.readiness)
        ending = await read_ending(scene)
        return Drill(scene, ending, calls, tuple(problems))


T = TypeVar("T")


async def side_by_side(works: Iterable[Callable[[], Awaitable[T]]], at_once: int = 8) -> list[T]:
    """Do the works, so many at once."""
    free = asyncio.Semaphore(at_once)

    async def one(work: Callable[[], Awaitable[T]]) -> T:
        async with free:
            return await work()

    return await asyncio.gather(*(one(work) for work in works))


def some(of: Iterable[T], count: int, seed: int) -> list[T]:
    """A sample, the same for the same seed."""
    population = list(of)
    return random.Random(seed).sample(population, min(count, len(population)))  # noqa: S311 - a choice of tests
