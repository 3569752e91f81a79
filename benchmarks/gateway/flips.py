"""Twenty switches of all traffic under load, with pins and without: failed requests, and the gateway's own counters."""

import json
import re
import time
from dataclasses import dataclass
from typing import Any
from urllib.request import urlopen

from benchmarks.gateway.servers import Manner, route, serve
from dev.cluster import Cluster
from dev.errors import DevError
from dev.progress import wait_until
from dev.visitors import Came, Visitors
from modelrollout.api import ServiceRef
from modelrollout.manifests.second_route import second_name, second_route

NAMESPACE, NAME, HOST = "flips", "flips", "flips.example"
VERSIONS = ("v1", "v2")
SERVICES = {version: ServiceRef(name=version, port=8080) for version in VERSIONS}
FLIPS, PAUSE = 20, 0.7
"""How often all traffic moves, and seconds between the first answer of one side and the next move."""
SECONDS = 60.0
_COUNTER = re.compile(r"^envoy_cluster_upstream_rq\{([^}]*)\} (\d+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Flips:
    """What twenty switches cost.

    Attributes:
        pinned: whether the second route was there.
        requests: sent in all.
        failed: of these, by status; 0 stands for no answer.
        answered: good answers that users got, by version.
        counted: increase of the gateway's counter of good answers from before the first switch to after the last one,
            by version; less than answered, or below zero, where the counter began anew.
        restarts: times that a counter was lower than before, or gone.
    """

    pinned: bool
    requests: int
    failed: dict[int, int]
    answered: dict[str, int]
    counted: dict[str, int]
    restarts: int


class Ground:
    """Two servers behind a route of the local cluster."""

    def __init__(self, cluster: Cluster) -> None:
        """Bring them up, in a namespace of their own; the image of the demo's model must be on the node."""
        self._cluster = cluster
        serve(cluster, NAMESPACE, dict.fromkeys(VERSIONS, Manner()))
        mine = "--selector=gateway.envoyproxy.io/owning-gateway-name=models"
        (proxy,) = json.loads(cluster.kubectl("get", "pods", "--all-namespaces", mine, "--output=json"))["items"]
        self._stats = f"http://{proxy['status']['podIP']}:19001/stats/prometheus"

    def remove(self) -> None:
        """Take everything away."""
        self._cluster.kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found")

    def measure(self, *, pinned: bool) -> Flips:
        """Twenty switches from a fresh route on."""
        self._routes(pinned=pinned)
        with self._visitors() as visitors:
            for version in VERSIONS[::-1] * 2:  # both clusters have been there before anything is counted
                self._flip(version, visitors)
            began, before, seen, restarts = time.time(), self._counters(), self._counters(), 0
            for flip in range(FLIPS):
                self._flip(VERSIONS[(flip + 1) % 2], visitors)
                now = self._counters()
                restarts += sum(now.get(version, -1) < seen.get(version, 0) for version in VERSIONS)
                seen |= now
            ended = time.time()
        counted = self._counters()
        came = [one for one in visitors.since(began) if one.sent < ended]
        after = visitors.since(ended)
        return Flips(
            pinned=pinned,
            requests=len(came),
            failed=_failed(came),
            answered={version: sum(one.version == version for one in [*came, *after]) for version in VERSIONS},
            counted={version: counted.get(version, 0) - before.get(version, 0) for version in VERSIONS},
            restarts=restarts,
        )

    def _visitors(self) -> Visitors:
        return Visitors(self._cluster.gateway_url, 150, bytes.decode, {"Host": HOST})

    def _flip(self, version: str, visitors: Visitors) -> None:
        operations = [
            {"op": "replace", "path": f"/spec/rules/0/backendRefs/{index}/weight", "value": 1000 * (one == version)}
            for index, one in enumerate(VERSIONS)
        ]
        moment = time.time()
        where = (f"--namespace={NAMESPACE}", "--type=json", f"--patch={json.dumps(operations)}")
        self._cluster.kubectl("patch", "httproute", NAME, *where)
        wait_until(
            lambda: any(one.version == version for one in visitors.since(moment)),
            f"an answer of {version}",
            SECONDS,
            pause=0.05,
        )
        time.sleep(PAUSE)

    def _routes(self, *, pinned: bool) -> None:
        where = f"--namespace={NAMESPACE}"
        self._cluster.kubectl("delete", "httproute", NAME, second_name(NAME), where, "--ignore-not-found")
        managed = _route()
        bodies = [managed, *([second_route(managed, NAME, "a-uid-of-no-rollout", SERVICES)] if pinned else [])]
        for body in bodies:
            # No rollout is there to own it, and the garbage collector would take it away at once.
            body["metadata"].pop("ownerReferences", None)
            self._cluster.kubectl("apply", "--filename=-", input=json.dumps(body))
        with self._visitors() as first:
            wait_until(lambda: any(not one.failed for one in list(first.came)), "the first answer", SECONDS, pause=0.1)

    def _counters(self) -> dict[str, int]:
        """Good answers by version, as Envoy counts them now; a version without a cluster is missing."""
        with urlopen(self._stats, timeout=10) as answer:  # noqa: S310 (our own proxy, by HTTP)
            page = answer.read().decode()
        found: dict[str, int] = {}
        for labels, value in _COUNTER.findall(page):
            for version in VERSIONS:
                if f'"service/{NAMESPACE}/{version}/8080/http"' in labels and 'envoy_response_code="200"' in labels:
                    found[version] = int(value)
        if not found:
            raise DevError("Envoy counts no answers of the versions: is mergeBackends set on the Gateway?")
        return found


def _route() -> dict[str, Any]:
    refs = [
        {"group": "", "kind": "Service", "name": version, "port": 8080, "weight": 1000 * (version == "v1")}
        for version in VERSIONS
    ]
    return route(NAME, HOST, {"backendRefs": refs})


def _failed(came: list[Came]) -> dict[int, int]:
    codes = [one.code for one in came if one.failed]
    return {code: codes.count(code) for code in sorted(set(codes))}
