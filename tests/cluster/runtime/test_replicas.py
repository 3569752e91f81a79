"""Numbers of pods as weights on a real API server, with no rights but the chart's; the test is the kubelet."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from modelrollout.api.status import Verdict
from modelrollout.kube.client import Client
from modelrollout.kube.resources import AUTOSCALERS, DEPLOYMENTS, ENDPOINTSLICES, SERVICES, Obj
from modelrollout.reconciler.fake import ScriptedExaminer
from tests.cluster.chart.test_chart import rendered
from tests.cluster.chart.test_rights import own_kubeconfig
from tests.cluster.conftest import Kubectl
from tests.cluster.runtime.harness import Model, running, until

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


@pytest.fixture
async def counted(client: Client, namespace: str) -> CountedModel:
    model = CountedModel(client, namespace)
    await model.deploy()
    return model


@pytest.fixture
def account(
    kubectl: Kubectl, kubeconfig: Path, namespace: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The operator's account, with the rights that the chart gives it where it may scale."""
    documents = rendered(f"watchNamespaces[0]={namespace}", "rbac.scale=true", namespace=namespace)
    wanted = [each for each in documents if each["kind"] in ("ServiceAccount", "Role", "RoleBinding")]
    kubectl("apply", "-f", "-", stdin=yaml.safe_dump_all(wanted))
    monkeypatch.setenv("KUBECONFIG", str(own_kubeconfig(kubectl, kubeconfig, namespace, tmp_path)))


@pytest.mark.usefixtures("account")
async def test_pods_come_before_their_share_and_go_after_it_although_the_operator_dies_on_the_way(
    counted: CountedModel, namespace: str
) -> None:
    async with running(namespace, scale=True) as first:
        await counted.create()
        await counted.until_phase("Completed")
        await counted.target("v8")
        await counted.until_replicas(v7=10, v8=1)
        assert "version" not in await counted.selected() or (await counted.selected())["version"] == "v7"
        async with counted.kubelet():
            await counted.until_selected()
            await counted.until_replicas(v7=9, v8=5)
        await first.crash()
    async with counted.kubelet(), running(namespace, scale=True, identity="operator-1"):
        await counted.until_phase("Watching", "Completed")
        assert await counted.selected() == {"app": "fraud", "version": "v8"}
        await counted.until_replicas(v8=10)
        assert (await counted.status())["stable"] == "v8"


@pytest.mark.usefixtures("account")
async def test_a_bad_candidate_loses_all_pods_from_the_service_at_once_and_stable_grows_again(
    counted: CountedModel, namespace: str
) -> None:
    examiner = ScriptedExaminer()
    async with counted.kubelet(), running(namespace, examiner, scale=True):
        await counted.create(strategy={"canary": {"weights": [10, 50], "hold": "1h", "samples": 10}})
        await counted.until_phase("Completed")
        await counted.target("v8")
        await counted.until_replicas(v7=9, v8=1)
        examiner.verdict = Verdict.FAIL
        await counted.until_selected("v7")
        await counted.until_phase("RolledBack")
        await counted.until_replicas(v7=10)


@pytest.mark.usefixtures("account")
async def test_a_number_that_somebody_sets_in_a_run_is_set_back_and_an_autoscaler_is_refused(
    counted: CountedModel, namespace: str
) -> None:
    async with counted.kubelet(), running(namespace, scale=True):
        await counted.create(strategy={"canary": {"weights": [10, 50], "hold": "1h", "samples": 10}})
        await counted.until_phase("Completed")
        await counted.target("v8")
        await counted.until_replicas(v7=9, v8=1)
        await counted.scale("v7", 12)
        await counted.until_replicas(v7=9, v8=1)
        target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": f"{counted.name}-v8"}
        spec = {"scaleTargetRef": target, "minReplicas": 1, "maxReplicas": 5}
        await counted.client.create(AUTOSCALERS, namespace, {"metadata": {"name": "fraud-v8"}, "spec": spec})

        async def message() -> str:
            return str((await counted.status()).get("message"))

        await until("the autoscaler is named", message, lambda said: "HorizontalPodAutoscaler fraud-v8" in said)
