"""Where it is measured: one API server with etcd, one Prometheus, and operators that come and go."""

import asyncio
import json
import os
import random
import subprocess
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.operator import models
from benchmarks.operator.audit import Audit
from benchmarks.operator.programs import Operator, Prometheus
from benchmarks.operator.traffic import Traffic
from benchmarks.operator.witness import Witness
from dev import paths, programs
from dev.controlplane import ControlPlane
from dev.golang import go
from dev.progress import say, wait_until
from modelrollout.kube.client import Client
from modelrollout.kube.connect import connect
from modelrollout.kube.resources import MODELROLLOUTS, Obj, Resource
from modelrollout.kube.transport import Transport

OPERATOR, BENCHMARK = "bench:operator", "bench:measurement"
NAMESPACES = Resource("", "v1", "namespaces", "Namespace")
PATIENCE = 120.0


@dataclass(frozen=True, slots=True)
class Ground:
    """What all measurements share."""

    plane: ControlPlane
    client: Client
    traffic: Traffic
    prometheus: Prometheus
    audit: Audit
    chance: random.Random


@asynccontextmanager
async def ground(seed: int) -> AsyncIterator[Ground]:
    """Start everything but an operator; all of it ends with the block."""
    with ControlPlane(f"bench-{os.getpid()}", audit=True) as plane:
        _install(plane.kubeconfig)
        traffic = Traffic()
        await traffic.start()
        prometheus = Prometheus(plane.folder / "prometheus", traffic.address)
        client = Client(await _connected(plane))
        try:
            await until(prometheus.ready, "Prometheus")
            yield Ground(plane, client, traffic, prometheus, Audit(plane.audit_log), random.Random(seed))
        finally:
            await client.close()
            prometheus.stop()
            await traffic.stop()


@dataclass(slots=True)
class Stage:
    """A namespace with models, and an operator that serves it."""

    ground: Ground
    namespace: str
    names: list[str]
    witness: Witness
    operator: Operator
    generations: dict[str, int] = field(default_factory=dict)

    async def spread(self, patches: dict[str, Obj]) -> None:
        """Patch the specs of these rollouts, as fast as it goes."""

        async def patch(name: str, spec: Obj) -> None:
            patched = await self.ground.client.patch(MODELROLLOUTS, self.namespace, name, {"spec": spec})
            self.generations[name] = patched["metadata"]["generation"]

        await models.together(patch(name, spec) for name, spec in patches.items())

    async def all_in(self, *phases: str, names: list[str] | None = None) -> None:
        """Wait until all rollouts, or these, are in one of these phases since they were last patched."""

        def there(name: str) -> bool:
            status = self.witness.status(name)
            return status.get("phase") in phases and status["observedGeneration"] >= self.generations.get(name, 1)

        await self.witness.until(f"phase {' or '.join(phases)}", names or self.names, there)

    async def quiet(self) -> None:
        """Wait until the operator has said all that it had to say: for two seconds there was no request of it."""

        def silent() -> bool:
            entries = self.ground.audit.entries(self.namespace, OPERATOR)
            return time.time() - max((one.at for one in entries if one.model), default=0.0) > 2

        await until(silent, "the operator to be at rest")

    def asked_at(self, since: float) -> dict[str, float]:
        """When the measurement's own patch of each rollout was accepted, after `since`."""
        entries = self.ground.audit.entries(self.namespace, BENCHMARK, since=since)
        return {one.model: one.at for one in entries if one.kind == "patch modelrollouts"}

    async def first(self, name: str, since: float, true: Callable[[dict[str, int]], bool]) -> float:
        """When the operator's patch was answered that first gave the route such weights after `since`.

        Raises:
            RuntimeError: the API server counts other patches than were seen to change the route.
        """
        # An event may be there a little before the request that caused it is complete.
        end = time.monotonic() + 10
        while len(times := self._patched(name)) != len(changes := self.witness.changes[name]):
            if time.monotonic() > end:
                raise RuntimeError(f"{name}: {len(times)} patches of the route, but the changes {changes}")
            await asyncio.sleep(0.01)
        return next(at for at, weights in zip(times, changes, strict=True) if at >= since and true(weights))

    def _patched(self, name: str) -> list[float]:
        entries = self.ground.audit.entries(self.namespace, OPERATOR)
        ours = (one for one in entries if one.model == name and one.kind == "patch httproutes")
        return [one.at for one in ours if one.code == 200]


@asynccontextmanager
async def stage(ground: Ground, namespace: str, count: int, plan: Obj) -> AsyncIterator[Stage]:
    """Create models and start an operator, which has adopted them all when the block begins."""
    client = ground.client
    await client.create(NAMESPACES, "", {"metadata": {"name": namespace}})
    names = models.names(count)
    say(f"→ {count} models in {namespace}")
    await models.together(models.create(client, namespace, name, plan) for name in names)
    kubeconfig = ground.plane.kubeconfig_for(OPERATOR, ("system:masters",))
    operator = Operator(ground.plane.folder, kubeconfig, namespace, ground.prometheus.address)
    witness = Witness(client, namespace, ground.traffic, operator.check)
    try:
        await witness.start()
        await until(operator.ready, "the operator")
        started = Stage(ground, namespace, names, witness, operator)
        await started.all_in("Completed")
        await started.quiet()
        yield started
    finally:
        await asyncio.to_thread(operator.stop)
        await witness.stop()


async def until(condition: Callable[[], bool], what: str) -> None:
    """Wait for a condition that is found out in a thread.

    Raises:
        TimeoutError: it does not come true.
    """
    end = time.monotonic() + PATIENCE
    while not await asyncio.to_thread(condition):
        if time.monotonic() > end:
            raise TimeoutError(f"not within {PATIENCE:g} s: {what}")
        await asyncio.sleep(0.1)


async def _connected(plane: ControlPlane) -> Transport:
    os.environ["KUBECONFIG"] = str(plane.kubeconfig_for(BENCHMARK, ("system:masters",)))
    return await connect(agent="benchmark")


def _install(kubeconfig: Path) -> None:
    crds = [paths.CHECKOUT / "crds"]
    command = [str(go()), "mod", "download", "-json", "sigs.k8s.io/gateway-api"]
    environment = {**os.environ, "GOFLAGS": "-mod=readonly", "GOWORK": "off", "GOTOOLCHAIN": "local"}
    found = subprocess.run(
        command, cwd=paths.TOOLS / "gateway", env=environment, capture_output=True, text=True, check=True
    )
    folder = Path(json.loads(found.stdout)["Dir"]) / "config" / "crd" / "experimental"
    crds += [folder / f"gateway.networking.k8s.io_{plural}.yaml" for plural in ("httproutes", "grpcroutes")]
    for crd in crds:
        _kubectl(kubeconfig, "apply", "--server-side", f"--filename={crd}")
    # A CRD without any condition yet is an error to `kubectl wait`, not something to wait for.
    established = ("wait", "--for=condition=Established", "--timeout=5s", "crd", "--all")
    wait_until(lambda: _kubectl(kubeconfig, *established, check=False), "the resources to be served", PATIENCE)


def _kubectl(kubeconfig: Path, *arguments: str, check: bool = True) -> bool:
    program = str(programs.path_of(programs.KUBECTL))
    done = subprocess.run([program, f"--kubeconfig={kubeconfig}", *arguments], capture_output=True, check=check)
    return done.returncode == 0
