"""Managed scale with real pods: no user waits for one that starts, or meets one that goes."""

import time
from collections.abc import Iterator

import pytest

from dev.cluster import Cluster
from dev.demo import stage
from tests.e2e.rollouts import Record
from tests.e2e.watching import Scene

WHERE = f"--namespace={stage.NAMESPACE}"


def _scale(cluster: Cluster, version: str, replicas: int) -> None:
    """As a person does it, and wait until it is so."""
    cluster.kubectl("scale", f"deployment/digits-{version}", WHERE, f"--replicas={replicas}")
    cluster.kubectl("rollout", "status", f"deployment/digits-{version}", WHERE, "--timeout=60s")


def _replicas(scene: Scene, version: str) -> tuple[int, int]:
    """Replicas that the Deployment is to have, and those that are ready."""
    deployment = scene.get("deployment", f"digits-{version}")
    return deployment["spec"]["replicas"], deployment["status"].get("readyReplicas", 0)


@pytest.fixture
def managed(cluster: Cluster) -> Iterator[Scene]:
    """Version 1 serves everybody, version 2 waits without a replica, and the operator may scale both."""
    scene = Scene(cluster)
    scene.reach("v1")
    scene.patch(scale={"mode": "Managed", "scaleDownDelay": "5s"}, watch="3s")
    _scale(cluster, "v2", 0)
    scene.began = time.time()
    yield scene
    scene.patch(scale=None, watch="20s")
    for version in ("v1", "v2"):
        _scale(cluster, version, 1)
    scene.reach("v1")


def test_replicas_come_before_the_traffic_and_go_after_it_without_a_failed_answer(
    managed: Scene, record_property: Record
) -> None:
    managed.begin("v2")
    assert _replicas(managed, "v2") == (1, 1)
    assert managed.command("Promote", full=True)["accepted"]
    managed.until(lambda: managed.weights == {"v2": 1000}, "everything on v2", 30)
    managed.until(lambda: _replicas(managed, "v1") == (0, 0), "that v1 is scaled down")
    assert managed.condition("ReplicasManaged")["status"] == "True"

    # Nothing is left to undo to: the way back is a run of its own, and starts with a replica.
    managed.begin("v1")
    assert _replicas(managed, "v1") == (1, 1)
    assert managed.command("Promote", full=True)["accepted"]
    managed.until(lambda: managed.weights == {"v1": 1000}, "everything on v1", 30)
    managed.until(lambda: _replicas(managed, "v2") == (0, 0), "that v2 is scaled down")
    assert managed.failed_answers() == []
    record_property("requests", managed.asked())
