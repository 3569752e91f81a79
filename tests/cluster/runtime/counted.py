"""A model whose versions share a Service, with the share of their pods as their share of the traffic."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from modelrollout.kube.resources import DEPLOYMENTS, ENDPOINTSLICES, SERVICES, Obj
from modelrollout.manifests.owners import OWNER
from modelrollout.manifests.selectors import WEIGHTS
from tests.cluster.runtime.harness import Model, until

TOTAL = 10


class CountedModel(Model):
    """Service `fraud` over the pods of v7, which has all of them, and v8, which has none."""

    async def deploy(self) -> None:
        await super().deploy()
        shared = {"metadata": {"name": self.name}, "spec": {"selector": {"app": "fraud"}, "ports": [{"port": 8080}]}}
        await self.client.create(SERVICES, self.namespace, shared)
        for version, replicas in (("v7", TOTAL), ("v8", 0)):
            spec = {"spec": {"selector": {"app": "fraud", "version": version}}}
            await self.client.patch(SERVICES, self.namespace, f"{self.name}-{version}", spec)
            await self.scale(version, replicas)
            await self._start_pods(version)

    async def scale(self, version: str, replicas: int) -> None:
        """As somebody else does it."""
        await self.client.patch(DEPLOYMENTS, self.namespace, f"{self.name}-{version}", {"spec": {"replicas": replicas}})

    async def replicas(self) -> dict[str, int]:
        """What the workloads ask for, versions without any left out."""
        found = {}
        for version in ("v7", "v8"):
            deployment = await self.client.get(DEPLOYMENTS, self.namespace, f"{self.name}-{version}")
            found[version] = int(deployment["spec"]["replicas"])
        return {version: count for version, count in found.items() if count}

    async def until_replicas(self, **replicas: int) -> None:
        """Wait until the workloads ask for these."""
        await until(f"replicas {replicas}", self.replicas, lambda found: found == replicas)

    async def selected(self) -> dict[str, str]:
        """Selector of the Service that clients use."""
        found = await self.client.get(SERVICES, self.namespace, self.name)
        return dict(found["spec"]["selector"])

    async def until_selected(self, version: str = "") -> None:
        """Wait until the Service selects that version's pods, or those of all."""
        wanted = {"app": "fraud", **({"version": version} if version else {})}
        await until(f"selector {wanted}", self.selected, lambda found: found == wanted)

    @asynccontextmanager
    async def kubelet(self) -> AsyncIterator[None]:
        """Let every version have as many ready pods as its workload asks for, a little later, while the block runs."""

        async def work() -> None:
            while True:
                for version in ("v7", "v8"):
                    await self._start_pods(version)
                await asyncio.sleep(0.2)

        task = asyncio.create_task(work())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])

    async def _start_pods(self, version: str) -> None:
        count, number = (await self.replicas()).get(version, 0), {"v7": 7, "v8": 8}[version]
        endpoints = [{"addresses": [f"192.0.2.{number}{n}"], "conditions": {"ready": True}} for n in range(count)]
        name = f"{self.name}-{version}-1"
        found = await self.client.get(ENDPOINTSLICES, self.namespace, name)
        if len(found.get("endpoints") or []) != count:
            await self.client.patch(ENDPOINTSLICES, self.namespace, name, {"endpoints": endpoints})

    def spec(self, **more: Any) -> Obj:
        ratio = {"service": self.name, "total": TOTAL, "scaleDownDelay": "5s"}
        strategy = {"canary": {"weights": [10, 50], "hold": "1s", "samples": 10}}
        return super().spec(**{"traffic": {"replicas": ratio}, "strategy": strategy, **more})

    async def weights(self) -> dict[str, int]:
        """Weights that the Service stands for, versions without any left out."""
        return shared_weights(await self.client.get(SERVICES, self.namespace, self.name))

    async def carriers(self) -> dict[str, Any]:
        """Selector and replicas."""
        return {"selected": await self.selected(), "replicas": await self.replicas()}

    async def owner(self) -> str | None:
        """The owner annotation of the Service."""
        found = await self.client.get(SERVICES, self.namespace, self.name)
        return (found["metadata"].get("annotations") or {}).get(OWNER)


def shared_weights(service: Obj) -> dict[str, int]:
    """What a Service over several versions says of their shares, versions without any left out."""
    version = service["spec"]["selector"].get("version")
    if version is not None:
        return {version: 1000}
    text = (service["metadata"].get("annotations") or {}).get(WEIGHTS)
    return {version: share for version, share in json.loads(text or "{}").items() if share}
