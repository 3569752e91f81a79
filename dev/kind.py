"""The same demo on kind, where Docker is there: the node comes from kind, everything else from here."""

import ipaddress
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

from dev import commands, components, paths
from dev.errors import DevError
from dev.progress import step

CONFIG = paths.CHECKOUT / "kind-config.yaml"
NEEDED = ("docker", "kind", "kubectl", "helm")


@dataclass(frozen=True, slots=True)
class KindCluster:
    """A kind cluster with our gateway and Prometheus; the same verbs as `dev.cluster.Cluster`."""

    name: str
    folder: Path

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""
        return self.folder / "kubeconfig"

    @property
    def gateway_address(self) -> str:
        """The Service address of the gateway."""
        return _service(20)

    @property
    def gateway_url(self) -> str:
        """The gateway as pods reach it."""
        return f"http://{self.gateway_address}"

    @property
    def prometheus_address(self) -> str:
        """The Service address of Prometheus."""
        return _service(21)

    @property
    def dns_address(self) -> str:
        """The Service address of the DNS that kind brings."""
        return _service(10)

    def load_image(self, archive: Path) -> None:
        """Import an OCI archive into the node."""
        commands.run(["kind", "load", "image-archive", str(archive), "--name", self.name], self.kubeconfig)

    def kubectl(self, *arguments: str, input: str | None = None) -> str:  # noqa: A002 (as subprocess.run calls it)
        """Run kubectl; returns its output."""
        return commands.run(["kubectl", *arguments], self.kubeconfig, input)

    def helm(self, *arguments: str) -> str:
        """Run helm; returns its output."""
        return commands.run(["helm", *arguments], self.kubeconfig)


def _service(number: int) -> str:
    """An address of the Service range that kind-config.yaml names."""
    subnet = yaml.safe_load(CONFIG.read_text())["networking"]["serviceSubnet"]
    return str(ipaddress.ip_network(subnet)[number])


@contextmanager
def kind_cluster(name: str, *, keep: bool) -> Iterator[KindCluster]:
    """A kind cluster with gateway and Prometheus, deleted at the end unless it is kept.

    Raises:
        DevError: Docker, kind, kubectl or helm is missing, or one of them failed.
    """
    missing = [program for program in NEEDED if shutil.which(program) is None]
    if missing:
        raise DevError(f"CLUSTER=kind needs {', '.join(missing)} on the PATH: install them, or leave CLUSTER out.")
    if subprocess.run(["docker", "info"], capture_output=True, check=False).returncode != 0:
        raise DevError(
            "CLUSTER=kind needs a running Docker engine and `docker info` fails: start it, or leave CLUSTER out."
        )
    folder = paths.CLUSTERS / f"kind-{name}"
    folder.mkdir(parents=True, exist_ok=True)
    cluster = KindCluster(name, folder)
    try:
        with step(f"kind cluster {name!r}"):
            create = ["kind", "create", "cluster", "--name", name, "--config", str(CONFIG), "--wait", "120s"]
            commands.run(create, cluster.kubeconfig)
            components.load(cluster)
        components.install(cluster, dns=False)
        yield cluster
    finally:
        if not keep:
            commands.run(["kind", "delete", "cluster", "--name", name], cluster.kubeconfig)
            shutil.rmtree(folder)
