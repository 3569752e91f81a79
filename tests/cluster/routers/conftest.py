"""The Gateway API's routes and Istio's on the API server, and the operator's own client to it."""

import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from dev import istio
from dev.golang import module
from modelrollout.kube.cache import Cache
from modelrollout.kube.client import Client
from modelrollout.kube.connect import connect
from modelrollout.kube.resources import BACKENDTRAFFICPOLICIES, VIRTUALSERVICES, Obj, Resource
from modelrollout.kube.trim import trim
from modelrollout.routers.gateway_api import GatewayApiRouter
from tests.cluster.conftest import Kubectl, until_served

PLURALS = ("httproutes", "grpcroutes")


@pytest.fixture(scope="session")
def gateway_api(kubectl: Kubectl) -> None:
    """HTTPRoute and GRPCRoute are served; those of a cluster that a person brought along stay as they are."""
    crds = [f"crd/{plural}.gateway.networking.k8s.io" for plural in PLURALS]
    if kubectl("get", *crds, check=False).returncode != 0:
        folder = module("gateway", "sigs.k8s.io/gateway-api") / "config" / "crd" / "experimental"
        for plural in PLURALS:
            file = folder / f"gateway.networking.k8s.io_{plural}.yaml"
            kubectl("apply", "--server-side", "-f", str(file))
    until_served(kubectl, *(f"{plural}.gateway.networking.k8s.io" for plural in PLURALS))


@pytest.fixture(scope="session")
def envoy_gateway_api(kubectl: Kubectl) -> None:
    """BackendTrafficPolicy is served; that of a cluster that a person brought along stays as it is."""
    crd = f"crd/{BACKENDTRAFFICPOLICIES}"
    if kubectl("get", crd, check=False).returncode != 0:
        charts = module("gateway", "github.com/envoyproxy/gateway") / "charts" / "gateway-helm" / "charts"
        file = f"gateway.envoyproxy.io_{BACKENDTRAFFICPOLICIES.plural}.yaml"
        kubectl("apply", "--server-side", "-f", str(charts / "crds" / "crds" / "generated" / file))
    until_served(kubectl, str(BACKENDTRAFFICPOLICIES))


@pytest.fixture(scope="session")
def istio_api(kubectl: Kubectl) -> None:
    """VirtualService is served; that of a cluster that a person brought along stays as it is."""
    crd = f"crd/{VIRTUALSERVICES}"
    if kubectl("get", crd, check=False).returncode != 0:
        kubectl("apply", "--server-side", "-f", "-", stdin=istio.crd(VIRTUALSERVICES.plural))
    until_served(kubectl, str(VIRTUALSERVICES))


class World:
    """A router with the operator's cache, which learns of foreign changes only when told to look."""

    def __init__(self, client: Client, namespace: str) -> None:
        self.client = client
        self.namespace = namespace
        self.cache = Cache(trim)
        self.router = GatewayApiRouter(client, self.cache)

    async def look(self, resource: Resource, name: str = "fraud") -> Obj:
        """Let the cache have the object as it is now."""
        found = await self.client.get(resource, self.namespace, name)
        self.cache.apply(resource, found)
        return found


@pytest.fixture
async def world(
    kubeconfig: Path, gateway_api: None, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[World]:
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    transport = await connect()
    yield World(Client(transport), namespace)
    await transport.close()


Apply = Callable[..., None]


@pytest.fixture
def apply_as(kubectl: Kubectl, namespace: str) -> Apply:
    """`apply_as("argocd-controller", route)` applies an object on the server's side as that manager."""

    def apply(manager: str, body: Obj, *more: str) -> None:
        body = {**body, "metadata": {"name": body["metadata"]["name"], "namespace": namespace}}
        options = ["--server-side", "--force-conflicts", f"--field-manager={manager}", *more]
        kubectl("apply", *options, "-f", "-", stdin=json.dumps(body))

    return apply
