"""An A/B test whose users stay on one version, behind the gateway, under load."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

import pytest

from dev.cluster import Cluster
from dev.visitors import Came, Visitors
from tests.e2e.experiments import METRICS, VERSIONS, Experiment
from tests.e2e.rollouts import Record

USERS = [{"x-user": f"user-{number}"} for number in range(240)]
RATE = 160.0
APART, AHEAD, FEW = 2.5, 3.0, 2
"""Seconds between two bursts of failures; seconds in which a thousandth is alone; users whom one may lead."""
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
    for one in sorted((one for one in users.came if not one.failed), key=lambda one: one.sent):
        told.setdefault(one.user, []).append(one.version)
    return {user: tuple(version for version, _ in groupby(versions)) for user, versions in told.items()}


def needless(failed: Sequence[Came]) -> list[Came]:
    """The failures that steps of five seconds prevent: all but those of a proxy that is later than a step.

    Such a proxy answers 500 for a cluster that it does not know: first to the few whom a thousandth leads there, and to
    everybody else not before the next step.
    """
    found: list[Came] = []
    burst: list[Came] = []
    for one in [*sorted(failed, key=lambda one: one.sent), None]:
        if burst and (one is None or one.sent > burst[-1].sent + APART):
            few = {each.user for each in burst if each.sent < burst[0].sent + AHEAD}
            found += [each for each in burst if each.code != 500 or len(few) > FEW]
            burst = []
        if one is not None:
            burst.append(one)
    return found


def test_whoever_is_refused_at_once_is_refused_needlessly_and_not_who_is_after_a_whole_step() -> None:
    def refused(user: int, sent: float, code: int = 500) -> Came:
        return Came(sent, sent, code, "", user)

    alone = [refused(57, 0.0), refused(57, 1.5), refused(57, 3.0)]
    all_others = [refused(user, 5.0 + user / 1000) for user in range(200)]
    assert needless([*all_others, *alone]) == []
    assert needless(all_others) == all_others
    assert needless([*alone, *(refused(one.user, one.sent + 30) for one in all_others)])[0].sent == 35.0
    assert needless([refused(57, 0.0, 503), refused(57, 1.0)]) == [refused(57, 0.0, 503)]


def test_users_stay_on_their_version_and_only_those_of_one_that_is_taken_out_move_and_no_request_fails(
    experiment: Experiment, record_property: Record
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

    refused = [*users.failed(), *unknown.failed()]
    record_property("refused", len(refused))
    assert needless(refused) == []
    ways = Counter(met(users).values())
    assert set(ways) == {("v1",), ("v1", "v2", "v1"), ("v1", "v5", "v1")}, ways
    # Four standard deviations of a fair draw; the hash is the same in every run.
    assert abs(ways["v1", "v2", "v1"] - 72) < 29
    assert abs(ways["v1", "v5", "v1"] - 72) < 29
    assert {one.version for one in unknown.came} == {"v1", "v2", "v5"}
    (started,) = [line for line in experiment.status["lastRecord"] if line["decision"] == "RunStarted"]
    assert (started["sticky"], started["weights"]) == ("x-user", {"v2": 300, "v5": 300})
