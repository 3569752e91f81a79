"""What may start and what goes on: a freeze, a layer, and candidates that change faster than a run lasts."""

from collections.abc import Iterator

import pytest

from dev.cluster import Cluster
from dev.visitors import Visitors
from tests.e2e.rollouts import Record
from tests.e2e.small import Small, behind_gateway, pod, small

HOST = "starts.example"
LAYER = {"layer": "page"}
FREEZE = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "modelrollout-freeze"},
    "data": {"reason": "the week of the sale"},
}


@pytest.fixture(scope="module")
def model(cluster: Cluster) -> Iterator[Small]:
    """Three versions behind the gateway; the first serves, the third fails half of its answers."""
    with small(cluster, "small-starts") as made:
        made.serve("v1", 1)
        made.serve("v2", 2)
        made.serve("v3", 1, pod("v3", faults=0.5))
        made.roll(
            *("v1", "v2", "v3"),
            traffic=behind_gateway(HOST),
            strategy={"canary": {"weights": [30, 50], "hold": "6s", "samples": 50}},
        )
        yield made


def users_of(cluster: Cluster) -> Visitors:
    return Visitors(f"{cluster.gateway_url}/ask", 80, bytes.decode, {"Host": HOST})


def test_a_freeze_holds_what_has_not_begun_and_no_guardrail(cluster: Cluster, model: Small) -> None:
    model.patch(target="v3")
    model.until(lambda: model.weights == {"v1": 700, "v3": 300}, "the first weight", 30)
    model.apply(FREEZE)
    try:
        with users_of(cluster):
            model.until(lambda: model.status["phase"] == "RolledBack", "the guardrail", 60)
        model.patch(target="v2")
        model.until(lambda: model.status["phase"] == "Queued", "that the next run is held", 20)
        assert "the week of the sale" in model.status["message"]
        assert model.weights == {"v1": 1000}
    finally:
        model.kubectl("delete", "configmap/modelrollout-freeze")
    model.until(lambda: model.weights == {"v1": 700, "v2": 300}, "its start, once that is over", 20)
    model.patch(target="v1")
    model.until(lambda: model.status["run"]["state"] == "Done", "that it is withdrawn", 20)


def test_of_two_rollouts_in_a_layer_the_second_starts_when_the_run_of_the_first_is_over(
    cluster: Cluster, model: Small
) -> None:
    model.patch(exclusivity=LAYER)
    other = model.beside("other")
    canary = {"canary": {"weights": [20], "hold": "1h"}}
    other.roll("v1", "v2", traffic=behind_gateway("others.example"), strategy=canary, metrics=[], exclusivity=LAYER)
    model.patch(target="v2")
    model.until(lambda: model.weights == {"v1": 700, "v2": 300}, "the first weight of the first", 30)
    other.patch(target="v2")
    other.until(lambda: other.status["phase"] == "Queued", "that the second waits", 20)
    assert other.status["message"] == "v2 waits for layer page: the run of small goes on; place 1 in the queue"
    assert other.weights == {"v1": 1000}

    assert model.command("Promote", full=True)["accepted"]
    other.until(lambda: other.weights == {"v1": 800, "v2": 200}, "the first weight of the second", 30)
    (first,) = [one for one in model.status["history"] if one["run"] == model.status["run"]["id"]]
    assert first["outcome"] == "Forced"
    assert other.status["run"]["startedAt"] >= first["endedAt"]
    other.kubectl("delete", "modelrollout/other")
    model.patch(exclusivity=None, target="v1")
    model.until(lambda: model.weights == {"v1": 1000}, "the way back", 20)
    model.until(lambda: model.status["stable"] == "v1", "that it is told", 20)


def test_a_candidate_that_changes_all_the_time_gets_through_where_the_first_one_is_finished(
    cluster: Cluster, model: Small, record_property: Record
) -> None:
    model.patch(onNewRevision="FinishFirst", target="v2")
    model.until(lambda: model.weights == {"v1": 700, "v2": 300}, "the first weight", 30)
    run, revisions = model.status["run"]["id"], 0
    with users_of(cluster) as users:
        while model.status["run"]["state"] == "Trial":
            revisions += 1
            model.kubectl("set", "env", "deployment/small-v2", f"BUILD={revisions}")
            model.kubectl("rollout", "status", "deployment/small-v2", "--timeout=60s")
            assert revisions < 20
        model.until(lambda: model.status["phase"] == "Completed", "the end of the run", 30)
    assert (model.status["run"]["id"], model.status["run"]["outcome"]) == (run, "Promoted")
    assert revisions > 1
    assert model.condition("UnprovenChange")["status"] == "True"
    assert users.failed() == []
    record_property("requests", len(users.came))
