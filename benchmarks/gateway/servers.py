"""Servers for measurements behind the gateway, in a namespace of their own."""

import json
import string
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from dev.cluster import Cluster

_TEMPLATE = Path(__file__).with_name("server.yaml")


@dataclass(frozen=True, slots=True)
class Manner:
    """How a server answers.

    Attributes:
        pause: seconds until it does.
        status: of its answers.
    """

    pause: float = 0.0
    status: int = 200


def serve(cluster: Cluster, namespace: str, manners: Mapping[str, Manner]) -> None:
    """Bring up a server of each name, which answers in this manner; the demo's images must be on the node."""
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
    cluster.kubectl("apply", "--filename=-", input=json.dumps(space))
    template = string.Template(_TEMPLATE.read_text())
    for name, manner in manners.items():
        text = template.substitute(name=name, namespace=namespace, **asdict(manner))
        cluster.kubectl("apply", "--filename=-", input=text)
    for name in manners:
        cluster.kubectl("rollout", "status", f"deployment/{name}", f"--namespace={namespace}", "--timeout=180s")


def route(name: str, host: str, rule: Mapping[str, Any]) -> dict[str, Any]:
    """A route of the name of its namespace, for that host, with one rule named `predict`."""
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": name, "namespace": name},
        "spec": {
            "parentRefs": [{"name": "models", "namespace": "gateway"}],
            "hostnames": [host],
            "rules": [{"name": "predict", **rule}],
        },
    }
