"""A model so small that many of its pods start in a second or two, for tests of what carries a model."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import copy
from typing import Any

from dev.cluster import Cluster
from dev.progress import wait_until
from dev.visitors import Visitors
from tests.e2e.rollouts import Rollout

PORT = 8080
SERVES = """
import os, random, time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

VERSION, FAULTS, EATS = os.environ["VERSION"], float(os.environ["FAULTS"]), int(os.environ["EATS"])
codes, eaten = Counter({200: 0, 500: 0}), []

class Model(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if self.path == "/metrics":
            lines = [f'small_answers_total{{code="{code}"}} {count}' for code, count in codes.items()]
            self.reply(200, "\\n".join([*lines, ""]))
        elif self.path == "/ready":
            self.reply(200, "ready")
        else:
            eaten.append(b"x" * EATS)
            code = 500 if random.random() < FAULTS else 200
            codes[code] += 1
            self.reply(code, VERSION)

    def reply(self, code, text):
        self.send_response(code)
        self.send_header("Content-Length", str(len(text)))
        # Prometheus takes no page of an unknown type.
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_):
        pass

class Server(ThreadingHTTPServer):
    request_queue_size = 128

Server(("", 8080), Model).serve_forever()
"""
ERRORS = {
    "name": "errors",
    "better": "Lower",
    "proportion": {"bad": 'small_answers_total{code="500"}', "total": "small_answers_total"},
    "margin": {"ratio": 1.5, "floor": 0.05},
}


def pod(version: str, *, faults: float = 0.0, eats: int = 0, **spec: Any) -> dict[str, Any]:
    """Template of the pods of a version: it fails so many of its answers and keeps so many bytes for each of them."""
    variables = {"VERSION": version, "FAULTS": str(faults), "EATS": str(eats)}
    server = {
        "name": "server",
        "image": "localhost/modelrollout-model:local",
        "imagePullPolicy": "Never",
        "command": ["python3", "-u", "/small/serves.py"],
        "env": [{"name": name, "value": value} for name, value in variables.items()],
        "ports": [{"name": "http", "containerPort": PORT}],
        "readinessProbe": {"httpGet": {"path": "/ready", "port": "http"}, "periodSeconds": 1, "timeoutSeconds": 3},
        # Who connects in the moment before every node has heard that the pod goes still finds it there.
        "lifecycle": {"preStop": {"sleep": {"seconds": 3}}},
        "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"memory": "96Mi"}},
        "volumeMounts": [{"name": "small", "mountPath": "/small"}],
    }
    scraped = {"prometheus.io/scrape": "true", "prometheus.io/port": str(PORT), "prometheus.io/path": "/metrics"}
    return {
        "metadata": {"labels": {"app": "small", "version": version}, "annotations": scraped},
        "spec": {
            "automountServiceAccountToken": False,
            "terminationGracePeriodSeconds": 5,
            "containers": [server],
            "volumes": [{"name": "small", "configMap": {"name": "small"}}],
            **spec,
        },
    }


def workload(kind: str, version: str, replicas: int, template: Mapping[str, Any]) -> dict[str, Any]:
    """A Deployment, StatefulSet or ReplicaSet of a version.

    The operator knows no more of ReplicaSets than of custom resources that its settings name.
    """
    name = f"small-{version}"
    spec: dict[str, Any] = {"replicas": replicas, "selector": {"matchLabels": {"app": "small", "version": version}}}
    if kind == "StatefulSet":
        spec |= {"serviceName": name, "podManagementPolicy": "Parallel"}
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name}, "spec": {**spec, "template": template}}


def service(name: str, **selector: str) -> dict[str, Any]:
    """A Service of pods of the small model."""
    spec = {"selector": {"app": "small", **selector}, "ports": [{"name": "http", "port": PORT, "targetPort": "http"}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}


class Small(Rollout):
    """A rollout of the small model in a namespace of its own, which goes with everything in it."""

    def __init__(self, cluster: Cluster, name: str, kind: str = "Deployment") -> None:
        """The namespace, the program, and nothing that runs yet; the workloads of all versions are of that kind."""
        super().__init__(cluster, "small", name)
        self.kind = kind
        cluster.kubectl("create", "namespace", name)
        program = {"metadata": {"name": "small"}, "data": {"serves.py": SERVES}}
        self.apply({"apiVersion": "v1", "kind": "ConfigMap", **program})

    def serve(self, version: str, replicas: int, template: Mapping[str, Any] | None = None) -> None:
        """A version with its Service."""
        self.apply(
            service(f"small-{version}", version=version),
            workload(self.kind, version, replicas, template or pod(version)),
        )

    def roll(self, *versions: str, **spec: Any) -> None:
        """The rollout, with the first version as its target; it is adopted when this returns."""
        listed = [
            {
                "name": version,
                "service": {"name": f"small-{version}", "port": PORT},
                "workload": {"apiVersion": "apps/v1", "kind": self.kind, "name": f"small-{version}"},
            }
            for version in versions
        ]
        first = versions[0]
        body = {"versions": listed, "target": first, "metrics": [ERRORS], "watch": "3s", **spec}
        body = {"analysis": {"interval": "2s", "warmUp": "0s", "dispersion": 1}, **body}
        made = {"apiVersion": "modelrollout.io/v1alpha1", "kind": "ModelRollout", "metadata": {"name": self.name}}
        self.until_ready(first)
        self.apply({**made, "spec": body})
        self.until(lambda: self.status.get("stable") == first, "the adoption", 30)

    def until_ready(self, version: str) -> None:
        """Wait until a version has all the replicas that it is to have, and some."""

        def ready() -> bool:
            wanted, found = self.replicas(version)
            return 0 < wanted == found

        wait_until(ready, f"the pods of {version}", 60)

    def beside(self, name: str) -> "Small":
        """Another rollout in the same namespace, of the same versions; it is not there yet."""
        other = copy(self)
        other.name = name
        return other

    @property
    def weights(self) -> dict[str, int]:
        """Weights on the route that the operator made, by version, those at 0 left out."""
        refs = self.get("httproute")["spec"]["rules"][0]["backendRefs"]
        return {ref["name"].removeprefix("small-"): ref["weight"] for ref in refs if ref["weight"]}

    @property
    def shown(self) -> dict[str, int]:
        """What the route, or the Service, gave each version when the status was last written.

        What is merely observed is no reason to write it: it may be older than what is.
        """
        found: dict[str, int] = self.status.get("weights", {}).get("observed", {})
        return found

    @property
    def selected(self) -> str:
        """The version whose pods the Service selects, "all" where it is not one."""
        return str(self.get("service")["spec"]["selector"].get("version", "all"))

    def replicas(self, version: str) -> tuple[int, int]:
        """Replicas that a version is to have, and those that are ready."""
        found = self.get(self.kind.lower(), f"small-{version}")
        return found["spec"]["replicas"], found["status"].get("readyReplicas", 0)

    def visitors(self, service: str = "small", rate: float = 80) -> Visitors:
        """Users who come to a Service, each with a connection of their own."""
        address = self.get("service", service)["spec"]["clusterIP"]
        return Visitors(f"http://{address}:{PORT}/ask", rate, bytes.decode, keep=False)


@contextmanager
def small(cluster: Cluster, name: str, kind: str = "Deployment") -> Iterator[Small]:
    """The small model, until it is no longer needed."""
    made = Small(cluster, name, kind)
    try:
        yield made
    finally:
        cluster.kubectl("delete", "namespace", name, "--wait=false")


def behind_gateway(host: str) -> dict[str, Any]:
    """`spec.traffic` of a route of the operator's own, for a host."""
    parent = {"name": "models", "namespace": "gateway"}
    match = {"path": {"type": "PathPrefix", "value": "/ask"}}
    return {"gatewayAPI": {"create": {"parentRefs": [parent], "hostnames": [host], "match": match}}}


def shares(visitors: Visitors, since: float) -> dict[str, float]:
    """The part of the good answers since then that each version gave."""
    versions = [one.version for one in visitors.since(since) if not one.failed]
    return {version: versions.count(version) / len(versions) for version in set(versions)}
