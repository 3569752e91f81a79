"""Managed scale on a real API server, with a custom resource beside a Deployment and no rights but the chart's."""

from pathlib import Path

import pytest
import yaml

from modelrollout.kube.client import Client
from modelrollout.kube.resources import AUTOSCALERS, DEPLOYMENTS, ENDPOINTSLICES, Obj, Resource
from tests.cluster.chart.test_chart import rendered
from tests.cluster.chart.test_rights import own_kubeconfig
from tests.cluster.conftest import Kubectl, until_served
from tests.cluster.runtime.harness import Model, running, until

SERVERS = Resource("example.com", "v1", "servers", "Server")
CRD = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "servers.example.com"},
    "spec": {
        "group": "example.com",
        "scope": "Namespaced",
        "names": {"plural": "servers", "singular": "server", "kind": "Server"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
                "subresources": {
                    "scale": {"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas"}
                },
            }
        ],
    },
}
KIND = {"group": "example.com", "version": "v1", "resource": "servers", "kind": "Server"}


class ScaledModel(Model):
    """v7 is a Deployment with two replicas, v8 a Server with none; the test is their kubelet."""

    async def deploy(self) -> None:
        await super().deploy()
        server = {"metadata": {"name": "fraud-v8"}, "spec": {"model": "s3://fraud/8", "replicas": 0}}
        body = {"apiVersion": SERVERS.api_version, "kind": SERVERS.kind, **server}
        await self.client.create(SERVERS, self.namespace, body)
        await self.client.patch(DEPLOYMENTS, self.namespace, "fraud-v7", {"spec": {"replicas": 2}})
        await self.pods("v7", 2)
        await self.pods("v8", 0)

    async def pods(self, version: str, count: int) -> None:
        """Let the version have so many ready pods."""
        number = {"v7": 7, "v8": 8}[version]
        endpoints = [{"addresses": [f"192.0.2.{number}{n}"], "conditions": {"ready": True}} for n in range(count)]
        body = {"endpoints": endpoints}
        await self.client.patch(ENDPOINTSLICES, self.namespace, f"fraud-{version}-1", body)

    async def until_replicas(self, resource: Resource, version: str, replicas: int) -> None:
        """Wait until the version's workload asks for so many."""

        async def look() -> int:
            found = await self.client.get(resource, self.namespace, f"fraud-{version}")
            return int(found["spec"]["replicas"])

        await until(f"{version} has {replicas} replicas", look, lambda found: found == replicas)

    def versions(self) -> list[Obj]:
        """v8 is no Deployment."""
        server = {"apiVersion": SERVERS.api_version, "kind": SERVERS.kind, "name": "fraud-v8"}
        return [self._version("v7"), {**self._version("v8"), "workload": server}]


@pytest.fixture
async def scaled(client: Client, namespace: str, kubectl: Kubectl) -> ScaledModel:
    kubectl("apply", "-f", "-", stdin=yaml.safe_dump(CRD))
    until_served(kubectl, "servers.example.com")
    model = ScaledModel(client, namespace)
    await model.deploy()
    return model


@pytest.fixture
def account(kubectl: Kubectl, kubeconfig: Path, namespace: str, tmp_path: Path) -> Path:
    """A kubeconfig of the operator's account, with the rights that the chart gives it where it may scale."""
    kinds = [f"customWorkloads[0].{key}={value}" for key, value in KIND.items()]
    documents = rendered(f"watchNamespaces[0]={namespace}", "rbac.scale=true", *kinds, namespace=namespace)
    wanted = [each for each in documents if each["kind"] in ("ServiceAccount", "Role", "RoleBinding")]
    kubectl("apply", "-f", "-", stdin=yaml.safe_dump_all(wanted))
    return own_kubeconfig(kubectl, kubeconfig, namespace, tmp_path)


async def test_a_custom_resource_is_scaled_up_before_its_traffic_and_the_old_deployment_down(
    scaled: ScaledModel, account: Path, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(account))
    async with running(namespace, scale=True, workloads=("example.com/v1/servers/Server",)):
        await scaled.create(
            versions=scaled.versions(),
            strategy={"canary": {"weights": [20], "hold": "1s", "samples": 10}},
            scale={"mode": "Managed", "scaleDownDelay": "5s"},
        )
        await scaled.until_phase("Completed")
        await scaled.target("v8")
        await scaled.until_replicas(SERVERS, "v8", 1)
        assert await scaled.weights() == {"v7": 1000}
        await scaled.pods("v8", 1)
        await scaled.until_weights(v7=800, v8=200)
        await scaled.until_replicas(SERVERS, "v8", 2)
        assert await scaled.weights() == {"v7": 800, "v8": 200}
        await scaled.pods("v8", 2)
        await scaled.until_weights(v8=1000)
        await scaled.until_replicas(DEPLOYMENTS, "v7", 0)
        status = await scaled.until_phase("Completed")
        assert status["run"]["revision"]
        assert status["stable"] == "v8"


async def test_a_workload_that_an_autoscaler_drives_is_left_to_it(
    scaled: ScaledModel, account: Path, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = {
        "scaleTargetRef": {"apiVersion": "example.com/v1", "kind": "Server", "name": "fraud-v8"},
        "minReplicas": 1,
        "maxReplicas": 5,
    }
    await scaled.client.create(AUTOSCALERS, namespace, {"metadata": {"name": "fraud-v8"}, "spec": spec})
    monkeypatch.setenv("KUBECONFIG", str(account))
    async with running(namespace, scale=True, workloads=("example.com/v1/servers/Server",)):
        await scaled.create(
            versions=scaled.versions(),
            strategy={"canary": {"weights": [20], "hold": "1s", "samples": 10}},
            scale={"mode": "Managed"},
        )
        await scaled.until_phase("Completed")
        await scaled.target("v8")
        await scaled.until_replicas(SERVERS, "v8", 1)
        await scaled.pods("v8", 1)
        await scaled.until_weights(v8=1000)
        found = await scaled.client.get(SERVERS, namespace, "fraud-v8")
        assert found["spec"]["replicas"] == 1
        conditions = {one["type"]: one["reason"] for one in (await scaled.status())["conditions"]}
        assert conditions["ReplicasManaged"] == "Autoscaled"


async def test_a_kind_that_the_operator_was_not_told_of_says_what_to_do(
    scaled: ScaledModel, account: Path, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(account))
    async with running(namespace):
        await scaled.create(versions=scaled.versions())
        await scaled.until_phase("Completed")
        await scaled.target("v8")
        status = await scaled.until_phase("Pending")
    assert "customWorkloads" in status["message"]
