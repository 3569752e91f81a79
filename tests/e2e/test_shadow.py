"""Shadows behind the gateway, under load: no user meets the candidate, and what it answers decides all the same."""

import time
from collections.abc import Iterator

import pytest

from dev.cluster import Cluster
from tests.e2e.copies import Copies

PROMOTED = {"shadow": {"percent": 50, "hold": "3s", "samples": 100, "then": "Promote"}}


@pytest.fixture
def copies(cluster: Cluster) -> Iterator[Copies]:
    """Versions of which the third one is bad, and the fourth one hangs."""
    made = Copies(cluster)
    yield made
    made.remove()


def test_a_good_candidate_answers_copies_that_no_user_sees_and_is_promoted(copies: Copies) -> None:
    copies.begin(PROMOTED)
    with copies.visitors() as users:
        copies.until(lambda: len(users.came) > 60, "some users")
        before = copies.answered("v2")
        copies.patch(target="v2")
        copies.until(lambda: bool(copies.copies()), "that requests are copied")
        assert [(one["backendRef"]["name"], one["percent"]) for one in copies.copies()] == [("v2", 50)]
        copies.until(lambda: copies.answered("v2") > before + 50, "that the candidate answers copies")
        shadowed = time.time()
        assert {one.version for one in users.came} == {"v1"}
        copies.until(lambda: any(one.version == "v2" for one in users.since(shadowed)), "that users get the candidate")
        copies.phase("Completed")
    promoted = next(one for one in copies.record() if one["decision"] == "StepPassed")
    assert promoted["mirror"] == 500
    verdicts = {one["metric"]: (one["verdict"], one["candidate_count"] > 50) for one in promoted["findings"]}
    assert verdicts == {"errors": ("Pass", True), "slow": ("Pass", True)}
    assert (copies.copies(), users.failed()) == ([], [])


def test_a_bad_candidate_is_taken_back_and_no_user_ever_got_its_answer(copies: Copies) -> None:
    copies.begin(PROMOTED)
    with copies.visitors() as users:
        copies.until(lambda: len(users.came) > 60, "some users")
        copies.patch(target="v3")
        copies.phase("RolledBack")
        over = time.time()
        copies.until(lambda: len(users.since(over)) > 30, "users afterwards")
    status = copies.status
    assert (status["run"]["outcome"], status["run"]["reason"]) == ("RolledBack", "GuardrailFailed")
    assert status["run"]["message"].startswith("errors ")
    assert status["rejected"][-1]["version"] == "v3"
    assert copies.copies() == []
    assert ({one.version for one in users.came}, users.failed()) == ({"v1"}, [])


def test_a_candidate_that_dies_in_its_shadow_hurts_nobody_and_is_waited_for(copies: Copies) -> None:
    copies.begin({"shadow": {"percent": 100, "hold": "1h", "then": "Report"}})
    with copies.visitors() as users:
        copies.patch(target="v2")
        copies.until(lambda: bool(copies.copies()), "that requests are copied")
        copies.kubectl("scale", "deployment/v2", "--replicas=0")
        try:
            copies.phase("Holding")
            copies.until(lambda: not copies.copies(), "that nothing is copied to nobody")
        finally:
            copies.kubectl("scale", "deployment/v2", "--replicas=1")
        copies.until(lambda: bool(copies.copies()), "that requests are copied again")
        copies.kubectl("delete", f"modelrollout/{copies.name}")
        copies.until(lambda: not copies.copies(), "that copies end with the rollout")
    assert ({one.version for one in users.came}, users.failed()) == ({"v1"}, [])


def test_a_candidate_that_hangs_in_its_shadow_hurts_nobody_and_is_taken_back(copies: Copies) -> None:
    copies.begin(PROMOTED)
    with copies.visitors() as users:
        copies.until(lambda: len(users.came) > 60, "some users")
        copies.patch(target="v4")
        copies.until(lambda: copies.came("v4") > 100, "that it has got copies")
        shadowed = users.since(0)
        copies.phase("RolledBack")
        over = time.time()
        copies.until(lambda: len(users.since(over)) > 30, "users afterwards")
    assert (copies.answered("v4"), shadowed[-1].failed) == (0, False)
    status = copies.status
    assert (status["run"]["outcome"], status["run"]["reason"]) == ("RolledBack", "TrafficLost")
    assert status["rejected"][-1]["version"] == "v4"
    assert copies.copies() == []
    assert ({one.version for one in users.came}, users.failed()) == ({"v1"}, [])
