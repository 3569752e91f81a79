"""The promises of the product on a whole cluster: one test each, with real users all the while."""

import json
import time
from typing import Any

import pytest

from dev.cluster import Cluster
from dev.demo import stage
from tests.e2e.conftest import OperatorPod
from tests.e2e.rollouts import Record
from tests.e2e.watching import Scene


@pytest.fixture
def scene(cluster: Cluster) -> Scene:
    """Version 1 serves everybody and nothing goes on."""
    found = Scene(cluster)
    found.reach("v1")
    found.began = time.time()
    return found


def test_a_better_model_is_promoted_although_the_operator_is_killed_on_the_way(
    cluster: Cluster, scene: Scene, operator_pod: OperatorPod, record_property: Record
) -> None:
    restarts = operator_pod.restarts()
    scene.begin("v2")
    operator_pod.kill()
    scene.until(lambda: scene.weights.get("v2") == 250, "the second step")
    operator_pod.kill()
    scene.until(lambda: scene.status["run"]["state"] == "Done", "the end of the run")
    assert operator_pod.restarts() >= restarts + 2
    assert scene.status["run"]["outcome"] == "Promoted"
    assert scene.weights == {"v2": 1000}
    assert scene.condition("Ready")["status"] == "True"
    steps = [(line["decision"], line["weight"]) for line in stage.record(cluster, scene.status["run"]["id"])]
    assert steps == [
        ("RunStarted", 100), ("StepPassed", 100), ("StepPassed", 250), ("StepPassed", 500), ("Completed", 1000),
    ]  # fmt: skip
    assert scene.failed_answers() == []
    record_property("requests", scene.asked())


def test_a_degraded_model_is_taken_back_at_a_small_weight(cluster: Cluster, scene: Scene) -> None:
    scene.begin("v3")
    scene.until(lambda: scene.status["run"]["state"] == "Done", "the end of the run")
    assert scene.status["run"]["outcome"] == "RolledBack"
    assert max(line["weight"] for line in stage.record(cluster, scene.status["run"]["id"])) <= 250
    assert scene.weights == {"v1": 1000}
    assert scene.condition("Stalled")["reason"] == "RolledBack"
    assert [entry["version"] for entry in scene.status["rejected"]] == ["v3"]


def test_a_degraded_model_is_taken_back_although_the_operator_is_killed(
    cluster: Cluster, scene: Scene, operator_pod: OperatorPod
) -> None:
    scene.begin("v3")
    operator_pod.kill()
    scene.until(lambda: scene.status["run"]["state"] == "Done", "the end of the run")
    assert scene.status["run"]["outcome"] == "RolledBack"
    assert scene.weights == {"v1": 1000}


def test_weights_changed_by_hand_are_set_back(scene: Scene) -> None:
    scene.set_weights(v1=500, v2=500)
    scene.until(lambda: scene.weights == {"v1": 1000}, "the repair", 10)
    events = scene.cluster.kubectl(
        "get", "events", f"--namespace={stage.NAMESPACE}", "--field-selector=reason=TrafficRepaired", "--output=name"
    )
    assert events


def test_a_person_promotes_aborts_and_undoes_by_hand_without_a_failed_answer(scene: Scene) -> None:
    scene.begin("v2")
    assert scene.command("Promote", reason="looks good")["accepted"]
    scene.until(lambda: scene.weights.get("v2") == 250, "the next step", 5)
    assert scene.command("Abort", reason="changed my mind")["accepted"]
    scene.until(lambda: scene.weights == {"v1": 1000}, "all traffic back", 5)
    scene.until(lambda: scene.status["phase"] == "RolledBack", "the end of the run", 5)
    assert scene.command("Retry")["accepted"]
    scene.until(lambda: scene.weights.get("v2") == 100, "the first weight again", 20)
    assert scene.command("Promote", full=True)["accepted"]
    scene.until(lambda: scene.weights == {"v2": 1000}, "everything on v2", 5)
    scene.until(lambda: scene.status["phase"] == "Watching", "the watch", 5)
    assert scene.command("Undo")["accepted"]
    scene.until(lambda: scene.weights == {"v1": 1000}, "everything back on v1", 5)
    assert scene.failed_answers() == []


