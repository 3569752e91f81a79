"""One whole cluster for all end-to-end tests: operator from its chart, three versions of a real model, real users."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from dev.cluster import Cluster
from dev.demo import stage
from dev.up import cluster_for_tests


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """The stage of the demo. MODELROLLOUT_E2E_CLUSTER names one that is up already and is left up."""
    running = os.environ.get("MODELROLLOUT_E2E_CLUSTER")
    if running:
        found = Cluster.running(running)
        stage.set_up(found)
        yield found
        return
    with cluster_for_tests(f"e2e-{os.getpid()}") as started:
        stage.set_up(started)
        yield started


class OperatorPod:
    """The operator's pod, as somebody meets it who does not wish it well."""

    def __init__(self, cluster: Cluster) -> None:
        """The pod of the chart's one replica."""
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
        return self._cluster.kubectl("get", "pods", f"--namespace={stage.OPERATOR_NAMESPACE}", f"--output={path}")


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
