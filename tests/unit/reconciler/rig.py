"""A whole operator on an API server in memory, at a time that the test moves, and killed where the test says."""

# ruff: noqa: S311 - jitter, the same in every run

import asyncio
import contextlib
import json
import random
from collections.abc import AsyncIterator, Callable
from typing import Any

from prometheus_client import CollectorRegistry

from modelrollout.kube.fake import FakeServer
from modelrollout.kube.resources import (
    COMMANDS,
    DEPLOYMENTS,
    ENDPOINTSLICES,
    HTTPROUTES,
    MODELROLLOUTS,
    SERVICES,
    Obj,
    Resource,
)
from modelrollout.kube.transport import Reply, Request
from modelrollout.reconciler.fake import ScriptedExaminer, ScriptedMonitor
from modelrollout.wiring.operator import Operator
from modelrollout.wiring.settings import Settings
from tests.unit.decisions.world import a_spec
from tests.unit.kube.clock import FakeClock, settle

NAMESPACE = "risk"


def path(resource: Resource, name: str) -> str:
    return resource.path(NAMESPACE, name)


class Line:
    """The connection of one process to the server. `kill_at` writes it dies: before the write, or after it."""

    def __init__(self, server: FakeServer, kill_at: int | None = None, *, after: bool = False) -> None:
        self._server = server
        self._kill_at = kill_at
        self._after = after
        self.writes = 0
        self.dead = asyncio.Event()

    async def request(self, request: Request) -> Reply:
        counts = request.write and "leases" not in request.path
        fatal = counts and self.writes == self._kill_at
        self.writes += counts
        if (fatal and not self._after) or self.dead.is_set():
            await self._die()
        await asyncio.sleep(0)  # others go on while a request is under way
        reply = await self._server.request(request)
        if fatal:
            await self._die()
        return reply

    async def lines(self, request: Request) -> AsyncIterator[bytes]:
        async for line in self._server.lines(request):
            yield line

    async def close(self) -> None:
        """Nothing to give back."""

    async def _die(self) -> None:
        self.dead.set()
        await asyncio.Event().wait()


