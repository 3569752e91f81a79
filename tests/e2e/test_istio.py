"""Traffic by the weights of a VirtualService: the real istiod, and an Envoy that it configures, before real users."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from dev import extras, istio, paths
from dev.cluster import Cluster
from dev.demo import stage
from tests.e2e.rollouts import Record
from tests.e2e.users import Served

NAME, HOST = "meshed", "meshed.example"
VERSIONS = ("v1", "v2", "v3")

VIRTUAL_SERVICE: dict[str, Any] = {
    "apiVersion": "networking.istio.io/v1",
    "kind": "VirtualService",
    "metadata": {"name": NAME, "namespace": stage.NAMESPACE},
    "spec": {
        "hosts": [HOST],
        "gateways": [istio.GATEWAY],
        "http": [
            {
                "name": "primary",
                "match": [{"uri": {"prefix": "/v2/models/digits"}}],
                "headers": {"request": {"set": {"x-mesh": "1"}}},
                "timeout": "8s",
                "route": [
                    {"destination": {"host": "digits-v1", "port": {"number": 8080}}, "weight": 100},
                    {"destination": {"host": "digits-v2", "port": {"number": 8080}}},
                ],
            }
        ],
    },
}
# The model servers end a connection that was idle for 5 s; the proxy is to end it first.
DESTINATION_RULE = {
    "apiVersion": "networking.istio.io/v1",
    "kind": "DestinationRule",
    "metadata": {"name": NAME, "namespace": stage.NAMESPACE},
    "spec": {
        "host": f"*.{stage.NAMESPACE}.svc.cluster.local",
        "trafficPolicy": {"connectionPool": {"http": {"idleTimeout": "2s"}}},
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
                "service": {"name": f"digits-{version}", "port": 8080},
                "workload": {"kind": "Deployment", "name": f"digits-{version}"},
            }
            for version in VERSIONS
        ],
        "target": "v1",
        "traffic": {"istio": {"virtualService": NAME, "routes": ["primary"]}},
        "strategy": {"canary": {"weights": [20, 50], "hold": "4s", "samples": 100}},
        "watch": "1s",
        "metrics": [
            {
                "name": "errors",
                "better": "Lower",
                # Counted by the users: the versions' own counters have the demo's users, too.
                "series": "version",
                "proportion": {"bad": 'meshed_requests_total{code!="200"}', "total": "meshed_requests_total"},
                "margin": {"ratio": 1.5, "floor": 0.05},
            }
        ],
        "analysis": {"interval": "2s", "warmUp": "0s"},
    },
}


class Meshed(Served):
    """The VirtualService, its rollout, and users who come to it by Istio's ingress."""

    def __init__(self, cluster: Cluster) -> None:
        """Set it up beside the demo, and wait until version 1 is adopted and answers."""
        super().__init__(cluster, NAME)
        self.apply(DESTINATION_RULE, VIRTUAL_SERVICE, ROLLOUT)
        self.until(lambda: self.status.get("stable") == "v1", "the adoption")
        self.invite(f"http://{HOST}", hosts={HOST: istio.ingress_address(cluster)})

    def remove(self) -> None:
        """Take everything away again."""
        mine = [f"{kind}/{NAME}" for kind in ("modelrollout", "virtualservice", "destinationrule")]
        self.kubectl("delete", *mine, f"deployment/{self.users}", f"service/{self.users}", "--ignore-not-found")

    @property
    def weights(self) -> dict[str, int]:
        """Weights in the VirtualService by version, those at 0 left out."""
        (route,) = self.get("virtualservice")["spec"]["http"]
        weights = {one["destination"]["host"].split("-")[1]: one.get("weight", 0) for one in route["route"]}
        return {version: weight for version, weight in weights.items() if weight}


@pytest.fixture(scope="module")
def meshed(cluster: Cluster) -> Iterator[Meshed]:
    """Istio, the VirtualService and its rollout, with all users on version 1."""
    extras.install(cluster, ["istio"])
    made = Meshed(cluster)
    yield made
    made.remove()


def test_istio_accepts_the_example(meshed: Meshed) -> None:
    said = meshed.kubectl("apply", "--dry-run=server", f"--filename={paths.CHECKOUT / 'examples/istio.yaml'}")
    assert said.count("(server dry run)") == 4


def test_a_good_version_is_promoted_and_no_request_fails(meshed: Meshed, record_property: Record) -> None:
    meshed.patch(target="v2")
    meshed.ends("v2", "Promoted")
    assert meshed.weights == {"v2": 1000}
    before = meshed.answers("v2")
    meshed.until(lambda: meshed.answers("v2") > before, "answers by the new version")
    assert meshed.failed("v1", "v2") == 0
    record_property("requests", meshed.asked())
    (route,) = meshed.get("virtualservice")["spec"]["http"]
    asked = VIRTUAL_SERVICE["spec"]["http"][0]
    assert {key: route[key] for key in asked if key != "route"} == {key: asked[key] for key in asked if key != "route"}


def test_a_worse_version_is_taken_back_and_only_its_own_errors_were_seen(meshed: Meshed) -> None:
    stable = meshed.status["stable"]
    meshed.patch(target="v3")
    meshed.ends("v3", "RolledBack")
    assert meshed.weights == {stable: 1000}
    assert meshed.status["rejected"][-1]["version"] == "v3"
    assert "errors" in meshed.status["run"]["message"]
    assert meshed.failed("v1", "v2") == 0


def test_a_weight_that_somebody_writes_over_is_set_right_and_no_request_fails(meshed: Meshed) -> None:
    stable = meshed.status["stable"]
    (route,) = meshed.get("virtualservice")["spec"]["http"]
    hosts = [one["destination"]["host"] for one in route["route"]]
    drift = {f"digits-{stable}": 700, "digits-v1" if stable == "v2" else "digits-v2": 300}
    patch = [
        {"op": "replace", "path": f"/spec/http/0/route/{hosts.index(host)}/weight", "value": weight}
        for host, weight in drift.items()
    ]
    meshed.kubectl("patch", "virtualservice", NAME, "--type=json", f"--patch={json.dumps(patch)}")
    meshed.until(lambda: meshed.weights == {stable: 1000}, "the repair")
    assert meshed.failed("v1", "v2") == 0
