"""The collector of the demo: a part of the operator's chart that the second act switches on."""

import json

from dev import paths
from dev.demo import stage

ADDRESS = f"http://modelrollout-collector.{stage.OPERATOR_NAMESPACE}:8090"
"""Where events and labels go."""
SECRET = "collector"  # noqa: S105 - a name
"""Name of the Secrets, in both namespaces, that hold the collector's token."""


def switch_on(cluster: stage.Cluster, token: str) -> None:
    """Start the collector, and wait until it is ready; whoever writes to it shows the token."""
    for namespace in (stage.OPERATOR_NAMESPACE, stage.NAMESPACE):
        secret = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": SECRET, "namespace": namespace},
            "stringData": {"token": token},
        }
        cluster.kubectl("apply", "--filename=-", input=json.dumps(secret))
    _upgrade(
        cluster,
        **{
            "enabled": "true",
            "tokenSecret.name": SECRET,
            # It lives as long as the demo does.
            "persistence.enabled": "false",
            "settle": "2",
            "podAnnotations.prometheus\\.io/port": "8080",
        },
    )


def switch_off(cluster: stage.Cluster) -> None:
    """End the collector, and forget what it kept."""
    _upgrade(cluster, enabled="false")


def metrics(cluster: stage.Cluster) -> str:
    """What the collector tells Prometheus."""
    proxy = f"/api/v1/namespaces/{stage.OPERATOR_NAMESPACE}/services/modelrollout-collector:http/proxy"
    return cluster.kubectl("get", f"--raw={proxy}/metrics")


def _upgrade(cluster: stage.Cluster, **values: str) -> None:
    chart = str(paths.CHECKOUT / "charts" / "modelrollout")
    where = (f"--namespace={stage.OPERATOR_NAMESPACE}", "--reuse-values")
    # An annotation is a text, whatever it looks like.
    settings = [
        f"--set{'-string' if 'nnotations' in key else ''}=collector.{key}={value}" for key, value in values.items()
    ]
    cluster.helm("upgrade", "modelrollout", chart, *where, *settings, "--wait", f"--timeout={stage.SECONDS:.0f}s")
