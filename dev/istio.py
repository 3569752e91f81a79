"""Istio's control plane in a cluster, from its own charts, and a plain Envoy as the ingress gateway that it configures.

What differs from a plain installation, because Envoy comes from its wheel without Istio's own filters: no telemetry (so
there is no `istio_requests_total`), no exchange of metadata, no ALPN filter and no mutual TLS; nothing is injected
into pods. Istio leaves routes of the Gateway API to the other gateway.
"""

import re
import string
from pathlib import Path

from dev import golang, programs
from dev.components import MANIFESTS, Cluster
from dev.images import parts
from dev.progress import step

NAMESPACE = "istio-system"
GATEWAY = "istio-ingress/public"
"""What a VirtualService names under `gateways` to be served by the ingress."""

_INGRESS_NAMESPACE, _INGRESS = "istio-ingress", "ingress"
_CHARTS = Path("manifests/charts")
_CRDS = _CHARTS / "base/files/crd-all.gen.yaml"
_SECONDS = 120.0


def crd(plural: str) -> str:
    """The definition of one kind of networking.istio.io, as YAML."""
    documents = re.split(r"^---\n", (_module() / _CRDS).read_text(), flags=re.MULTILINE)
    return next(text for text in documents if f"\n  name: {plural}.networking.istio.io\n" in text)


def archive() -> Path:
    """The control plane's image, built where the cache does not have it."""
    return parts.of_program(parts.ISTIOD, programs.ISTIOD)


def install(cluster: Cluster) -> None:
    """Install control plane and ingress, or bring them up to date, and wait until both do their work."""
    image = archive()
    with step("Istio"):
        cluster.load_image(image)
        cluster.kubectl("apply", "--server-side", "--force-conflicts", f"--filename={_module() / _CRDS}")
        chart = str(_module() / _CHARTS / "istio-control/istio-discovery")
        where = ("--namespace", NAMESPACE, "--create-namespace")
        values = ("--values", str(MANIFESTS / "istiod-values.yaml"), f"--set=image={parts.ISTIOD}")
        cluster.helm("upgrade", "--install", "istiod", chart, *where, *values)
        _await(cluster, NAMESPACE, "istiod")
        ingress = string.Template((MANIFESTS / "istio-ingress.yaml").read_text())
        cluster.kubectl("apply", "--filename=-", input=ingress.safe_substitute(envoy=parts.ENVOY))
        _await(cluster, _INGRESS_NAMESPACE, _INGRESS)


def is_there(cluster: Cluster) -> bool:
    """Whether it was installed in this cluster."""
    found = cluster.kubectl("get", "namespace", _INGRESS_NAMESPACE, "--ignore-not-found", "--output=name")
    return bool(found)


def ingress_address(cluster: Cluster) -> str:
    """The Service address of the ingress; port 80."""
    path = "--output=jsonpath={.spec.clusterIP}"
    return cluster.kubectl("get", "service", _INGRESS, f"--namespace={_INGRESS_NAMESPACE}", path)


def _await(cluster: Cluster, namespace: str, deployment: str) -> None:
    seconds = f"--timeout={_SECONDS:.0f}s"
    cluster.kubectl("rollout", "status", f"--namespace={namespace}", f"deployment/{deployment}", seconds)


def _module() -> Path:
    return golang.module("istio", "istio.io/istio")
