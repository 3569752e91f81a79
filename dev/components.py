"""DNS, gateway and Prometheus of a cluster: built, loaded, installed, and waited for."""

import shutil
import string
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

from dev import golang, programs
from dev.images import parts
from dev.progress import step, wait_until

MANIFESTS = Path(__file__).resolve().parent / "manifests"
SECONDS = 180.0
GATEWAY_NAMESPACE = "envoy-gateway-system"
BUILT = (
    programs.ETCD,
    programs.APISERVER,
    programs.CONTROLLER_MANAGER,
    programs.SCHEDULER,
    programs.KUBELET,
    programs.KUBE_PROXY,
    programs.KUBECTL,
    programs.HELM,
)


class Cluster(Protocol):
    """What the parts need of a cluster: `dev.cluster.Cluster` and `dev.kind.KindCluster` have it."""

    @property
    def folder(self) -> Path:
        """Where files of this cluster go."""

    @property
    def dns_address(self) -> str:
        """Service address of DNS."""

    @property
    def gateway_address(self) -> str:
        """Service address that the gateway is to have."""

    @property
    def prometheus_address(self) -> str:
        """Service address that Prometheus is to have."""

    def load_image(self, archive: Path) -> None:
        """Make an image known to the node."""

    def kubectl(self, *arguments: str, input: str | None = None) -> str:  # noqa: A002 (as subprocess.run calls it)
        """Run kubectl; returns its output."""

    def helm(self, *arguments: str) -> str:
        """Run helm; returns its output."""


def build() -> None:
    """Build every program and image that the cache does not have."""
    for program in BUILT:
        programs.path_of(program)
    parts.archives()


def load(cluster: Cluster) -> None:
    """Import the images of all parts."""
    with ThreadPoolExecutor(max_workers=2) as pool:
        list(pool.map(cluster.load_image, parts.archives()))


def install(cluster: Cluster, *, dns: bool = True) -> None:
    """Install all parts, DNS only where the cluster brings none, and wait until each does its work."""
    # DNS first: a gateway that starts before it waits for seconds before it asks again.
    with step("DNS and Prometheus"):
        for manifest in ("dns.yaml", "prometheus.yaml") if dns else ("prometheus.yaml",):
            cluster.kubectl("apply", "--filename", "-", input=_filled(cluster, manifest))
        _await_rollout(cluster, "kube-system", "coredns")
    with step("gateway"):
        _install_gateway(cluster)
    with step("Prometheus"):
        _await_rollout(cluster, "monitoring", "prometheus")


def _install_gateway(cluster: Cluster) -> None:
    values = cluster.folder / "gateway-values.yaml"
    values.write_text(_filled(cluster, "gateway-values.yaml"))
    chart = _chart(cluster.folder / "gateway-helm")
    into = ("--namespace", GATEWAY_NAMESPACE, "--create-namespace")
    cluster.helm("install", "eg", str(chart), *into, "--values", str(values), "--timeout", f"{SECONDS:.0f}s")
    cluster.kubectl("apply", "--filename", "-", input=_filled(cluster, "gateway.yaml"))
    _await_rollout(cluster, GATEWAY_NAMESPACE, "envoy-gateway")
    seconds = f"--timeout={SECONDS:.0f}s"
    cluster.kubectl("wait", "--namespace=gateway", "--for=condition=Programmed", "gateway/models", seconds)


def _chart(folder: Path) -> Path:
    """A copy of the chart that lies in the gateway's own Go module, with its values completed."""
    source = golang.module("gateway", "github.com/envoyproxy/gateway") / "charts" / "gateway-helm"
    shutil.copytree(source, folder, copy_function=shutil.copyfile)
    for made in [folder, *folder.rglob("*")]:
        # The module cache is read-only, folders included, and so would be its copy.
        made.chmod(0o755 if made.is_dir() else 0o644)
    template = string.Template((folder / "values.tmpl.yaml").read_text())
    filled = template.substitute(GatewayImage=parts.ENVOY_GATEWAY, GatewayImagePullPolicy="Never")
    (folder / "values.yaml").write_text(filled)
    return folder


def _filled(cluster: Cluster, manifest: str) -> str:
    return string.Template((MANIFESTS / manifest).read_text()).safe_substitute(
        coredns=parts.COREDNS,
        prometheus=parts.PROMETHEUS,
        envoy_gateway=parts.ENVOY_GATEWAY,
        envoy=parts.ENVOY,
        dns=cluster.dns_address,
        gateway_address=cluster.gateway_address,
        prometheus_address=cluster.prometheus_address,
    )


def _await_rollout(cluster: Cluster, namespace: str, deployment: str) -> None:
    seconds = f"--timeout={SECONDS:.0f}s"
    cluster.kubectl("rollout", "status", f"--namespace={namespace}", f"deployment/{deployment}", seconds)


def await_node(cluster: Cluster) -> None:
    """Wait until the node is ready for pods."""

    def ready() -> bool:
        path = '{.items[*].status.conditions[?(@.type=="Ready")].status}'
        return cluster.kubectl("get", "nodes", "--output", f"jsonpath={path}") == "True"

    wait_until(ready, "a ready node", 60)
