"""Four light versions behind the gateway in a namespace of their own, and an experiment that a test chooses."""

import json
import string
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dev.cluster import Cluster
from dev.visitors import Visitors
from tests.e2e.rollouts import Rollout

NAMESPACE = "experiments"
VERSIONS = {"v1": (0.0, 0.30), "v2": (0.0, 0.30), "v3": (0.0, 0.40), "v4": (0.4, 0.30)}
"""Of each version the share of answers that fail, and of those that please their user."""
RATE = 100.0
HERE = Path(__file__).parent

METRICS = [
    {
        "name": "errors",
        "better": "Lower",
        "proportion": {"bad": 'answers_total{code="500"}', "total": "answers_total"},
        "margin": {"difference": 0.1},
    },
    {
        "name": "clicks",
        "role": "Goal",
        "better": "Higher",
        "proportion": {"good": "clicks_total", "total": "answers_total"},
        "gain": {"difference": 0},
    },
]


class Experiment(Rollout):
    """The rollout, its route and its versions."""

    def __init__(self, cluster: Cluster, name: str, versions: Mapping[str, tuple[float, float]] | None = None) -> None:
        """Bring the versions up, if they are not there yet; the demo's images must be on the node.

        Args:
            cluster: where.
            name: of the rollout and its route; its users ask for the host of that name.
            versions: as VERSIONS, which they are by default.
        """
        super().__init__(cluster, name, NAMESPACE)
        self.versions, self.host = versions or VERSIONS, f"{name}.example"
        space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
        cluster.kubectl("apply", "--filename=-", input=json.dumps(space))
        template = string.Template((HERE / "experiments.yaml").read_text())
        for version, (faults, clicks) in self.versions.items():
            body = template.substitute(name=version, faults=faults, clicks=clicks)
            self.kubectl("apply", "--filename=-", input=body)
        for version in self.versions:
            self.kubectl("rollout", "status", f"deployment/{version}", "--timeout=120s")

    def begin(
        self,
        strategy: dict[str, Any],
        candidates: list[str],
        traffic: dict[str, Any] | None = None,
        metrics: list[dict[str, Any]] | None = None,
    ) -> None:
        """Apply the route, unless the operator makes it, and the rollout; all traffic is on version 1 before."""
        if traffic is None:
            self.serve()
        versions = [
            {
                "name": name,
                "service": {"name": name, "port": 8080},
                "workload": {"kind": "Deployment", "name": name},
            }
            for name in self.versions
        ]
        rollout = {
            "versions": versions,
            "initialStable": "v1",
            "candidates": candidates,
            "traffic": traffic or {"gatewayAPI": {"httpRoute": self.name}},
            "strategy": strategy,
            "metrics": metrics or METRICS,
            "analysis": {"interval": "1s", "warmUp": "0s", "dispersion": 1},
            "watch": "2s",
        }
        metadata = {"name": self.name, "namespace": NAMESPACE}
        self.apply(
            {"apiVersion": "modelrollout.io/v1alpha1", "kind": "ModelRollout", "metadata": metadata, "spec": rollout}
        )

    def serve(self) -> None:
        """Apply the route, with all traffic on version 1."""
        refs = [{"name": version, "port": 8080, "weight": int(version == "v1")} for version in self.versions]
        spec = {
            "parentRefs": [{"name": "models", "namespace": "gateway"}],
            "hostnames": [self.host],
            "rules": [{"name": "predict", "backendRefs": refs}],
        }
        metadata = {"name": self.name, "namespace": NAMESPACE}
        kind = {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute"}
        self.apply({**kind, "metadata": metadata, "spec": spec})

    def remove(self) -> None:
        """Take rollout and route away again; the versions stay for the next test."""
        self.kubectl("delete", f"modelrollout/{self.name}", f"httproute/{self.name}", "--ignore-not-found")

    def visitors(self, rate: float = RATE, users: Sequence[Mapping[str, str]] = ()) -> Visitors:
        """People who ask by the gateway, told apart by the version that answered; users by headers of their own."""
        return Visitors(self.cluster.gateway_url, rate, bytes.decode, {"Host": self.host}, users=users)

    @property
    def weights(self) -> dict[str, int]:
        """Weights on the route by version, those at 0 left out."""
        found: Counter[str] = Counter()
        for ref in self.get("httproute")["spec"]["rules"][0]["backendRefs"]:
            found[ref["name"]] += ref["weight"]
        return {name: weight for name, weight in found.items() if weight}

    @property
    def kept(self) -> bool:
        """Whether anything keeps users on one version."""
        refs = self.get("httproute")["spec"]["rules"][0]["backendRefs"]
        policy = self.get("backendtrafficpolicy", f"{self.name}-modelrollout")
        return any("filters" in ref for ref in refs) or "loadBalancer" in policy["spec"]

    def arm(self, version: str) -> dict[str, Any]:
        """What the status says of a candidate, empty before it is one."""
        arms = self.status.get("run", {}).get("arms", [])
        return next((one for one in arms if one["version"] == version), {})
