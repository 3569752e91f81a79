"""Gates before a switch, with real model servers: a good version passes its golden requests, a worse one does not."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from dev.cluster import Cluster
from dev.demo import stage
from tests.e2e.rollouts import Rollout

NAME = "gated"
SECONDS = 30.0
INFER = "/v2/models/digits/infer"
WHERE = f"--namespace={stage.NAMESPACE}"

# Runs in the pod of a version: the held-out scans that it reads rightly, as golden requests.
CHOOSE = f"""
import json, urllib.request
held_out = json.load(open("/models/held-out.json"))
for pixels, label in list(zip(held_out["scans"], held_out["labels"]))[:30]:
    scan = {{"name": "pixels", "shape": [1, len(pixels)], "datatype": "UINT8", "data": pixels}}
    asked = urllib.request.Request("http://127.0.0.1:8080{INFER}", json.dumps({{"inputs": [scan]}}).encode())
    asked.add_header("Content-Type", "application/json")
    read = json.load(urllib.request.urlopen(asked))["outputs"][0]["data"]
    if read == [label]:
        request = {{"path": "{INFER}", "body": {{"inputs": [scan]}}}}
        print(json.dumps({{"request": request, "expect": {{"body": {{"outputs": [{{"data": [label]}}]}}}}}}))
"""


def version(name: str, serves: str = "") -> dict[str, Any]:
    """A version of the demo that declares which one its server says it has."""
    return {
        "name": name,
        "service": {"name": f"digits-{name}", "port": 8080},
        "workload": {"kind": "Deployment", "name": f"digits-{name}"},
        "model": {"name": "digits", "version": serves or name},
    }


class Gated(Rollout):
    """A Service and a blue/green rollout behind gates, beside the demo."""

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(cluster, NAME)
        chosen = cluster.kubectl("exec", WHERE, "deployment/digits-v2", "--", "python3", "-c", CHOOSE)
        assert len(chosen.splitlines()) > 20
        scan = json.loads(chosen.splitlines()[0])["request"]["body"]
        self._make({"kind": "ConfigMap", "data": {"requests.jsonl": chosen}})
        spec = {
            "selector": {"app": "digits", "version": "v1"},
            "ports": [{"name": "http", "port": 8080, "targetPort": "http"}],
        }
        self._make({"kind": "Service", "spec": spec})
        rollout = {
            "versions": [version("v1"), version("v2"), version("v3", serves="v9")],
            "target": "v1",
            "traffic": {"service": {"name": NAME}},
            "strategy": {"blueGreen": {"hold": "0s"}},
            "gates": [
                {"name": "warm", "warmUp": {"requests": 5, "path": INFER, "body": json.dumps(scan)}},
                {"name": "golden", "replay": {"configMap": NAME}},
            ],
            "watch": "0s",
        }
        self._make({"apiVersion": "modelrollout.io/v1alpha1", "kind": "ModelRollout", "spec": rollout})
        self.until(lambda: self.status.get("stable") == "v1", "the adoption", SECONDS)

    def _make(self, body: dict[str, Any]) -> None:
        metadata = {"name": NAME, "namespace": stage.NAMESPACE}
        self.apply({"apiVersion": "v1", **body, "metadata": metadata})

    def remove(self) -> None:
        """Take everything away again."""
        kinds = [f"{kind}/{NAME}" for kind in ("modelrollout", "service", "configmap")]
        self.kubectl("delete", *kinds, "--ignore-not-found")

    @property
    def selected(self) -> str:
        """The version whose pods the Service selects."""
        return str(self.get("service")["spec"]["selector"]["version"])


@pytest.fixture
def gated(cluster: Cluster) -> Iterator[Gated]:
    """The rollout, with version 1 serving."""
    made = Gated(cluster)
    yield made
    made.remove()


def test_a_good_version_is_switched_and_a_worse_or_a_wrong_one_is_never_served(gated: Gated) -> None:
    gated.patch(target="v2")
    gated.until(lambda: gated.selected == "v2", "the switch to v2", SECONDS)
    gated.until(lambda: gated.status["phase"] == "Completed", "the end of its watch", SECONDS)
    gates = [(one["name"], one["state"]) for one in gated.status["run"]["gates"]]
    assert gates == [("warm", "Passed"), ("golden", "Passed")]
    assert (gated.condition("ModelMatches")["status"], gated.condition("ModelMatches")["reason"]) == (
        "True",
        "Confirmed",
    )

    gated.patch(target="v3")
    gated.until(lambda: gated.status["phase"] == "Holding", "that another model is refused", SECONDS)
    assert gated.condition("ModelMatches")["reason"] == "VersionDiffers"
    assert "serves digits v3, and spec.versions declares digits v9" in gated.condition("ModelMatches")["message"]
    assert gated.selected == "v2"

    gated.patch(versions=[version("v1"), version("v2"), version("v3")])
    gated.until(lambda: gated.status["phase"] == "RolledBack", "the answers to golden requests", SECONDS)
    run = gated.status["run"]
    assert [(one["name"], one["state"]) for one in run["gates"]][-1] == ("golden", "Failed")
    assert "answers differ from the expected ones; the first: line" in run["message"]
    assert "exposedAt" not in run
    assert gated.selected == "v2"
