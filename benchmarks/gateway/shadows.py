"""What users feel of a shadow: their latencies without one, with one that answers, fails, is dead or hangs, in turn."""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.gateway.servers import Manner, route, serve
from dev.cluster import Cluster
from dev.progress import wait_until
from dev.visitors import Visitors
from modelrollout.api import ServiceRef
from modelrollout.manifests.mirrors import mirror_filter

NAMESPACE, HOST = "shadows", "shadows.example"
RATE, SECONDS, SETTLE = 50.0, 10.0, 1.0
"""Requests a second, seconds of each measurement, and seconds after a change that are left out."""

SHADOWS = {"none": "", "answers": "good", "fails": "failing", "dead": "dead", "hangs": "hangs"}
"""What is measured, and the Service that gets a copy of every request meanwhile."""

_MANNERS = {
    "stable": Manner(),
    "good": Manner(),
    "failing": Manner(status=500),
    "dead": Manner(),
    "hangs": Manner(pause=3600.0),
}
_PATIENCE = 60.0


@dataclass(frozen=True, slots=True)
class Round:
    """What users got in some seconds while requests were copied.

    Attributes:
        shadow: which one, see `SHADOWS`.
        failed: requests without a good answer.
        took: latencies of the others, in milliseconds.
    """

    shadow: str
    failed: int
    took: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Shadowed:
    """All rounds of one shadow.

    Attributes:
        shadow: which one, see `SHADOWS`.
        rate: requests a second, each of them copied.
        requests, failed: of users.
        p50, p99: of all their latencies, in milliseconds.
        p50_of_rounds, p99_of_rounds: the same of each round, in order: how far they differ is what the machine does.
    """

    shadow: str
    rate: float
    requests: int
    failed: int
    p50: float
    p99: float
    p50_of_rounds: tuple[float, ...]
    p99_of_rounds: tuple[float, ...]


def summed(rounds: Sequence[Round]) -> Shadowed:
    """Sum up the rounds of one shadow."""
    whole = [took for one in rounds for took in one.took]
    return Shadowed(
        shadow=rounds[0].shadow,
        rate=RATE,
        requests=len(whole) + sum(one.failed for one in rounds),
        failed=sum(one.failed for one in rounds),
        p50=_quantile(whole, 0.5),
        p99=_quantile(whole, 0.99),
        p50_of_rounds=tuple(_quantile(one.took, 0.5) for one in rounds),
        p99_of_rounds=tuple(_quantile(one.took, 0.99) for one in rounds),
    )


def _quantile(values: Sequence[float], share: float) -> float:
    return round(float(np.quantile(values, share)), 2)


class Stage:
    """A server with users, and four that may get copies: one answers, one with 500, one has no pod, one hangs."""

    def __init__(self, cluster: Cluster) -> None:
        """Bring them up."""
        self._cluster = cluster
        serve(cluster, NAMESPACE, _MANNERS)
        cluster.kubectl("scale", "deployment/dead", f"--namespace={NAMESPACE}", "--replicas=0")
        self._copy_to("")
        with self._visitors() as first:
            wait_until(lambda: any(not one.failed for one in first.came), "an answer", _PATIENCE, pause=0.1)

    def remove(self) -> None:
        """Take everything away."""
        self._cluster.kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found")

    def measure(self, shadow: str) -> Round:
        """A few seconds of users."""
        self._copy_to(SHADOWS[shadow])
        with self._visitors() as users:
            time.sleep(SETTLE)
            began = time.time()
            time.sleep(SECONDS)
        came = users.since(began)
        took = tuple((one.received - one.sent) * 1000 for one in came if not one.failed)
        return Round(shadow, sum(one.failed for one in came), took)

    def _visitors(self) -> Visitors:
        return Visitors(self._cluster.gateway_url, RATE, bytes.decode, {"Host": HOST})

    def _copy_to(self, service: str) -> None:
        """The route, with a copy of every request to that Service, to nobody if it has no name."""
        filters = [mirror_filter(ServiceRef(name=service, port=8080), 1000)] if service else []
        rule = {"backendRefs": [{"name": "stable", "port": 8080}], "filters": filters}
        self._cluster.kubectl("apply", "--filename=-", input=json.dumps(route(NAMESPACE, HOST, rule)))
