"""What is said of pods that do not become ready."""

from typing import Any

import pytest

from modelrollout.workloads.pod_problems import pod_problem


def pod(**status: Any) -> dict[str, Any]:
    return {"metadata": {"name": "m-1", "namespace": "risk"}, "status": status}


def container(**fields: Any) -> dict[str, Any]:
    return {"name": "model", **fields}


NO_NODE = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "no gpu"}
CRASHES = container(
    state={"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 40s"}},
    lastState={"terminated": {"exitCode": 137, "reason": "OOMKilled"}},
)


@pytest.mark.parametrize(
    ("pods", "said"),
    [
        ([], ""),
        ([pod(phase="Running")], ""),
        ([pod(containerStatuses=[container(state={"waiting": {"reason": "ContainerCreating"}})])], ""),
        ([pod(conditions=[NO_NODE])], "pod m-1 gets no node: Unschedulable: no gpu"),
        (
            [pod(containerStatuses=[CRASHES]), pod(conditions=[NO_NODE])],
            "pod m-1 gets no node: Unschedulable: no gpu",
        ),
        (
            [pod(containerStatuses=[CRASHES])],
            (
                "container model of m-1 does not start: CrashLoopBackOff: back-off 40s; "
                "it ended with exit code 137 (OOMKilled)"
            ),
        ),
        (
            [pod(initContainerStatuses=[container(state={"waiting": {"reason": "ImagePullBackOff"}})])],
            "container model of m-1 does not start: ImagePullBackOff",
        ),
        (
            [pod(containerStatuses=[container(lastState={"terminated": {"exitCode": 1, "reason": "Error"}})])],
            "container model of m-1 ended with exit code 1 (Error) and runs again",
        ),
        ([pod(containerStatuses=[container(lastState={"terminated": {"exitCode": 0}})])], ""),
    ],
)
def test_the_worst_problem_is_said(pods: list[dict[str, Any]], said: str) -> None:
    assert pod_problem(pods) == said
