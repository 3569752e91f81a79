"""A running local cluster, for programs: where it is reached, and how images, objects and charts get into it."""

import subprocess
from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path

from dev import commands, lifetime, network, node, paths, programs
from dev.errors import DevError


@dataclass(frozen=True, slots=True)
class Cluster:
    """A cluster that `python -m dev up` has brought up; `Cluster.running(name)` finds it.

    Args:
        name: as given to `--name`.
        folder: its state below `.cluster/`.
        layout: its addresses, all of which the machine reaches directly: pods and Services too.
        init: the first process of the box, by which its namespaces are entered.
    """

    name: str
    folder: Path
    layout: network.Layout
    init: int

    @classmethod
    def running(cls, name: str = paths.DEFAULT_NAME) -> "Cluster":
        """The running cluster of this name.

        Raises:
            DevError: there is none.
        """
        folder = paths.cluster_folder(name)
        noted = lifetime.state(folder)
        if not lifetime.holder(folder) or "init" not in noted:
            raise DevError(f"No cluster named {name!r} is running: start it with `python -m dev up --name {name}`.")
        return cls(name, folder, network.Layout(IPv4Network(noted["network"])), noted["init"])

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig; works from the machine."""
        return self.folder / "kubeconfig"

    @property
    def dns_address(self) -> str:
        """The Service address of DNS."""
        return str(self.layout.dns)

    @property
    def gateway_address(self) -> str:
        """The Service address of the Gateway `models` in namespace `gateway`; port 80."""
        return str(self.layout.services[20])

    @property
    def gateway_url(self) -> str:
        """The gateway, from the machine and from pods."""
        return f"http://{self.gateway_address}"

    @property
    def prometheus_address(self) -> str:
        """The Service address of Prometheus; port 9090."""
        return str(self.layout.services[21])

    @property
    def prometheus_url(self) -> str:
        """Prometheus, from the machine and from pods (there also `http://prometheus.monitoring:9090`)."""
        return f"http://{self.prometheus_address}:9090"

    def load_image(self, archive: Path) -> None:
        """Import an OCI archive; pods then use its name with `imagePullPolicy: Never` or `IfNotPresent`.

        Raises:
            DevError: containerd refused it; the message is containerd's.
        """
        inside = ["nsenter", "--target", str(self.init), "--mount", "--pid", "--net"]
        command = [*inside, "ctr", "--address", node.CONTAINERD_SOCKET, "--namespace", "k8s.io", "images", "import"]
        with archive.open("rb") as content:
            done = subprocess.run([*command, "-"], stdin=content, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise DevError(f"containerd did not import {archive.name}: {done.stderr.strip()}")

    def kubectl(self, *arguments: str, input: str | None = None) -> str:  # noqa: A002 (as subprocess.run calls it)
        """Run kubectl against the cluster; returns its output.

        Raises:
            DevError: it failed; the message is kubectl's.
        """
        return self._run(programs.KUBECTL, arguments, input)

    def helm(self, *arguments: str) -> str:
        """Run helm against the cluster; returns its output.

        Raises:
            DevError: it failed; the message is helm's.
        """
        return self._run(programs.HELM, arguments, None)

    def _run(self, program: programs.Program, arguments: tuple[str, ...], text: str | None) -> str:
        return commands.run([str(programs.path_of(program)), *arguments], self.kubeconfig, text)
