"""What users feel of a shadow: their latencies without one, with one that answers, is dead, or hangs, in turn."""

import json
import time
from dataclasses import dataclass

import numpy as np

from benchmarks.gateway.servers import serve
from dev.cluster import Cluster
from dev.progress import wait_until
from dev.visitors import Visitors
from modelrollout.api import ServiceRef
from modelrollout.manifests.mirrors import mirror_filter

NAMESPACE, HOST = "shadows", "shadows.example"
RATE, SECONDS, SETTLE = 50.0, 6.0, 1.0
"""Requests a second, seconds of each measurement, and seconds after a change that are left out."""

SHADOWS = {"none": "", "answers": "good", "dead": "dead", "hangs": "hangs"}
"""What is measured, and the Service that gets a copy of every request meanwhile."""

_PATIENCE = 60.0


@dataclass(frozen=True, slots=True)
class Shadowed:
    """What users got while requests were copied.

    Attributes:
        shadow: which one, see `SHADOWS`.
        requests, failed: of users.
        p50, p99: of their latencies, in milliseconds.
    """

    shadow: str
    requests: int
    failed: int
    p50: float
    p99: float


class Stage:
    """A server with users, and three that may get copies: one answers, one has no pod, one answers after an hour."""

    def __init__(self, cluster: Cluster) -> None:
        """Bring them up."""
        self._cluster = cluster
        serve(cluster, NAMESPACE, {"stable": 0.0, "good": 0.0, "dead": 0.0, "hangs": 3600.0})
        cluster.kubectl("scale", "deployment/dead", f"--namespace={NAMESPACE}", "--replicas=0")
        self._copy_to("")
        with self._visitors() as first:
            wait_until(lambda: any(not one.failed for one in first.came), "an answer", _PATIENCE, pause=0.1)

    def remove(self) -> None:
        """Take everything away."""
        self._cluster.kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found")

    def measure(self, shadow: str) -> Shadowed:
        """A few seconds of users."""
        self._copy_to(SHADOWS[shadow])
        with self._visitors() as users:
            time.sleep(SETTLE)
            began = time.time()
            time.sleep(SECONDS)
        came = users.since(began)
        took = np.array([one.received - one.sent for one in came if not one.failed]) * 1000
        return Shadowed(
            shadow=shadow,
            requests=len(came),
            failed=sum(one.failed for one in came),
            p50=round(float(np.quantile(took, 0.5)), 2),
            p99=round(float(np.quantile(took, 0.99)), 2),
        )

    def _visitors(self) -> Visitors:
        return Visitors(self._cluster.gateway_url, RATE, bytes.decode, {"Host": HOST})

    def _copy_to(self, service: str) -> None:
        """The route, with a copy of every request to that Service, to nobody if it has no name."""
        filters = [mirror_filter(ServiceRef(name=service, port=8080), 1000)] if service else []
        rule = {"name": "predict", "backendRefs": [{"name": "stable", "port": 8080}], "filters": filters}
        route = {
            "apiVersion": "gateway.networking.k8s.io/v1",
            "kind": "HTTPRoute",
            "metadata": {"name": "shadows", "namespace": NAMESPACE},
            "spec": {
                "parentRefs": [{"name": "models", "namespace": "gateway"}],
                "hostnames": [HOST],
                "rules": [rule],
            },
        }
        self._cluster.kubectl("apply", "--filename=-", input=json.dumps(route))
