"""Versions that KServe serves, on a real API server with KServe's own definition of an InferenceService."""

import asyncio
from collections.abc import Iterator

import pytest

from dev import kserve, paths
from modelrollout.kube.client import Client
from modelrollout.kube.resources import ENDPOINTSLICES, HTTPROUTES, INFERENCESERVICES, SERVICES, Obj
from modelrollout.workloads.inference_service import InferenceServiceKind
from tests.cluster.conftest import OWN, Kubectl, until_served
from tests.cluster.runtime.harness import Model, running, until

EXAMPLE = paths.CHECKOUT / "examples" / "kserve.yaml"
CRD = "crd/inferenceservices.serving.kserve.io"


class Served(Model):
    """The same model, each version an InferenceService."""

    async def deploy(self) -> None:
        """Everything but the InferenceServices."""
        for version in ("v7", "v8"):
            await self.client.create(SERVICES, self.namespace, self._service(version))
            await self.client.create(ENDPOINTSLICES, self.namespace, self._slice(version, ready=True))
        await self.client.create(HTTPROUTES, self.namespace, self._route())
        await self.accept()

    async def serve(self) -> None:
        """The InferenceServices, as KServe's webhook leaves them."""
        for version in ("v7", "v8"):
            await self.client.create(INFERENCESERVICES, self.namespace, self.inference_service(version))

    def inference_service(self, version: str) -> Obj:
        """One of them."""
        return {
            "apiVersion": INFERENCESERVICES.api_version,
            "kind": INFERENCESERVICES.kind,
            "metadata": {"name": f"{self.name}-{version}"},
            "spec": {
                "predictor": {
                    "minReplicas": 1,
                    "model": {
                        "modelFormat": {"name": "sklearn", "version": "1"},
                        "runtime": "mlserver",
                        "protocolVersion": "v2",
                        "storageUri": f"s3://models/fraud/{version}",
                        "env": [{"name": "WORKERS", "value": "1"}],
                    },
                },
                "transformer": {"containers": [{"name": "kserve-container", "image": "registry.invalid/features:4"}]},
            },
        }

    def _version(self, version: str) -> Obj:
        return {**super()._version(version), "workload": {"kind": "InferenceService", "name": f"{self.name}-{version}"}}


@pytest.fixture
def without_kserve(kubectl: Kubectl) -> Iterator[None]:
    """KServe is not installed, yet; in a cluster that a person brought along it stays as it is."""
    if kubectl("get", CRD, check=False).returncode == 0:
        assert OWN is not None, "a test before this one has left KServe's definition behind"
        pytest.skip("the cluster of one's own has KServe already")
    yield
    kubectl("delete", "--ignore-not-found", CRD)


async def install(kubectl: Kubectl) -> None:
    """Install KServe's definition and wait until the API server serves the kind."""
    await asyncio.to_thread(kubectl, "apply", "--server-side", "-f", "-", stdin=kserve.definition("inferenceservices"))
    await asyncio.to_thread(until_served, kubectl, str(INFERENCESERVICES))


async def test_an_operator_that_is_older_than_kserve_finds_inference_services_once_there_are_any(
    client: Client, kubectl: Kubectl, namespace: str, without_kserve: None
) -> None:
    model = Served(client, namespace)
    await model.deploy()
    async with running(namespace):
        await model.create()
        await model.until_phase("Completed")
        await model.target("v8")
        status = await model.until_phase("Pending")
        assert "v8 waits to be tried: its workload or Service was not found" in status["message"]
        assert list(await model.weights()) == ["v7"]

        await install(kubectl)
        await model.serve()
        await model.until_weights(v8=1000)
        await model.until_phase("Completed")

        # What a new model is, and what it is not.
        revision = (await model.status())["run"]["revision"]
        name = f"{model.name}-v8"
        await client.patch(INFERENCESERVICES, namespace, name, {"spec": {"predictor": {"minReplicas": 3}}})
        moved = {"spec": {"predictor": {"model": {"storageUri": "s3://models/fraud/v8-again"}}}}
        await client.patch(INFERENCESERVICES, namespace, name, moved)
        status = await until("the change is seen", model.status, _unproven)
        assert status["run"]["revision"] == revision


async def test_the_api_server_keeps_all_that_a_revision_is_made_of(
    client: Client, kubectl: Kubectl, namespace: str, without_kserve: None
) -> None:
    kind, model = InferenceServiceKind(), Served(client, namespace)
    await install(kubectl)
    await model.serve()
    wanted = model.inference_service("v8")
    stored = await client.get(INFERENCESERVICES, namespace, f"{model.name}-v8")
    assert kind.identity(stored) == kind.identity(wanted)
    assert kind.pod_spec(stored)["containers"] == kind.pod_spec(wanted)["containers"]


async def test_the_example_is_what_kserve_accepts(kubectl: Kubectl, namespace: str, without_kserve: None) -> None:
    await install(kubectl)
    kubectl("apply", "-n", namespace, "--dry-run=server", "-f", str(EXAMPLE))


def _unproven(status: Obj) -> bool:
    return any(one["type"] == "UnprovenChange" and one["status"] == "True" for one in status.get("conditions", []))
