"""Brings a whole cluster up, and gives it back as `Cluster`."""

import json
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from dev import components, extras, lifetime, network, node, paths, pki, prerequisites, supervise
from dev.box import HOME
from dev.cluster import Cluster
from dev.controlplane import ApiServer
from dev.errors import DevError
from dev.progress import step, wait_until

START_SECONDS = 90.0
API_PORT = 6443
ETCD_PORTS = (2379, 2380)


def bring_up(name: str = paths.DEFAULT_NAME, *, audit: bool = False, more: Sequence[str] = ()) -> Cluster:
    """Start a cluster with DNS, gateway and Prometheus that stays until `python -m dev down`.

    Args:
        name: names the cluster; two at once need two names.
        audit: keep an API server audit log at `<folder>/audit.log`.
        more: names in `extras.EXTRAS` of what is installed, too.

    Raises:
        DevError: something is missing that a person has to mend.
    """
    cluster, keeper = _bring_up(name, audit, more)
    supervise.let_go(keeper)
    return cluster


@contextmanager
def cluster_for_tests(name: str, *, audit: bool = False) -> Iterator[Cluster]:
    """A whole cluster for the length of a block, and not longer than the process that opened it."""
    cluster, keeper = _bring_up(name, audit)
    try:
        yield cluster
    finally:
        _end(name, keeper)


def _bring_up(name: str, audit: bool, more: Sequence[str] = ()) -> tuple[Cluster, subprocess.Popen[bytes]]:
    folder = paths.cluster_folder(name)
    prerequisites.check_abilities()
    prerequisites.install()
    lifetime.refuse_if_running(folder)
    lifetime.end(name)
    components.build()
    keeper = None
    try:
        with step(f"node of cluster {name!r}"):
            keeper = _start(folder, audit)
            cluster = Cluster.running(name)
            ready = f"https://{cluster.layout.node}:{API_PORT}/readyz"
            _await(keeper, lambda: supervise.answers(ready), folder, "the API server")
            components.load(cluster)
            components.await_node(cluster)
        components.install(cluster)
        extras.install(cluster, more)
    except BaseException:
        if keeper:
            _end(name, keeper)
        raise
    return cluster, keeper


def _end(name: str, keeper: subprocess.Popen[bytes]) -> None:
    if keeper.stdin:
        keeper.stdin.close()
    lifetime.end(name)
    keeper.wait()


def _start(folder: Path, audit: bool) -> subprocess.Popen[bytes]:
    logs = folder / "logs"
    logs.mkdir(parents=True)
    # Held until the route is there: a second cluster that starts meanwhile must see these addresses as taken.
    with network.allocation():
        layout = network.free(network.of_this_machine())
        _prepare(folder, layout, audit)
        keeper = supervise.spawn("dev.keeper", folder, logs / "keeper.log")
        _await(keeper, lambda: bool(lifetime.state(folder)), folder, "the box")
    return keeper


def _prepare(folder: Path, layout: network.Layout, audit: bool) -> None:
    def server(home: Path) -> ApiServer:
        return ApiServer(home, str(layout.node), API_PORT, ETCD_PORTS, str(layout.services), audit)

    authority = pki.Authority()
    server(folder).prepare(folder.name, authority, str(layout.services[1]))
    node.prepare(folder, folder.name, layout, server(folder), authority)
    # Inside the box the same folder has another, shorter path.
    supervise.write(folder / "processes.json", HOME / "logs", node.processes(layout, server(HOME)))
    (folder / "box.json").write_text(json.dumps({"network": str(layout.network)}))


def _await(keeper: subprocess.Popen[bytes], ready: Callable[[], bool], folder: Path, what: str) -> None:
    def ready_or_ended() -> bool:
        if keeper.poll() is not None:
            said = (folder / "logs" / "keeper.log").read_text().strip()
            raise DevError(f"The cluster ended while starting: {said or 'without a word'}")
        return ready()

    wait_until(ready_or_ended, what, START_SECONDS, pause=0.05)
