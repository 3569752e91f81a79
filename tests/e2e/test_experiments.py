"""Experiments behind the gateway, under load: who is bad is taken out, who is best gets the traffic."""

from collections.abc import Iterator

import pytest

from dev.cluster import Cluster
from tests.e2e.experiments import Experiment


@pytest.fixture
def experiment(cluster: Cluster) -> Iterator[Experiment]:
    """Versions of which the third one pleases more users, and the fourth one often fails."""
    made = Experiment(cluster, "buttons")
    yield made
    made.remove()


def test_of_three_candidates_the_bad_one_is_taken_out_and_the_best_one_promoted(experiment: Experiment) -> None:
    with experiment.visitors() as users:
        experiment.begin({"abTest": {}}, ["v2", "v3", "v4"])
        experiment.until(lambda: experiment.weights == dict.fromkeys(("v1", "v2", "v3", "v4"), 250), "equal shares")
        experiment.until(lambda: experiment.arm("v4").get("state") == "Out", "that the bad one is taken out")
        experiment.until(lambda: "v4" not in experiment.weights, "that nobody is led to it")
        assert experiment.status["run"]["state"] == "Trial"
        experiment.until(lambda: experiment.weights == {"v3": 1000}, "that the best one is promoted")
        experiment.until(lambda: experiment.status["phase"] == "Completed", "the end of the watch")
    status = experiment.status
    assert (status["stable"], status["previous"]["version"]) == ("v3", "v1")
    assert (status["run"]["outcome"], status["run"]["reason"]) == ("Promoted", "Winner")
    assert set(experiment.arm("v3")["beats"]) == {"v1", "v2"}
    assert [one["version"] for one in status["rejected"]] == ["v4"]
    assert {one.version for one in users.failed()} <= {"", "v4"}


def test_a_bandit_moves_traffic_to_the_better_version_and_promotes_it_by_proof(experiment: Experiment) -> None:
    bandit = {"floor": 10, "interval": "1s", "maxChange": 100}
    with experiment.visitors():
        experiment.begin({"bandit": bandit}, ["v2", "v3"])
        experiment.until(lambda: experiment.weights.get("v3", 0) > 360, "that the better one gets more")
        assert experiment.weights.get("v3", 0) > 0
        experiment.until(lambda: experiment.weights == {"v3": 1000}, "that it is promoted")
    record = experiment.get("configmap", f"{experiment.name}-decisions")["data"]
    assert any('"WeightsMoved"' in line for line in record.values())
    assert experiment.status["run"]["reason"] == "Winner"
