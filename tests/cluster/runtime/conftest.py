"""A model on the API server, and the environment that the operator connects by."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from modelrollout.kube.client import Client
from modelrollout.kube.connect import connect
from tests.cluster.routers.conftest import envoy_gateway_api, gateway_api
from tests.cluster.runtime.harness import Model

__all__ = ["envoy_gateway_api", "gateway_api"]


@pytest.fixture
async def client(kubeconfig: Path, gateway_api: None, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Client]:
    """The operator's own client, for the test's own use."""
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    transport = await connect(agent="test")
    yield Client(transport)
    await transport.close()


@pytest.fixture
async def model(client: Client, namespace: str) -> Model:
    """Two versions behind a route, v7 with all the traffic."""
    found = Model(client, namespace)
    await found.deploy()
    return found