def test_a_revert_in_git_after_the_watch_is_one_write_without_a_failed_answer(scene: Scene) -> None:
    scene.patch(watch="1s")
    try:
        scene.begin("v2")
        assert scene.command("Promote", full=True)["accepted"]
        scene.until(lambda: scene.status["phase"] == "Completed", "the end of the watch", 30)
        before = int(scene.get("httproute")["metadata"]["generation"])
        scene.patch(target="v1")  # what a pipeline does with a reverted commit
        scene.until(lambda: scene.weights == {"v1": 1000}, "everything back on v1", 5)
        scene.until(lambda: scene.status["stable"] == "v1", "that it is told", 5)
    finally:
        scene.patch(watch="20s")
    assert scene.status["run"]["outcome"] == "Withdrawn"
    assert int(scene.get("httproute")["metadata"]["generation"]) == before + 1
    assert scene.failed_answers() == []


def test_twenty_switches_behind_the_gateway_fail_no_request(scene: Scene) -> None:
    canary = scene.get("modelrollout")["spec"]["strategy"]["canary"]
    scene.patch(strategy={"canary": None, "blueGreen": {"hold": "0s"}}, metrics=[])
    try:
        for flip in range(20):
            version = ("v2", "v1")[flip % 2]
            scene.patch(target=version)
            scene.until(lambda version=version: scene.weights == {version: 1000}, f"everything on {version}", 20)
            scene.until(lambda version=version: scene.status["stable"] == version, "that it is told", 20)
    finally:
        scene.patch(strategy={"canary": canary, "blueGreen": None}, metrics=scene.metrics)
    assert scene.failed_answers() == []


DURATION = "model_request_duration_seconds"
OF_EVERY_KIND = [
    {
        "name": "accuracy",
        "better": "Higher",
        "role": "Guardrail",
        "proportion": {"good": 'model_outcomes_total{correct="true"}', "total": "model_outcomes_total"},
        "margin": {"difference": 0.2},
        "slices": {"label": "instance", "maxValues": 3, "minSamples": 50},
    },
    {"name": "slow", "better": "Lower", "latency": {"histogram": DURATION, "above": "250ms"}},
    {"name": "p95", "better": "Lower", "quantile": {"histogram": DURATION, "quantile": 0.95}},
    {
        "name": "wrong-per-answer",
        "better": "Lower",
        "rate": {"events": 'model_outcomes_total{correct="false"}', "exposure": "model_outcomes_total"},
    },
    {
        "name": "duration",
        "better": "Lower",
        "mean": {"sum": f"{DURATION}_sum", "count": f"{DURATION}_count"},
        "margin": {"ratio": 3},
    },
    {"name": "drift", "distribution": {"histogram": DURATION, "margin": {"jensenShannon": 0.5}}},
    {
        "name": "agrees",
        "agreement": {"agreed": 'model_outcomes_total{correct="true"}', "total": "model_outcomes_total", "min": 0.5},
    },
    {"name": "up", "threshold": {"query": "count(up)", "min": 1}},
]
"""What the demo's users publish, asked in every way there is; none of it decides."""


def test_every_kind_of_metric_is_read_on_a_whole_cluster(scene: Scene) -> None:
    scene.patch(metrics=[{"series": "version", **one, "role": "Monitor"} for one in OF_EVERY_KIND])
    try:
        scene.begin("v2")
        # The hold begins anew with each command; meanwhile every metric is to show numbers.
        assert scene.command("Pause")["accepted"]
        scene.until(lambda: _measured(scene), "numbers of every kind", 90)
    finally:
        scene.command("Abort")
        scene.patch(metrics=scene.metrics)
    kinds = {one["name"]: one for one in scene.status["metrics"]}
    assert {one["verdict"] for one in kinds.values()} <= {"Pass", "Inconclusive", "Fail"}


def _measured(scene: Scene) -> bool:
    live = json.loads(scene.plugin("explain", stage.ROLLOUT, "--output=json"))
    found = {one["name"]: one.get("candidate") for one in live["metrics"]}
    return len(found) == len(OF_EVERY_KIND) and None not in found.values()


