"""One whole cluster for all end-to-end tests: operator from its chart, three versions of a real model, real users."""

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from dev.cluster import Cluster
from dev.demo import stage
from dev.limits import limit
from dev.up import cluster_for_tests

SET_UP_SECONDS = 3600.0
"""On a machine that has built nothing yet all programs and images are built first."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the time limit of a test be its own: what it shares with others is set up within the first of them."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(func_only=True))


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """The stage of the demo. MODELROLLOUT_E2E_CLUSTER names one that is up already and is left up."""
    running = os.environ.get("MODELROLLOUT_E2E_CLUSTER")
    with ExitStack() as lasting:
        with limit(SET_UP_SECONDS, "the stage of the demo"):
            if running:
                found = Cluster.running(running)
            else:
                found = lasting.enter_context(cluster_for_tests(f"e2e-{os.getpid()}"))
            stage.set_up(found)
        yield found


@pytest.fixture
def gateway_processes(cluster: Cluster) -> list[int]:
    """The processes of the one proxy through which all users come."""
    which = "--selector=gateway.envoyproxy.io/owning-gateway-name=models"
    path = '--output=jsonpath={.items[0].status.containerStatuses[?(@.name=="envoy")].containerID}'
    container = cluster.kubectl("get", "pods", "--all-namespaces", which, path)
    return list(_processes(container.removeprefix("containerd://")))


class OperatorPod:
    """The operator's pod, as somebody meets it who does not wish it well."""

    def __init__(self, cluster: Cluster) -> None:
        """The pod of the chart's one replica; the collector's stands in the same namespace."""
        self._cluster = cluster

    def kill(self) -> None:
        """SIGKILL its process; the kubelet starts another one in the same pod."""
        container = self._status("containerID").removeprefix("containerd://")
        killed = [pid for pid in _processes(container) if _is_operator(pid)]
        assert killed, "the operator runs"
        for pid in killed:
            os.kill(pid, signal.SIGKILL)

    def restarts(self) -> int:
        """How often its container was started again."""
        return int(self._status("restartCount"))

    def _status(self, field: str) -> str:
        path = f"jsonpath={{.items[0].status.containerStatuses[0].{field}}}"
        which = (f"--namespace={stage.OPERATOR_NAMESPACE}", "--selector=app.kubernetes.io/component=operator")
        return self._cluster.kubectl("get", "pods", *which, f"--output={path}")


def _processes(container: str) -> Iterator[int]:
    """Processes of one container; their control group names it."""
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                groups = (folder / "cgroup").read_text()
            except OSError:
                continue  # it ended while we looked
            if container in groups:
                yield int(folder.name)


def _is_operator(pid: int) -> bool:
    return b"modelrollout\0operator" in Path(f"/proc/{pid}/cmdline").read_bytes()


@pytest.fixture
def operator_pod(cluster: Cluster) -> OperatorPod:
    """The operator's pod."""
    return OperatorPod(cluster)
