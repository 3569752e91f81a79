"""Beta users first, by a header that their rule of the route matches; then a quarter of everybody; then all."""

import time
from collections import Counter
from collections.abc import Iterator
from datetime import datetime

import pytest

from dev.cluster import Cluster
from dev.visitors import Came
from tests.e2e.copies import Copies

BETA = {"x-beta": "1"}
USERS = (BETA, {}, {"x-beta": "0"}, {})
"""Of whom the first one is a beta user."""

SETTLED = 2.0
"""Seconds after which the gateway has taken up what the route says."""


@pytest.fixture
def copies(cluster: Cluster) -> Iterator[Copies]:
    """Versions behind a route of their own."""
    made = Copies(cluster, "audience")
    yield made
    made.remove()


def versions(came: list[Came], *, beta: bool) -> Counter[str]:
    """Who answered beta users, or all others, and how often."""
    return Counter(one.version for one in came if (USERS[one.user] == BETA) is beta)


def between(came: list[Came], first: float, last: float) -> list[Came]:
    """Requests that were sent and answered between two moments."""
    return [one for one in came if first <= one.sent and one.received <= last]


def test_beta_users_meet_the_candidate_and_nobody_else_does_then_a_quarter_of_all_then_everybody(
    copies: Copies,
) -> None:
    steps = [
        {"name": "beta", "audience": {"rules": ["beta"]}, "weight": 100, "approval": True},
        {"name": "quarter", "weight": 25, "hold": "8s"},
    ]
    copies.begin({"steps": steps}, beta=BETA)
    with copies.visitors(users=USERS) as users:
        copies.until(lambda: len(users.came) >= 60, "users")
        copies.patch(target="v2")
        copies.phase("AwaitingApproval")
        assert copies.status["weightText"] == "100% in beta"
        assert {one["reason"] for one in copies.status["metrics"]} <= {"Audience", "NoData"}
        begun = time.time() + SETTLED
        copies.until(lambda: versions(users.since(begun), beta=True)["v2"] >= 40, "answers to beta users")
        approved = time.time()
        copies.command("Approve")
        copies.phase("Completed")
        completed = time.time()
        copies.until(lambda: len(users.since(completed)) >= 60, "answers to everybody")
    tried = between(users.came, begun, approved)
    assert set(versions(tried, beta=True)) == {"v2"}
    assert set(versions(tried, beta=False)) == {"v1"}
    lines = [one for one in copies.record() if one["decision"] == "StepPassed"]
    assert [(one["weight"], one.get("audience")) for one in lines] == [(1000, ["beta"]), (250, None)]
    opened, closed = (datetime.fromisoformat(one["at"]).timestamp() for one in lines)
    for beta in (True, False):
        found = versions(between(users.came, opened + SETTLED, closed), beta=beta)
        assert 0.1 < found["v2"] / found.total() < 0.45, found
    assert set(versions(users.since(completed), beta=True) + versions(users.since(completed), beta=False)) == {"v2"}
    assert users.failed() == []
