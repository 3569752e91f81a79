"""What carries a model, on a real node: StatefulSets, other kinds, quotas, autoscalers, pods that cannot be or die."""

import time
from collections.abc import Iterator

import pytest

from dev.cluster import Cluster
from dev.visitors import Visitors
from tests.e2e.rollouts import Record
from tests.e2e.small import Small, behind_gateway, pod, service, small

SWITCH = {"traffic": {"service": {"name": "small"}}, "strategy": {"blueGreen": {"hold": "0s"}}}
MANAGED = {"scale": {"mode": "Managed", "scaleDownDelay": "5s"}}
PATIENCE = 30.0


@pytest.fixture(scope="module", params=["StatefulSet", "ReplicaSet"])
def model(cluster: Cluster, request: pytest.FixtureRequest) -> Iterator[Small]:
    """Behind the selector of a Service the first version serves with two pods, and the others wait with none.

    ReplicaSets stand for any kind with a scale subresource that the operator's settings name.
    """
    kind = str(request.param)
    with small(cluster, f"small-{kind.lower()}", kind) as made:
        made.apply(service("small", version="v1"))
        made.serve("v1", 2)
        made.serve("v2", 0)
        made.serve("v3", 0, pod("v3", faults=0.5))
        made.serve("v4", 0, pod("v4", nodeSelector={"accelerator": "h100"}))
        made.roll("v1", "v2", "v3", "v4", **SWITCH, **MANAGED)
        yield made


def _told(model: Small, target: str, words: str) -> float:
    """Ask for a version, and wait until the status says these words; seconds that it took."""
    began = time.monotonic()
    model.patch(target=target)
    model.until(lambda: words in model.status["message"], f"the words: {words}", PATIENCE)
    return time.monotonic() - began


def test_it_is_promoted_and_one_that_fails_is_taken_back(model: Small, record_property: Record) -> None:
    with model.visitors() as users:
        model.patch(target="v2")
        model.until(lambda: model.selected == "v2", "the switch to v2", 60)
        assert model.replicas("v2") == (2, 2)
        model.until(lambda: model.replicas("v1") == (0, 0), "that v1 goes", 40)
        assert users.failed() == []
        record_property("requests", len(users.came))

        # What stable shows during the hold is what the other one is held to after the switch. A stratum of two seconds
        # that begins in it is counted after eight at the latest: it waits for its beginning, lasts, settles, and is
        # looked at every other second.
        model.patch(target="v3", watch="2m", strategy={"blueGreen": {"hold": "10s"}})
        model.until(lambda: model.selected == "v3", "the switch to v3", 60)
        model.until(lambda: model.selected == "v2", "the switch back", 60)
        model.until(lambda: model.status["phase"] == "RolledBack", "that it is told", 20)
    model.patch(watch="3s", target="v2", **SWITCH)
    assert [one for one in users.failed() if one.code != 500] == []
    assert [(one["version"], one["reason"]) for one in model.status["rejected"]] == [("v3", "GuardrailFailed")]


def test_who_gets_no_node_says_so_in_the_schedulers_words(model: Small, record_property: Record) -> None:
    before = model.selected
    record_property("seconds until it is said", _told(model, "v4", "gets no node"))
    assert "didn't match Pod's node affinity/selector" in model.status["message"]
    assert model.selected == before
    model.patch(target=before)
    model.until(lambda: model.status["run"]["state"] == "Done", "that it is withdrawn", 20)


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet"])
def test_a_quota_that_is_used_up_is_named_and_the_traffic_stays(
    cluster: Cluster, kind: str, record_property: Record
) -> None:
    with small(cluster, f"small-quota-{kind.lower()}", kind) as model:
        model.apply(service("small", version="v1"))
        model.serve("v1", 1)
        model.serve("v2", 0)
        model.roll("v1", "v2", **SWITCH, **MANAGED)
        quota = {"metadata": {"name": "one-model"}, "spec": {"hard": {"pods": "1"}}}
        model.apply({"apiVersion": "v1", "kind": "ResourceQuota", **quota})
        model.until(lambda: "used" in model.get("resourcequota", "one-model").get("status", {}), "the count", 20)
        with model.visitors(rate=20) as users:
            record_property("seconds until it is said", _told(model, "v2", "exceeded quota: one-model"))
            assert model.status["phase"] == "Pending"
            assert model.selected == "v1"
            model.kubectl("delete", "resourcequota/one-model")
            model.until(lambda: model.selected == "v2", "the switch, once there is room", 80)
        assert users.failed() == []
        record_property("requests", len(users.came))


def test_an_autoscaler_gets_its_workload_brought_up_and_is_not_fought(cluster: Cluster) -> None:
    with small(cluster, "small-autoscaled") as model:
        model.apply(service("small", version="v1"))
        model.serve("v1", 1)
        model.serve("v2", 0)
        target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "small-v2"}
        spec = {"scaleTargetRef": target, "minReplicas": 2, "maxReplicas": 3}
        autoscaler = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler"}
        model.apply({**autoscaler, "metadata": {"name": "small-v2"}, "spec": spec})
        model.roll("v1", "v2", **SWITCH, **MANAGED)
        model.patch(target="v2")
        model.until(lambda: model.selected == "v2", "the switch to v2", 60)
        model.until(lambda: model.replicas("v2") == (2, 2), "what the autoscaler wants", 60)
        model.until(lambda: model.status["phase"] == "Completed", "the end of the watch", 30)
        assert model.condition("ReplicasManaged")["reason"] == "Autoscaled"
        # Whoever fights does it at once; the number is looked at until another promotion is over.
        model.patch(target="v1")
        model.until(lambda: model.selected == "v1", "the way back", 30)
        model.until(lambda: model.status["run"]["state"] == "Done", "its end", 30)
        assert model.replicas("v2")[0] == 2


def test_a_candidate_that_is_killed_for_want_of_memory_is_taken_back_without_any_metric(cluster: Cluster) -> None:
    with small(cluster, "small-memory") as model:
        for version, template in (("v1", pod("v1")), ("v2", pod("v2", eats=4_000_000))):
            model.serve(version, 1, template)
        model.roll(
            *("v1", "v2"),
            traffic=behind_gateway("memory.example"),
            strategy={"canary": {"weights": [20], "hold": "1m"}},
            metrics=[],
        )
        with Visitors(f"{cluster.gateway_url}/ask", 40, bytes.decode, {"Host": "memory.example"}):
            model.patch(target="v2")
            model.until(lambda: model.status["phase"] == "RolledBack", "that it is taken back", 80)
        assert model.status["run"]["reason"] == "OutOfMemory"
        field = "--output=jsonpath={.items[*].status.containerStatuses[*].lastState.terminated.reason}"
        assert "OOMKilled" in model.kubectl("get", "pods", "--selector=version=v2", field)
        assert model.weights == {"v1": 1000}
