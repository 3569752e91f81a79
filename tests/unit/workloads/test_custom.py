"""Workloads of kinds that only the settings know."""

import pytest

from modelrollout.api import WorkloadRef
from modelrollout.kube.resources import Obj
from modelrollout.workloads.custom import CustomKind, UnreadableKind
from modelrollout.workloads.kinds import Kinds

ROLLOUT = CustomKind.named("argoproj.io/v1alpha1/rollouts/Rollout")
POD = {"containers": [{"name": "model", "image": "model:8"}]}


def test_a_setting_names_a_kind_as_the_api_server_does() -> None:
    assert ROLLOUT.resource.path("risk", "fraud", "scale") == (
        "/apis/argoproj.io/v1alpha1/namespaces/risk/rollouts/fraud/scale"
    )


@pytest.mark.parametrize("text", ["Rollout", "argoproj.io/v1alpha1/Rollout", "argoproj.io//rollouts/Rollout"])
def test_a_setting_that_names_no_kind_says_how_to_write_it(text: str) -> None:
    with pytest.raises(UnreadableKind, match="group/version/plural/Kind"):
        CustomKind.named(text)


def test_a_kind_is_known_by_its_api_version_too() -> None:
    kinds = Kinds([ROLLOUT])
    assert kinds.of(WorkloadRef(kind="Rollout", name="x", api_version="argoproj.io/v1alpha1")) is ROLLOUT
    stranger = WorkloadRef(kind="Rollout", name="x", api_version="example.com/v1")
    assert kinds.of(stranger) is None
    assert "customWorkloads" in kinds.unknown(stranger)


def test_with_a_pod_template_that_is_what_it_runs() -> None:
    workload: Obj = {"spec": {"replicas": 3, "template": {"spec": POD}}}
    assert ROLLOUT.pod_spec(workload) == POD
    assert ROLLOUT.identity(workload) == {}
    assert ROLLOUT.replicas(workload) == 3


def test_without_a_template_all_of_the_spec_but_its_replicas_is_what_it_runs() -> None:
    workload: Obj = {"spec": {"replicas": 3, "model": "s3://fraud/8"}}
    assert ROLLOUT.pod_spec(workload) == {}
    assert ROLLOUT.identity(workload) == {"model": "s3://fraud/8"}


@pytest.mark.parametrize(
    ("workload", "selector"),
    [
        ({"spec": {"selector": {"matchLabels": {"app": "fraud"}}}}, "app=fraud"),
        ({"spec": {}, "status": {"selector": "app=fraud"}}, "app=fraud"),
        ({"spec": {}, "status": {"labelSelector": "app=fraud"}}, "app=fraud"),
        ({"spec": {}}, ""),
    ],
)
def test_its_pods_are_found_by_the_usual_selectors(workload: Obj, selector: str) -> None:
    assert ROLLOUT.selector(workload) == selector


@pytest.mark.parametrize(
    ("workload", "problem"),
    [
        ({"spec": {"replicas": 0}}, "the Rollout is scaled to 0"),
        (
            {"spec": {}, "status": {"conditions": [{"type": "Stalled", "status": "True", "reason": "Quota"}]}},
            "Quota: ",
        ),
        ({"spec": {}, "status": {"conditions": [{"type": "Progressing", "status": "True"}]}}, ""),
        ({}, ""),
    ],
)
def test_what_it_says_against_itself_is_told(workload: Obj, problem: str) -> None:
    assert ROLLOUT.problem(workload) == problem
