"""A model with two versions on a real API server, and an operator in this process whose evidence the test decides.

There is no kubelet and no gateway: the test writes EndpointSlices and the route's Accepted condition in their place.
"""

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any

from prometheus_client import CollectorRegistry

from modelrollout.handlers.feed import Feed
from modelrollout.kube.client import Client
from modelrollout.kube.clock import SystemClock
from modelrollout.kube.connect import connect
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
from modelrollout.kube.transport import ApiTransport
from modelrollout.reconciler.fake import ScriptedExaminer, ScriptedMonitor
from modelrollout.wiring.operator import Operator
from modelrollout.wiring.settings import Settings

PATIENCE = 20.0
"""Seconds after which something that should happen within two has not happened."""


class Model:
    """Version v7 with all the traffic of route `fraud`, version v8 beside it; everything is ready."""

    def __init__(self, client: Client, namespace: str, name: str = "fraud") -> None:
        self.client = client
        self.namespace = namespace
        self.name = name

    async def deploy(self) -> None:
        """Create Services, Deployments, EndpointSlices and the route."""
        for version in ("v7", "v8"):
            await self.client.create(SERVICES, self.namespace, self._service(version))
            await self.client.create(DEPLOYMENTS, self.namespace, self._deployment(version))
            await self.client.create(ENDPOINTSLICES, self.namespace, self._slice(version, ready=True))
        await self.client.create(HTTPROUTES, self.namespace, self._route())
        await self.accept()

    async def accept(self) -> None:
        """Let the gateway have accepted the route."""
        route = await self.client.get(HTTPROUTES, self.namespace, self.name)
        await self.client.replace(HTTPROUTES, self.namespace, self.name, {**route, "status": _accepted()}, "status")

    async def create(self, **spec: Any) -> Obj:
        """Create the ModelRollout, with v7 as target."""
        body = {
            "apiVersion": MODELROLLOUTS.api_version,
            "kind": MODELROLLOUTS.kind,
            "metadata": {"name": self.name, "namespace": self.namespace},
            "spec": self.spec(**spec),
        }
        return await self.client.create(MODELROLLOUTS, self.namespace, body)

    def spec(self, **more: Any) -> Obj:
        """A canary of five steps that need no longer than they must."""
        return {
            "versions": [self._version(version) for version in ("v7", "v8")],
            "target": "v7",
            "traffic": {"gatewayAPI": {"httpRoute": self.name}},
            "strategy": {"canary": {"weights": [1, 5, 25, 50, 75], "hold": "1s", "samples": 10}},
            "metrics": [
                {
                    "name": "errors",
                    "better": "Lower",
                    "proportion": {"bad": 'requests_total{code=~"5.."}', "total": "requests_total"},
                }
            ],
            "analysis": {"interval": "1s", "warmUp": "0s"},
            "watch": "1s",
            **more,
        }

    async def target(self, version: str) -> None:
        """Ask for that version, as a GitOps pipeline would."""
        await self.patch({"spec": {"target": version}})

    async def patch(self, patch: Obj) -> None:
        """Edit the ModelRollout."""
        await self.client.patch(MODELROLLOUTS, self.namespace, self.name, patch)

    async def ready(self, version: str, *, ready: bool) -> None:
        """Let the version have a ready endpoint, or none."""
        body = {"endpoints": self._slice(version, ready=ready)["endpoints"]}
        await self.client.patch(ENDPOINTSLICES, self.namespace, f"{self.name}-{version}-1", body)

    async def command(self, verb: str, **spec: Any) -> str:
        """Create a ModelRolloutCommand; returns its uid."""
        body = {
            "apiVersion": COMMANDS.api_version,
            "kind": COMMANDS.kind,
            "metadata": {"generateName": f"{verb.lower()}-", "namespace": self.namespace},
            "spec": {"rollout": self.name, "verb": verb, "by": "ana", **spec},
        }
        created = await self.client.create(COMMANDS, self.namespace, body)
        return str(created["metadata"]["uid"])

    async def status(self) -> Obj:
        """The status now."""
        found = await self.client.get(MODELROLLOUTS, self.namespace, self.name)
        return found.get("status") or {}

    async def weights(self) -> dict[str, int]:
        """Weights on the route now, versions without any left out."""
        route = await self.client.get(HTTPROUTES, self.namespace, self.name)
        refs = route["spec"]["rules"][0]["backendRefs"]
        return {ref["name"].rsplit("-", 1)[1]: ref["weight"] for ref in refs if ref.get("weight")}

    async def carriers(self) -> dict[str, Any]:
        """What else must be the same at the end of every run of the same story."""
        route = await self.client.get(HTTPROUTES, self.namespace, self.name)
        routes = (await self.client.list(HTTPROUTES, self.namespace)).items
        rules = [len(rule["backendRefs"]) for rule in route["spec"]["rules"]]
        return {"rules": rules, "routes": sorted(one["metadata"]["name"] for one in routes)}

    async def owner(self) -> str | None:
        """The owner annotation of the route."""
        route = await self.client.get(HTTPROUTES, self.namespace, self.name)
        found: str | None = (route["metadata"].get("annotations") or {}).get("modelrollout.io/owner")
        return found

    async def until_weights(self, **weights: int) -> None:
        """Wait until the route has exactly these weights."""
        await until(f"{self.name} has {weights}", self.weights, lambda found: found == weights)

    async def until_phase(self, *phases: str) -> Obj:
        """Wait for a phase; returns the status."""
        found = await until(f"{self.name} is {phases}", self.status, lambda status: status.get("phase") in phases)
        return dict(found)

    def _version(self, version: str) -> Obj:
        name = f"{self.name}-{version}"
        return {
            "name": version,
            "service": {"name": name, "port": 8080},
            "workload": {"kind": "Deployment", "name": name},
        }

    def _service(self, version: str) -> Obj:
        name = f"{self.name}-{version}"
        # No selector: the endpoints are the test's.
        return {"metadata": {"name": name}, "spec": {"ports": [{"name": "http", "port": 8080}]}}

    def _deployment(self, version: str) -> Obj:
        labels = {"app": f"{self.name}-{version}"}
        container = {"name": "model", "image": f"registry.invalid/model:{version}"}
        template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
        spec = {"selector": {"matchLabels": labels}, "template": template}
        return {"metadata": {"name": f"{self.name}-{version}"}, "spec": spec}

    def _slice(self, version: str, *, ready: bool) -> Obj:
        name = f"{self.name}-{version}"
        address = {"v7": "192.0.2.7", "v8": "192.0.2.8"}[version]
        pod = {"kind": "Pod", "namespace": self.namespace, "name": f"{name}-0"}
        return {
            "metadata": {"name": f"{name}-1", "labels": {"kubernetes.io/service-name": name}},
            "addressType": "IPv4",
            "ports": [{"name": "http", "port": 8080}],
            "endpoints": [{"addresses": [address], "conditions": {"ready": ready}, "targetRef": pod}],
        }

    def _route(self) -> Obj:
        refs = [
            {"name": f"{self.name}-{version}", "port": 8080, "weight": weight}
            for version, weight in (("v7", 1), ("v8", 0))
        ]
        return {
            "apiVersion": HTTPROUTES.api_version,
            "kind": HTTPROUTES.kind,
            "metadata": {"name": self.name, "namespace": self.namespace},
            "spec": {"parentRefs": [{"name": "gateway"}], "rules": [{"backendRefs": refs}]},
        }


