"""The second act of the demo: a model that is wrong for one country alone is caught by late labels, at 5 %."""

import time
from collections.abc import Iterator

import pytest

from dev.cluster import Cluster
from dev.demo import second, stage
from tests.e2e.watching import Scene

SECONDS = 120.0


@pytest.fixture
def scene(cluster: Cluster) -> Iterator[Scene]:
    """Version 2 serves, behind a tap, and the collector has judged some of its answers."""
    found = Scene(cluster)
    found.reach("v2")
    run = found.status["run"]["id"]
    second.prepare(cluster)
    assert found.status["run"]["id"] == run, "a tap is no new revision"
    found.began = time.time()
    yield found
    second.take_back(cluster)


def test_a_model_that_is_wrong_for_one_country_is_caught_by_late_labels_at_five_percent(
    cluster: Cluster, scene: Scene
) -> None:
    scene.begin(second.VERSION)
    scene.until(lambda: scene.status["run"]["state"] == "Done", "the end of the run", SECONDS)
    run = scene.status["run"]
    assert (run["outcome"], scene.weights) == ("RolledBack", {"v2": 1000})
    assert f"where country is {second.SLICE}" in run["message"]
    (decided,) = [line for line in stage.record(cluster, run["id"]) if line["decision"] == "GuardrailFailed"]
    assert decided["weight"] == second.FIRST_STEP
    verdicts = {one["metric"]: one["verdict"] for one in decided["findings"]}
    assert verdicts.pop("accuracy") == "Fail"
    assert "Fail" not in verdicts.values()
    users = stage.users(cluster, second.VERSION, scene.began, time.time())
    assert users.failed == 0
    assert scene.failed_answers() == []
