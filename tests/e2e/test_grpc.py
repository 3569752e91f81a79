"""Traffic by the weights of a GRPCRoute: the demo's model servers asked by gRPC, judged by what the gateway counts."""

from collections.abc import Iterator

import pytest

from dev.cluster import Cluster
from dev.demo import stage
from tests.e2e.rollouts import Record
from tests.e2e.users import Served

NAME, HOST = "called", "called.example"
VERSIONS = ("v1", "v2", "v3")

SERVICES = [
    {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": f"{NAME}-{version}", "namespace": stage.NAMESPACE},
        "spec": {
            "selector": {"app": "digits", "version": version},
            "ports": [{"name": "grpc", "port": 8081, "targetPort": 8081}],
        },
    }
    for version in VERSIONS
]
ROUTE = {
    "apiVersion": "gateway.networking.k8s.io/v1",
    "kind": "GRPCRoute",
    "metadata": {"name": NAME, "namespace": stage.NAMESPACE},
    "spec": {
        "parentRefs": [{"name": "models", "namespace": "gateway"}],
        "hostnames": [HOST],
        "rules": [
            {
                "name": "infer",
                "matches": [{"method": {"service": "inference.GRPCInferenceService", "method": "ModelInfer"}}],
                "backendRefs": [
                    {"name": f"{NAME}-{version}", "port": 8081, "weight": int(version == "v1")} for version in VERSIONS
                ],
            }
        ],
    },
}
ROLLOUT = {
    "apiVersion": "modelrollout.io/v1alpha1",
    "kind": "ModelRollout",
    "metadata": {"name": NAME, "namespace": stage.NAMESPACE},
    "spec": {
        "versions": [
            {
                "name": version,
                "service": {"name": f"{NAME}-{version}", "port": 8081},
                "workload": {"kind": "Deployment", "name": f"digits-{version}"},
            }
            for version in VERSIONS
        ],
        "target": "v1",
        "traffic": {"gatewayAPI": {"grpcRoute": NAME}},
        "strategy": {"canary": {"weights": [20, 50], "hold": "4s", "samples": 100}},
        "watch": "1s",
        "metrics": [
            {
                "name": "errors",
                "better": "Lower",
                "series": "cluster",
                "proportion": {
                    "bad": "envoy_cluster_grpc_ModelInfer_failure",
                    "total": "envoy_cluster_grpc_ModelInfer_total",
                },
                "margin": {"ratio": 1.5, "floor": 0.05},
            }
        ],
        "analysis": {"interval": "2s", "warmUp": "0s"},
    },
}


class Called(Served):
    """The route, its rollout, and users who call it."""

    def __init__(self, cluster: Cluster) -> None:
        """Set it up beside the demo, and wait until version 1 is adopted and answers."""
        super().__init__(cluster, NAME)
        self.apply(*SERVICES, ROUTE, ROLLOUT)
        self.until(lambda: self.status.get("stable") == "v1", "the adoption")
        asks = ("--grpc", f"--authority={HOST}", "--rate=40", "--patience=9")
        self.invite(f"{cluster.gateway_address}:80", asks)

    def remove(self) -> None:
        """Take everything away again."""
        mine = [f"{kind}/{NAME}" for kind in ("modelrollout", "grpcroute")]
        mine += [f"{kind}/{self.users}" for kind in ("deployment", "service")]
        self.kubectl("delete", *mine, *(f"service/{NAME}-{version}" for version in VERSIONS), "--ignore-not-found")

    @property
    def weights(self) -> dict[str, int]:
        """Weights on the route by version, those at 0 left out."""
        refs = self.get("grpcroute")["spec"]["rules"][0]["backendRefs"]
        return {ref["name"].removeprefix(f"{NAME}-"): ref["weight"] for ref in refs if ref["weight"]}


@pytest.fixture(scope="module")
def called(cluster: Cluster) -> Iterator[Called]:
    """The route and its rollout, with all users on version 1."""
    made = Called(cluster)
    yield made
    made.remove()


def test_a_good_version_is_promoted_and_no_call_fails(called: Called, record_property: Record) -> None:
    called.patch(target="v2")
    called.ends("v2", "Promoted")
    assert called.weights == {"v2": 1000}
    before = called.answers("v2")
    called.until(lambda: called.answers("v2") > before, "answers by the new version")
    assert called.failed("v1", "v2") == 0
    record_property("requests", called.asked())


def test_a_worse_version_is_taken_back_and_only_its_own_errors_were_seen(called: Called) -> None:
    stable = called.status["stable"]
    called.patch(target="v3")
    called.ends("v3", "RolledBack")
    assert called.weights == {stable: 1000}
    assert called.status["rejected"][-1]["version"] == "v3"
    assert "errors" in called.status["run"]["message"]
    assert called.failed("v1", "v2") == 0
    assert called.failed("v3") > 0
