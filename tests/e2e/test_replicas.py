"""Traffic by numbers of pods behind one Service, without a gateway: a good candidate and a bad one."""

import time
from collections.abc import Iterator

import pytest

from dev.cluster import Cluster
from tests.e2e.rollouts import Record
from tests.e2e.small import Small, pod, service, shares, small

TOTAL = 4


@pytest.fixture(scope="module")
def model(cluster: Cluster) -> Iterator[Small]:
    """Version 1 serves with all pods, the others wait with none; version 3 fails half of its answers."""
    with small(cluster, "small-replicas") as made:
        made.apply(service("small"))
        made.serve("v1", TOTAL)
        made.serve("v2", 0)
        made.serve("v3", 0, pod("v3", faults=0.5))
        made.roll(
            *("v1", "v2", "v3"),
            traffic={"replicas": {"service": "small", "total": TOTAL, "scaleDownDelay": "5s"}},
            strategy={"canary": {"weights": [25, 50], "hold": "8s", "samples": 50}},
        )
        yield made


def test_a_bad_candidate_gets_one_pods_part_and_loses_it_in_one_write(model: Small) -> None:
    with model.visitors() as users:
        model.patch(target="v3")
        model.until(lambda: model.shown == {"v1": 750, "v3": 250}, "the first part of v3", 60)
        assert model.selected == "all"
        model.until(lambda: model.status["phase"] == "RolledBack", "that it is taken back", 60)
        assert model.selected == "v1"
        model.until(lambda: model.replicas("v1") == (TOTAL, TOTAL), "all pods of v1", 30)
        back = time.time()
        model.until(lambda: len(users.since(back)) > 100, "users of v1", 30)
    assert shares(users, back) == {"v1": 1.0}
    assert [one for one in users.failed() if one.code != 500] == []
    assert model.status["run"]["reason"] == "GuardrailFailed"
    assert model.shown == {"v1": 1000}


def test_a_good_candidate_gets_parts_that_are_whole_pods_and_at_last_everything(
    model: Small, record_property: Record
) -> None:
    with model.visitors() as users:
        model.patch(target="v2")
        model.until(lambda: model.shown == {"v1": 500, "v2": 500}, "the second step", 60)
        model.until(lambda: (model.replicas("v1"), model.replicas("v2")) == ((2, 2), (2, 2)), "half of the pods", 30)
        even = time.time()
        model.until(lambda: len(users.since(even)) > 300, "users of both", 20)
        assert 0.4 < shares(users, even)["v2"] < 0.6
        model.until(lambda: model.status["phase"] in ("Watching", "Completed"), "the promotion", 90)
        assert model.selected == "v2"
        assert model.replicas("v2") == (TOTAL, TOTAL)
        model.until(lambda: {one.version for one in users.came[-50:]} == {"v2"}, "users of v2 alone", 20)
        served = time.time()
        model.until(lambda: model.replicas("v1") == (0, 0), "that v1 goes", 30)
    assert shares(users, served) == {"v2": 1.0}
    assert users.failed() == []
    record_property("requests", len(users.came))
