"""What an InferenceService says about itself."""

import copy
from typing import Any

import pytest

from modelrollout.kube.resources import INFERENCESERVICES
from modelrollout.kube.trim import trim
from modelrollout.workloads.inference_service import InferenceServiceKind
from modelrollout.workloads.revision import references, revision

KIND = InferenceServiceKind()
SERVICE: dict[str, Any] = {
    "metadata": {"name": "fraud-v8", "namespace": "risk", "generation": 3},
    "spec": {
        "predictor": {
            "minReplicas": 1,
            "model": {
                "modelFormat": {"name": "sklearn", "version": "1"},
                "runtime": "mlserver",
                "protocolVersion": "v2",
                "storageUri": "s3://models/fraud/8",
                "args": ["--workers=1"],
                "env": [{"name": "LIMIT", "valueFrom": {"configMapKeyRef": {"name": "limits", "key": "fraud"}}}],
                "resources": {"requests": {"cpu": "1"}},
            },
        },
        "transformer": {
            "containers": [{"name": "kserve-container", "image": "features:4"}],
            "volumes": [{"name": "table", "secret": {"secretName": "keys"}}],
        },
    },
}


def of(service: dict[str, Any]) -> str:
    return revision("v8", "", KIND.pod_spec(service), {}, KIND.identity(service))


def edited(part: str, **fields: Any) -> dict[str, Any]:
    found = copy.deepcopy(SERVICE)
    *way, last = part.split(".")
    place = found["spec"]
    for step in way:
        place = place[step]
    place[last] = {**place.get(last, {}), **fields}
    return found


@pytest.mark.parametrize(
    "service",
    [
        edited("predictor.model", storageUri="s3://models/fraud/9"),
        edited("predictor.model", modelFormat={"name": "xgboost"}),
        edited("predictor.model", runtime="triton"),
        edited("predictor.model", runtimeVersion="1.7.1"),
        edited("predictor.model", protocolVersion="v1"),
        edited("predictor.model", args=["--workers=2"]),
        edited("predictor.model", env=[]),
        edited("predictor.model", image="model:9"),
        edited("transformer", containers=[{"name": "kserve-container", "image": "features:5"}]),
        edited("transformer", storageUris=[{"uri": "s3://features/4"}]),
        edited("explainer", art={"type": "SquareAttack"}),
        edited("predictor", containers=[{"name": "agent", "image": "agent:1"}]),
        edited("predictor", workerSpec={"containers": [{"name": "worker", "image": "worker:1"}]}),
    ],
)
def test_a_change_of_what_answers_changes_the_revision(service: dict[str, Any]) -> None:
    assert of(service) != of(SERVICE)


@pytest.mark.parametrize(
    "service",
    [
        edited("predictor", minReplicas=3, maxReplicas=9, scaleTarget=80, canaryTrafficPercent=10, timeout=5),
        edited("predictor.model", resources={}, readinessProbe={"periodSeconds": 1}),
        {
            **SERVICE,
            "metadata": {**SERVICE["metadata"], "labels": {"networking.kserve.io/visibility": "cluster-local"}},
        },
        {**SERVICE, "status": {"deploymentMode": "Standard"}},
    ],
)
def test_replicas_resources_labels_and_status_do_not_count(service: dict[str, Any]) -> None:
    assert of(service) == of(SERVICE)


def test_what_components_read_counts_like_what_other_workloads_read() -> None:
    assert references(KIND.pod_spec(SERVICE)) == {("ConfigMap", "limits"), ("Secret", "keys")}


def test_containers_of_two_components_are_told_apart() -> None:
    service = edited("predictor", containers=[{"name": "kserve-container", "image": "features:4"}])
    names = [one["name"] for one in KIND.pod_spec(service)["containers"]]
    assert names == ["predictor/model", "predictor/kserve-container", "transformer/kserve-container"]


def test_pods_of_all_components_are_its_pods() -> None:
    assert KIND.selector(SERVICE) == "serving.kserve.io/inferenceservice=fraud-v8"


def test_its_replicas_are_left_to_kserve() -> None:
    assert KIND.replicas(SERVICE) is None


def failed(transition: str) -> dict[str, Any]:
    failure = {"reason": "NoSupportingRuntime", "message": "No runtime found to support specified framework/version"}
    return {"modelStatus": {"transitionStatus": transition, "lastFailureInfo": failure}}


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({}, ""),
        ({"status": {"deploymentMode": "Standard", "modelStatus": {"transitionStatus": "InProgress"}}}, ""),
        ({"status": failed("InvalidSpec")}, "NoSupportingRuntime: No runtime found"),
        ({"status": failed("BlockedByFailedLoad")}, "NoSupportingRuntime"),
        ({"status": failed("UpToDate")}, ""),
        ({"status": {"deploymentMode": "Knative"}}, "is in Knative mode: annotate it with"),
        ({"status": {"deploymentMode": "Serverless"}}, "is in Serverless mode"),
        (
            {"annotations": {"serving.kserve.io/stop": "true"}},
            "is stopped: remove its annotation serving.kserve.io/stop",
        ),
        ({"annotations": {"serving.kserve.io/stop": "false"}}, ""),
    ],
)
def test_it_says_why_it_cannot_become_ready(more: dict[str, Any], said: str) -> None:
    service = {**SERVICE, "metadata": {**SERVICE["metadata"], "annotations": more.get("annotations", {})}}
    problem = KIND.problem({**service, "status": more.get("status", {})})
    assert said in problem
    assert bool(problem) == bool(said)


def test_what_is_kept_in_memory_says_the_same() -> None:
    service = {**SERVICE, "status": {**failed("InvalidSpec"), "conditions": [{"type": "Ready", "status": "False"}]}}
    service["metadata"] = {**SERVICE["metadata"], "annotations": {"serving.kserve.io/stop": "true"}}
    kept = trim(INFERENCESERVICES, service)
    assert of(kept) == of(service)
    assert KIND.problem(kept) == KIND.problem(service)
    assert "conditions" not in kept["status"]