class Rig:
    """A server with rollout `fraud`, whose v7 has all the traffic and whose v8 is ready, and at most one operator."""

    def __init__(self, **spec: Any) -> None:
        self.server = FakeServer()
        self.clock = FakeClock()
        self.examiner, self.monitor = ScriptedExaminer(), ScriptedMonitor()
        self.line = Line(self.server)
        self.operator: Operator | None = None
        self.registry = CollectorRegistry()
        self._tasks: list[asyncio.Task[None]] = []
        self.restarts = 0
        self.settings: dict[str, Any] = {}
        self._generation = 0
        for version in ("v7", "v8"):
            self._serve(version)
        self.server.put(path(HTTPROUTES, "fraud"), _route())
        defaults: Obj = {"strategy": {"canary": {"weights": [5, 50], "hold": "2s", "samples": 10}}, "watch": "2s"}
        body = a_spec(**{**defaults, "analysis": {"interval": "1s", "warmUp": "0s"}, **spec})
        body["versions"] = body["versions"][:2]
        self.server.put(
            path(MODELROLLOUTS, "fraud"),
            {
                "apiVersion": MODELROLLOUTS.api_version,
                "kind": MODELROLLOUTS.kind,
                "metadata": {"namespace": NAMESPACE, "name": "fraud", "generation": 1, "uid": "uid-fraud"},
                "spec": body,
            },
        )

    async def start(self, kill_at: int | None = None, *, after: bool = False, fed: bool = True) -> None:
        """Start an operator; it dies at that write, if given. Not `fed`, it hears nothing but what it asks for."""
        self.line = Line(self.server, kill_at, after=after)
        where: dict[str, Any] = {"namespaces": (NAMESPACE,), "lease_namespace": "system", "prometheus_address": "x"}
        settings = Settings(**where, **self.settings, identity="pod")
        self.registry = CollectorRegistry()
        self.operator = Operator(
            settings, self.line, self.examiner, self.monitor, self.clock, random.Random(3), self.registry
        )
        await self.operator.lease.acquire()
        run = [self.operator.lead(), self.operator.lease.hold(), *([self._feed(self.operator)] if fed else [])]
        self._tasks = [asyncio.create_task(one) for one in run]
        await settle()

    async def kill(self) -> None:
        """End the operator as SIGKILL does."""
        for task in self._tasks:
            task.cancel()
        # What has begun hangs on a dead line and is never heard of again.
        mine = asyncio.current_task()
        for task in asyncio.all_tasks() - {mine}:
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []

    async def until(self, enough: Callable[[], bool], seconds: float = 120) -> None:
        """Let time pass until that holds; a dead operator is replaced by a new one."""
        for _ in range(int(seconds * 4)):
            if self.line.dead.is_set():
                await self.kill()
                self.restarts += 1
                await self.start()
            if enough():
                return
            await self.clock.advance(0.25)
        raise AssertionError(f"not within {seconds} s; status is {json.dumps(self.status)}, weights {self.weights}")

    def edit(self, name: str = "fraud", **fields: Any) -> None:
        """Edit a rollout's spec as a person would."""
        stored = self.server.objects[path(MODELROLLOUTS, name)]
        metadata = {**stored["metadata"], "generation": stored["metadata"]["generation"] + 1}
        self.server.put(
            path(MODELROLLOUTS, name), {**stored, "metadata": metadata, "spec": {**stored["spec"], **fields}}
        )

    def also(self, name: str) -> None:
        """Add another rollout, with a route and versions of its own, that is like `fraud` in all but its name."""
        for where, obj in list(self.server.objects.items()):
            if "fraud" in where:
                self.server.put(where.replace("fraud", name), json.loads(json.dumps(obj).replace("fraud", name)))

    def status_of(self, name: str) -> Obj:
        """The status of a rollout, empty before it has one."""
        found: Obj = self.server.objects[path(MODELROLLOUTS, name)].get("status") or {}
        return found

    def ready(self, version: str, *, ready: bool) -> None:
        """Let a version have a ready endpoint, or none."""
        stored = self.server.objects[path(ENDPOINTSLICES, f"fraud-{version}-1")]
        endpoint = {**stored["endpoints"][0], "conditions": {"ready": ready}}
        self.server.put(path(ENDPOINTSLICES, f"fraud-{version}-1"), {**stored, "endpoints": [endpoint]})

    def command(self, name: str, verb: str, **spec: Any) -> None:
        """A person creates a command."""
        self.server.put(
            path(COMMANDS, name),
            {
                "apiVersion": COMMANDS.api_version,
                "kind": COMMANDS.kind,
                "metadata": {"namespace": NAMESPACE, "name": name, "creationTimestamp": self.clock.now().isoformat()},
                "spec": {"rollout": "fraud", "verb": verb, "by": "ana", **spec},
            },
        )

    def delete(self, resource: Resource, name: str) -> None:
        """A person deletes an object, and the operator's watch tells it."""
        self.server.delete(path(resource, name))

    @property
    def rollout(self) -> Obj:
        return self.server.objects[path(MODELROLLOUTS, "fraud")]

    @property
    def status(self) -> Obj:
        found: Obj = self.rollout.get("status") or {}
        return found

    @property
    def phase(self) -> str:
        return str(self.status.get("phase"))

    @property
    def weights(self) -> dict[str, int]:
        refs = self.server.objects[path(HTTPROUTES, "fraud")]["spec"]["rules"][0]["backendRefs"]
        return {ref["name"].removeprefix("fraud-"): ref["weight"] for ref in refs if ref["weight"]}

    def writes(self, resource: Resource, method: str = "PATCH") -> list[Request]:
        """Requests of that method to objects of that kind."""
        start = resource.path(NAMESPACE)
        return [one for one in self.server.requests if one.method == method and one.path.startswith(start)]

    async def _feed(self, operator: Operator) -> None:
        """What kopf does: tell every event of our kinds."""

        async def watch(resource: Resource) -> None:
            query = {"resourceVersion": "0"}
            async for line in self.server.lines(Request("GET", resource.path(NAMESPACE), 60, query)):
                event = json.loads(line)
                operator.saw(resource, event["type"], event["object"])

        async with asyncio.TaskGroup() as group:
            for resource in (MODELROLLOUTS, COMMANDS):
                group.create_task(watch(resource))

    def deploy(self, version: str, image: str) -> None:
        """Let the version's pods run that image."""
        name = f"fraud-{version}"
        self._generation += 1
        template = {"spec": {"containers": [{"name": "model", "image": image}]}}
        self.server.put(
            path(DEPLOYMENTS, name),
            {
                "metadata": {"namespace": NAMESPACE, "name": name, "generation": self._generation},
                "spec": {"template": template, "selector": {"matchLabels": {"app": name}}},
            },
        )

    def _serve(self, version: str) -> None:
        name = f"fraud-{version}"
        where = {"namespace": NAMESPACE, "name": name}
        self.deploy(version, f"model:{version}")
        self.server.put(path(SERVICES, name), {"metadata": where, "spec": {"ports": [{"name": "http", "port": 8080}]}})
        pod = {"kind": "Pod", "name": f"{name}-0"}
        self.server.put(
            path(ENDPOINTSLICES, f"{name}-1"),
            {
                "metadata": {**where, "name": f"{name}-1", "labels": {"kubernetes.io/service-name": name}},
                "ports": [{"name": "http", "port": 8080}],
                "endpoints": [{"addresses": [version], "conditions": {"ready": True}, "targetRef": pod}],
            },
        )


def _route() -> Obj:
    refs = [{"name": f"fraud-{version}", "port": 8080, "weight": weight} for version, weight in (("v7", 1), ("v8", 0))]
    parent = {"name": "gateway"}
    accepted = {"type": "Accepted", "status": "True", "reason": "Accepted"}
    return {
        "apiVersion": HTTPROUTES.api_version,
        "kind": HTTPROUTES.kind,
        "metadata": {"namespace": NAMESPACE, "name": "fraud", "generation": 1},
        "spec": {"parentRefs": [parent], "rules": [{"backendRefs": refs}]},
        "status": {"parents": [{"parentRef": parent, "conditions": [accepted]}]},
    }
