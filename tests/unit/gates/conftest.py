"""A model server, an API server, and who asks both."""

from collections.abc import AsyncIterator

import pytest

from modelrollout.gates import GateFinder
from modelrollout.kube.client import Client
from modelrollout.kube.fake import FakeServer
from tests.unit.gates.pods import Pods
from tests.unit.kube.clock import FakeClock


@pytest.fixture
async def pods() -> AsyncIterator[Pods]:
    made = Pods()
    yield made
    await made.close()


@pytest.fixture
def server() -> FakeServer:
    return FakeServer()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def finder(server: FakeServer, clock: FakeClock) -> GateFinder:
    return GateFinder(Client(server), clock)
