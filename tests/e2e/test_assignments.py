"""The chart's service of assignments: asked through the cluster it says what anybody computes from the same file."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dev import paths
from dev.cluster import Cluster
from dev.images import IMAGES
from tests.e2e.rollouts import Rollout

NAMESPACE = "assignments"
FILE = paths.CHECKOUT / "examples" / "experiments" / "segments.yaml"
USERS: list[dict[str, Any]] = [
    *({"user": str(number), "beta": True} for number in range(4)),
    {"user": "grace"},
    {"user": "7", "group": "qa"},
    {"user": "7", "country": "CN"},
    {"user": "8", "age": 17},
]
"""By lot, by hand, by a segment, excluded, and in no segment."""


@pytest.fixture
def service(cluster: Cluster) -> Iterator[Rollout]:
    """The Deployment and Service of the chart, with the example's file."""
    made = Rollout(cluster, "experiments", NAMESPACE)
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
    cluster.kubectl("apply", "--filename=-", input=json.dumps(space))
    made.kubectl("create", "configmap", "experiments", f"--from-file=experiments.yaml={FILE}")
    repository, tag = IMAGES["operator"].reference.rsplit(":", 1)
    values = {
        "image.repository": repository,
        "image.tag": tag,
        "image.pullPolicy": "Never",
        "assignments.enabled": "true",
        "assignments.replicaCount": "1",
        "assignments.configMap.name": "experiments",
    }
    settings = [f"--set={key}={value}" for key, value in values.items()]
    chart = str(paths.CHECKOUT / "charts" / "modelrollout")
    only = ("--show-only=templates/assignments.yaml", f"--namespace={NAMESPACE}", "--validate")
    made.kubectl("apply", "--filename=-", input=cluster.helm("template", "try", chart, *only, *settings))
    made.kubectl("rollout", "status", "deployment/try-modelrollout-assignments", "--timeout=90s")
    yield made
    cluster.kubectl("delete", "namespace", NAMESPACE)


def test_a_service_in_the_cluster_gives_everybody_the_arm_that_the_file_gives(service: Rollout, tmp_path: Path) -> None:
    proxy = f"/api/v1/namespaces/{NAMESPACE}/services/try-modelrollout-assignments:http/proxy"
    ranker = f"--raw={proxy}/ofrep/v1/evaluate/flags/ranker"
    body = tmp_path / "context.json"
    arms = []
    for who in USERS:
        context = {"targetingKey": who["user"], **{name: value for name, value in who.items() if name != "user"}}
        body.write_text(json.dumps({"context": context}))
        said = json.loads(service.cluster.kubectl("create", ranker, f"--filename={body}"))
        assert said.get("value") == computed(who), f"{who}: {said}"
        arms.append(said.get("value"))
    assert set(arms) >= {"v7", "v8"}, "the lot gives both"


def computed(who: dict[str, Any]) -> str | None:
    """The arm by the command line."""
    known = [f"--attr={name}={json.dumps(value).strip(chr(34))}" for name, value in who.items() if name != "user"]
    asked = ("assign", f"--filename={FILE}", f"--unit=user={who['user']}", *known, "--output=json")
    program = (str(Path(sys.executable).parent / "modelrollout"), *asked)
    found = json.loads(subprocess.run(program, check=True, capture_output=True, text=True).stdout)
    arm: str | None = found[0]["arm"]
    return arm
