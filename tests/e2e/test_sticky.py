"""An A/B test whose users stay on one version, behind the gateway, under load."""

from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import groupby

import pytest

from dev.cluster import Cluster
from dev.visitors import Visitors
from tests.e2e.experiments import METRICS, VERSIONS, Experiment

USERS = [{"x-user": f"user-{number}"} for number in range(240)]
RATE = 160.0
UNLOVED = {
    "name": "clicks-kept",
    "better": "Higher",
    "margin": {"difference": 0.1},
    "proportion": METRICS[1]["proportion"],
}
"""A guardrail that takes out whoever pleases hardly anybody; its answers do not fail."""


@pytest.fixture
def experiment(cluster: Cluster) -> Iterator[Experiment]:
    """Versions of which the last one pleases nobody."""
    made = Experiment(cluster, "sticky", {**VERSIONS, "v5": (0.0, 0.0)})
    yield made
    made.remove()


def met(users: Visitors) -> Mapping[int, tuple[str, ...]]:
    """The versions that each user met, one after the other."""
    told: dict[int, list[str]] = {}
    for one in sorted(users.came, key=lambda one: one.sent):
        told.setdefault(one.user, []).append(one.version)
    return {user: tuple(version for version, _ in groupby(versions)) for user, versions in told.items()}


def test_users_stay_on_their_version_and_only_those_of_one_that_is_taken_out_move_and_no_request_fails(
    experiment: Experiment,
) -> None:
    experiment.serve()
    with experiment.visitors(10) as first:
        experiment.until(lambda: any(not one.failed for one in first.came), "the first answer")
    with experiment.visitors(RATE, USERS) as users, experiment.visitors(20) as unknown:
        experiment.until(lambda: len(met(users)) == len(USERS), "an answer to each user")
        ab_test = {"split": {"v2": 30, "v5": 30}, "sticky": {"header": "x-user"}}
        experiment.begin({"abTest": ab_test}, ["v2", "v5"], metrics=[*METRICS, UNLOVED])
        experiment.until(lambda: experiment.weights.get("v5") == 300, "the split")
        experiment.until(lambda: experiment.arm("v5").get("state") == "Out", "that the unloved one is taken out")
        experiment.until(lambda: "v5" not in experiment.weights, "that nobody is led to it")
        gone = max(one.received for one in users.came)
        experiment.until(lambda: len(users.since(gone)) > 3 * len(USERS), "some answers to each user")
        assert experiment.status["run"]["sticky"] == "x-user"
        assert experiment.condition("StickyReady")["status"] == "True"
        assert experiment.command("Abort")["accepted"]
        experiment.until(lambda: experiment.status["phase"] == "RolledBack", "that all are back")
        experiment.until(lambda: not experiment.kept, "that nothing keeps users any more")
        over = max(one.received for one in users.came)
        experiment.until(lambda: len(users.since(over)) > 2 * len(USERS), "some answers to each user")

    assert (users.failed(), unknown.failed()) == ([], [])
    ways = Counter(met(users).values())
    assert set(ways) == {("v1",), ("v1", "v2", "v1"), ("v1", "v5", "v1")}, ways
    # Four standard deviations of a fair draw; the hash is the same in every run.
    assert abs(ways["v1", "v2", "v1"] - 72) < 29
    assert abs(ways["v1", "v5", "v1"] - 72) < 29
    assert {one.version for one in unknown.came} == {"v1", "v2", "v5"}
    (started,) = [line for line in experiment.status["lastRecord"] if line["decision"] == "RunStarted"]
    assert (started["sticky"], started["weights"]) == ("x-user", {"v2": 300, "v5": 300})