def test_a_candidate_that_loses_its_pods_gets_no_traffic_and_goes_on_when_it_is_back(scene: Scene) -> None:
    scene.begin("v2")
    scale = ("scale", "deployment/digits-v2", f"--namespace={stage.NAMESPACE}")
    scene.cluster.kubectl(*scale, "--replicas=0")
    try:
        scene.until(lambda: scene.weights == {"v1": 1000}, "no traffic for v2", 20)
        assert scene.status["run"]["reason"] == "CandidateUnavailable"
    finally:
        scene.cluster.kubectl(*scale, "--replicas=1")
    scene.until(lambda: scene.weights.get("v2") == 100, "traffic for v2 again", 60)


def _homeless(pod: dict[str, Any]) -> None:
    pod["nodeSelector"] = {"accelerator": "h100"}


def test_a_candidate_that_gets_no_node_says_so_at_once_and_gets_no_traffic(scene: Scene) -> None:
    with scene.also("v4", _homeless):
        scene.patch(target="v4")
        scene.until(lambda: "gets no node" in scene.status["message"], "the scheduler's reason", 10)
        assert "didn't match Pod's node affinity/selector" in scene.status["message"]
        assert scene.status["phase"] == "Pending"
        assert scene.weights == {"v1": 1000}
        scene.patch(target="v1")
        scene.until(lambda: scene.status["run"]["state"] == "Done", "that it is withdrawn", 10)
    assert scene.failed_answers() == []


def _dying(pod: dict[str, Any]) -> None:
    variables = {"MLSERVER_MODEL_URI": "/models/v2.joblib", "MLSERVER_MODEL_VERSION": "v5", "DIES_OF": "7"}
    pod["containers"][0]["env"] = [{"name": name, "value": value} for name, value in variables.items()]


def test_a_candidate_that_dies_of_certain_inputs_is_taken_back_at_the_first_weight(scene: Scene) -> None:
    with scene.also("v5", _dying):
        scene.patch(target="v5")
        scene.until(lambda: scene.weights.get("v5") == 100, "the first weight", 60)
        scene.until(lambda: scene.status["run"]["state"] == "Done", "the end of the run")
        run = scene.status["run"]
        assert run["outcome"] == "RolledBack"
        assert run["reason"] in {"GuardrailFailed", "ContainersRestart", "CandidateUnavailable"}
        assert max(line["weight"] for line in stage.record(scene.cluster, run["id"])) == 100
        assert scene.weights == {"v1": 1000}
        field = "--output=jsonpath={.items[*].status.containerStatuses[*].restartCount}"
        pods = ("get", "pods", f"--namespace={stage.NAMESPACE}", "--selector=version=v5")
        assert int(scene.cluster.kubectl(*pods, field)) > 0


def test_without_prometheus_the_first_weight_is_never_exceeded(scene: Scene) -> None:
    scale = ("scale", "deployment/prometheus", "--namespace=monitoring")
    scene.cluster.kubectl(*scale, "--replicas=0")
    try:
        scene.until(
            lambda: scene.cluster.kubectl("get", "pods", "--namespace=monitoring", "--output=name") == "",
            "no Prometheus",
            60,
        )
        scene.begin("v2")
        scene.until(lambda: scene.condition("AnalysisHealthy").get("status") == "False", "that it says so", 60)
        held = time.time() + 15  # the hold is 10 s
        scene.until(lambda: time.time() > held or scene.weights.get("v2", 0) > 100, "the hold to pass", 30)
        assert scene.weights == {"v1": 900, "v2": 100}
    finally:
        scene.cluster.kubectl(*scale, "--replicas=1")
    scene.until(lambda: scene.condition("AnalysisHealthy").get("status") == "True", "Prometheus again", 90)
    assert scene.status["run"]["state"] == "Trial"


def test_the_plugin_shows_the_rollout_at_one_look(scene: Scene) -> None:
    shown = scene.plugin("status", stage.ROLLOUT)
    assert "v1" in shown
    assert "100%" in shown
