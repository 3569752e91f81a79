"""Drills on a real API server."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from modelrollout.kube.connect import connect
from tests.cluster.faults.operators import Nursery
from tests.cluster.faults.proxy import Upstream
from tests.cluster.faults.stage import Stage
from tests.cluster.faults.sweeps import Sweeps
from tests.cluster.routers.conftest import gateway_api

__all__ = ["gateway_api"]


@pytest.fixture
async def stage(
    kubeconfig: Path, gateway_api: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Stage]:
    """Where drills are played."""
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    transport = await connect(agent="test")
    upstream = Upstream(await transport.credentials())
    async with Nursery() as nursery:
        yield Stage(transport, upstream, nursery, tmp_path)
    await upstream.close()
    await transport.close()


@pytest.fixture(scope="session")
def sweeps() -> Sweeps:
    """Undisturbed runs, played once for all tests."""
    return Sweeps()
