"""Servers for measurements behind the gateway, in a namespace of their own."""

import json
import string
from collections.abc import Mapping
from pathlib import Path

from dev.cluster import Cluster

_TEMPLATE = Path(__file__).with_name("server.yaml")


def serve(cluster: Cluster, namespace: str, pauses: Mapping[str, float]) -> None:
    """Bring up a server of each name, which answers after so many seconds; the demo's images must be on the node."""
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
    cluster.kubectl("apply", "--filename=-", input=json.dumps(space))
    template = string.Template(_TEMPLATE.read_text())
    for name, pause in pauses.items():
        text = template.substitute(name=name, pause=pause, namespace=namespace)
        cluster.kubectl("apply", "--filename=-", input=text)
    for name in pauses:
        cluster.kubectl("rollout", "status", f"deployment/{name}", f"--namespace={namespace}", "--timeout=180s")