def _accepted() -> Obj:
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    condition = {"type": "Accepted", "status": "True", "reason": "Accepted", "message": "", "lastTransitionTime": now}
    parent = {"parentRef": {"name": "gateway"}, "controllerName": "example.com/test", "conditions": [condition]}
    return {"parents": [parent]}


async def until(what: str, look: Callable[[], Any], enough: Callable[[Any], bool], patience: float = PATIENCE) -> Any:
    """Look until what is seen is enough; fails with what was seen last."""
    end = time.monotonic() + patience
    while True:
        seen = await look()
        if enough(seen):
            return seen
        if time.monotonic() > end:
            raise AssertionError(f"not within {patience:g} s: {what}; last seen: {seen}")
        await asyncio.sleep(0.05)


class Running:
    """An operator that has been started in this process."""

    def __init__(
        self,
        transport: ApiTransport,
        namespace: str,
        identity: str,
        examiner: ScriptedExaminer,
        home: str,
        **settings: Any,
    ) -> None:
        self.registry = CollectorRegistry()
        self.monitor = ScriptedMonitor()
        made = Settings(namespaces=(namespace,), lease_namespace=home, identity=identity, **settings)
        chance = random.Random(7)  # noqa: S311 - jitter, the same in every run
        self.operator = Operator(made, transport, examiner, self.monitor, SystemClock(), chance, self.registry)
        self.feed = Feed((namespace,), transport.credentials, self.operator.saw, chance, "harness")
        self._lead: asyncio.Task[None] | None = None
        self._hold: asyncio.Task[None] | None = None

    async def lead(self) -> None:
        """Become the leader, then reconcile in the background."""
        await self.operator.lease.acquire()
        self.feed.start()
        self._hold = asyncio.create_task(self.operator.lease.hold())
        self._lead = asyncio.create_task(self.operator.lead())

    async def until_known(self, resource: Resource, namespace: str, name: str) -> None:
        """Wait until its watch has brought the object: each kind has a watch of its own, and one may be faster."""

        async def known() -> bool:
            return self.operator.cache.get(resource, namespace, name) is not None

        await until(f"{resource} {name} is known", known, bool)

    async def crash(self) -> None:
        """Stop without a farewell: the lease is not given up, what was to be told is not."""
        for task in (self._lead, self._hold):
            if task is not None:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
        await self.feed.stop()

    async def stop(self) -> None:
        """Stop in good order."""
        await self.crash()
        await self.operator.end()


@contextlib.asynccontextmanager
async def running(
    namespace: str,
    examiner: ScriptedExaminer | None = None,
    identity: str = "operator-0",
    home: str = "",
    **settings: Any,
) -> AsyncIterator[Running]:
    """An operator that serves the namespace, and leads while the block runs; `home` is its own, by default the same."""
    transport = await connect()
    started = Running(transport, namespace, identity, examiner or ScriptedExaminer(), home or namespace, **settings)
    try:
        await started.lead()
        yield started
    finally:
        await started.stop()
        await transport.close()
