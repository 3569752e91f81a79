"""Four light versions behind the gateway in a namespace of their own, and a rollout whose strategy a test chooses."""

import json
import string
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from dev.cluster import Cluster
from dev.visitors import Visitors
from tests.e2e.rollouts import Rollout

NAMESPACE = "copies"


@dataclass(frozen=True, slots=True)
class Manner:
    """How a version answers.

    Attributes:
        faults: share of its answers that fail.
        clicks: share of them that please their user.
        pause: seconds until it answers.
    """

    faults: float = 0.0
    clicks: float = 0.3
    pause: float = 0.0


HANGS = 3600.0
VERSIONS = {"v1": Manner(), "v2": Manner(clicks=0.5), "v3": Manner(faults=0.4), "v4": Manner(pause=HANGS)}
HERE = Path(__file__).parent

METRICS = [
    # As the gateway counts them: the copies under a name of their own.
    {
        "name": "errors",
        "better": "Lower",
        "series": "cluster",
        "proportion": {
            "bad": 'envoy_cluster_upstream_rq_xx{envoy_response_code_class="5"}',
            "total": "envoy_cluster_upstream_rq_xx",
        },
        "margin": {"ratio": 1.5, "floor": 0.05},
    },
    # As the versions count them.
    {
        "name": "slow",
        "better": "Lower",
        "latency": {"histogram": "answer_seconds", "above": "250ms"},
        "margin": {"difference": 0.1},
    },
]
GOAL = {
    "name": "clicks",
    "role": "Goal",
    "better": "Higher",
    "proportion": {"good": "clicks_total", "total": "answers_total"},
    "gain": {"difference": 0.02},
}


class Copies(Rollout):
    """The rollout, its route and its versions.

    Attributes:
        user: whom the API server takes who runs the tests for.
        host: by which users ask.
    """

    def __init__(self, cluster: Cluster, name: str = "copies") -> None:
        """Bring the versions up, if they are not there yet; the demo's images must be on the node."""
        super().__init__(cluster, name, NAMESPACE)
        self.host = f"{name}.example"
        self.user = cluster.kubectl("auth", "whoami", "--output=jsonpath={.status.userInfo.username}")
        space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
        cluster.kubectl("apply", "--filename=-", input=json.dumps(space))
        template = string.Template((HERE / "copies.yaml").read_text())
        for version, manner in VERSIONS.items():
            self.kubectl("apply", "--filename=-", input=template.substitute(name=version, **asdict(manner)))
        for version in VERSIONS:
            self.kubectl("rollout", "status", f"deployment/{version}", "--timeout=120s")

    def begin(self, strategy: dict[str, Any], beta: Mapping[str, str] | None = None, **spec: Any) -> None:
        """Route and rollout, with all traffic on version 1, adopted.

        Args:
            strategy: of the rollout.
            beta: a header by which the route has a rule of their own for some users, before the one for all others.
            spec: what else the rollout says.
        """
        metadata = {"name": self.name, "namespace": NAMESPACE}
        refs = [{"name": version, "port": 8080, "weight": int(version == "v1")} for version in VERSIONS]
        route = {
            "parentRefs": [{"name": "models", "namespace": "gateway"}],
            "hostnames": [self.host],
            "rules": [*_rules_for(beta or {}, refs), {"name": "predict", "backendRefs": refs}],
        }
        versions = [
            {
                "name": name,
                "service": {"name": name, "port": 8080},
                "workload": {"kind": "Deployment", "name": name},
            }
            for name in VERSIONS
        ]
        rollout = {
            "versions": versions,
            "target": "v1",
            "traffic": {"gatewayAPI": {"httpRoute": self.name}},
            "strategy": strategy,
            "metrics": METRICS,
            "analysis": {"interval": "1s", "warmUp": "0s", "dispersion": 1},
            "watch": "2s",
            **spec,
        }
        self.apply(
            {
                "apiVersion": "gateway.networking.k8s.io/v1",
                "kind": "HTTPRoute",
                "metadata": metadata,
                "spec": route,
            },
            {"apiVersion": "modelrollout.io/v1alpha1", "kind": "ModelRollout", "metadata": metadata, "spec": rollout},
        )
        self.until(lambda: self.status.get("stable") == "v1", "that version 1 is adopted")

    def remove(self) -> None:
        """Take rollout and route away again; the versions stay for the next test."""
        self.kubectl("delete", f"modelrollout/{self.name}", f"httproute/{self.name}", "--ignore-not-found")

    def visitors(self, rate: float = 60, users: Sequence[Mapping[str, str]] = ()) -> Visitors:
        """People who ask by the gateway, told apart by the version that answered, and by headers of their own."""
        return Visitors(self.cluster.gateway_url, rate, bytes.decode, {"Host": self.host}, users=users)

    def copies(self) -> list[dict[str, Any]]:
        """What the route copies to whom."""
        filters = self.get("httproute")["spec"]["rules"][0].get("filters") or []
        return [one["requestMirror"] for one in filters if one["type"] == "RequestMirror"]

    def answered(self, version: str) -> int:
        """Answers of a version, as it counts them itself; requests of users and copies alike."""
        return self._counted(version, "answers_total{")

    def came(self, version: str) -> int:
        """Requests that reached a version, whether or not it has answered them."""
        return self._counted(version, "came_total ")

    def _counted(self, version: str, name: str) -> int:
        path = f"/api/v1/namespaces/{NAMESPACE}/services/{version}:http/proxy/metrics"
        lines = self.cluster.kubectl("get", "--raw", path).splitlines()
        return int(sum(float(line.split()[-1]) for line in lines if line.startswith(name)))

    def phase(self, wanted: str) -> None:
        """Wait for a phase."""
        self.until(lambda: self.status["phase"] == wanted, f"phase {wanted}")

    def command(self, verb: str, reason: str = "a test", **more: Any) -> None:
        """A person uses a verb."""
        body = {
            "apiVersion": "modelrollout.io/v1alpha1",
            "kind": "ModelRolloutCommand",
            "metadata": {"generateName": f"{verb.lower()}-", "namespace": NAMESPACE},
            "spec": {"rollout": self.name, "verb": verb, "by": self.user, "reason": reason, **more},
        }
        self.kubectl("create", "--filename=-", input=json.dumps(body))

    def record(self) -> list[dict[str, Any]]:
        """Lines of the decision record, oldest first."""
        data = self.get("configmap", f"{self.name}-decisions").get("data") or {}
        return [json.loads(text) for _, text in sorted(data.items())]


def _rules_for(beta: Mapping[str, str], refs: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    headers = [{"name": name, "value": value} for name, value in beta.items()]
    return [{"name": "beta", "matches": [{"headers": headers}], "backendRefs": refs}] if headers else []
