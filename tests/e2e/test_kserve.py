"""InferenceServices of the real KServe as versions: users keep the Host that KServe gave the first of them."""

import json
import string
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dev import extras
from dev.cluster import Cluster
from dev.demo import stage
from tests.e2e.rollouts import SECONDS, Record, Rollout

NAMESPACE = "kserve-digits"
NAME = "digits"
VERSIONS = ("v1", "v2", "v3")
SERVICES = Path(__file__).with_name("kserve.yaml")
INFER = "/v2/models/digits/infer"


def rollout(host: str) -> dict[str, Any]:
    """The rollout, with a route of its own beside those of KServe."""
    return {
        "apiVersion": "modelrollout.io/v1alpha1",
        "kind": "ModelRollout",
        "metadata": {"name": NAME, "namespace": NAMESPACE},
        "spec": {
            "versions": [
                {
                    "name": version,
                    "service": {"name": f"digits-{version}-predictor", "port": 80},
                    "workload": {"kind": "InferenceService", "name": f"digits-{version}"},
                }
                for version in VERSIONS
            ],
            "target": "v1",
            "traffic": {
                "gatewayAPI": {
                    "create": {
                        "parentRefs": [{"name": "models", "namespace": "gateway"}],
                        "hostnames": [host],
                        # An exact path comes before the pattern of KServe's own route, on every gateway.
                        "match": {"path": {"type": "Exact", "value": INFER}},
                    }
                }
            },
            "strategy": {"canary": {"weights": [20, 50], "hold": "4s", "samples": 100}},
            "watch": "1s",
            "metrics": [
                {
                    "name": "errors",
                    "better": "Lower",
                    "proportion": {
                        "bad": 'rest_server_requests_total{method="POST",status_code=~"5.."}',
                        "total": 'rest_server_requests_total{method="POST"}',
                    },
                    "margin": {"ratio": 1.5, "floor": 0.05},
                },
                {
                    "name": "accuracy",
                    "role": "Goal",
                    "better": "Higher",
                    "series": "version",
                    "proportion": {"good": 'model_outcomes_total{correct="true"}', "total": "model_outcomes_total"},
                    "gain": {"difference": 0},
                },
            ],
            "analysis": {"interval": "2s", "warmUp": "2s"},
        },
    }


class Team(Rollout):
    """The team's namespace: its InferenceServices, their users, and the rollout once there is one."""

    def __init__(self, cluster: Cluster) -> None:
        """Look at this cluster."""
        super().__init__(cluster, NAME, NAMESPACE)
        self.began = 0.0

    @property
    def host(self) -> str:
        """The Host that KServe gave the first InferenceService."""
        return str(self.get("inferenceservice", "digits-v1")["status"]["url"]).removeprefix("http://")

    @property
    def weights(self) -> dict[str, int]:
        """Weights on the rollout's route by version, those at 0 left out."""
        refs = self.get("httproute")["spec"]["rules"][0]["backendRefs"]
        return {ref["name"].split("-")[1]: ref["weight"] for ref in refs if ref["weight"]}

    def serve(self) -> None:
        """Let KServe bring the InferenceServices up."""
        self.cluster.kubectl("apply", "--filename=-", input=SERVICES.read_text())
        ready = [f"inferenceservice/digits-{version}" for version in VERSIONS]
        self.kubectl("wait", "--for=condition=Ready", *ready, f"--timeout={SECONDS:.0f}s")

    def invite(self) -> None:
        """Let users come, by the Host of the first InferenceService; only its name is resolved for them."""
        manifest = (
            (stage.MANIFESTS / "traffic.yaml").read_text().replace("namespace: digits", f"namespace: {NAMESPACE}")
        )
        manifest = manifest.replace("--rate=120", "--rate=40, --patience=9")
        users = string.Template(manifest).substitute(gateway=f"http://{self.host}", seed=1)
        alias = [{"ip": self.cluster.gateway_address, "hostnames": [self.host]}]
        users = users.replace("      containers:", f"      hostAliases: {json.dumps(alias)}\n      containers:", 1)
        self.kubectl("apply", "--filename=-", input=users)
        self.kubectl("rollout", "status", "deployment/traffic", f"--timeout={SECONDS:.0f}s")
        self.began = time.time()
        self.until(lambda: self.answers("v1") > 0, "answers by KServe's own route")

    def roll_out(self) -> None:
        """Create the rollout."""
        self.apply(rollout(self.host))
        self.until(lambda: self.status.get("stable") == "v1", "the adoption")

    def ends(self, version: str) -> str:
        """Outcome of the run of that version."""

        def done() -> bool:
            run = self.status.get("run") or {}
            return bool(run.get("target") == version and run["state"] in ("Done", "Watching"))

        self.until(done, f"the end of the run of {version}")
        return str(self.status["run"]["outcome"])

    def account(self) -> str:
        """Users and all that KServe made, too."""
        seen = self.kubectl("get", "modelrollouts,httproutes,inferenceservices,pods", "--output=wide")
        return f"users {self._seen()}\n{seen}\n{super().account()}"

    def answers(self, version: str) -> int:
        """Answers that users got from a version."""
        return int((self._seen().get(version) or {}).get("answers") or 0)

    def asked(self) -> int:
        """How many requests of users are over, whoever answered them."""
        return sum(int(one.get("answers") or 0) for one in self._seen().values())

    def failed(self, *versions: str) -> int:
        """Failed answers of these versions, or of nobody."""
        seen = self._seen()
        return sum(int((seen.get(version) or {}).get("failed") or 0) for version in (*versions, "unknown"))

    def _seen(self) -> dict[str, Any]:
        return self.seen_by("traffic", self.began, time.time() + 60)


@pytest.fixture(scope="module")
def team(cluster: Cluster) -> Iterator[Team]:
    """Users served by KServe's own route, then a rollout that takes the predictions over."""
    extras.install(cluster, ["kserve"])
    found = Team(cluster)
    found.serve()
    found.invite()
    found.roll_out()
    yield found
    cluster.kubectl("delete", "namespace", NAMESPACE, "--wait=false")


def test_a_better_inference_service_is_promoted_and_no_user_notices(team: Team, record_property: Record) -> None:
    team.patch(target="v2")
    assert team.ends("v2") == "Promoted"
    assert team.weights == {"v2": 1000}
    before = team.answers("v2")
    team.until(lambda: team.answers("v2") > before, "answers by the new version")
    assert team.failed("v1", "v2") == 0
    record_property("requests", team.asked())


def test_a_worse_inference_service_is_taken_back_and_only_its_own_errors_were_seen(team: Team) -> None:
    stable = team.status["stable"]
    team.patch(target="v3")
    assert team.ends("v3") == "RolledBack"
    assert team.weights == {stable: 1000}
    assert team.status["rejected"][-1]["version"] == "v3"
    assert "errors" in team.status["run"]["message"]
    assert team.failed("v1", "v2") == 0


def test_kserve_takes_its_host_back_when_the_rollout_is_deleted(team: Team) -> None:
    team.kubectl("delete", "modelrollout", NAME)
    before = team.answers("v1")
    team.until(lambda: team.answers("v1") > before, "answers by KServe's own route")
    assert team.failed("v1", "v2") == 0
