"""What carries a model, on a real node: autoscalers, and pods that die."""

from dev.cluster import Cluster
from dev.visitors import Visitors
from tests.e2e.small import Small, behind_gateway, pod, service, small

SWITCH = {"traffic": {"service": {"name": "small"}}, "strategy": {"blueGreen": {"hold": "0s"}}}
MANAGED = {"scale": {"mode": "Managed", "scaleDownDelay": "5s"}}


def _selected(model: Small) -> str:
    return str(model.get("service", "small")["spec"]["selector"]["version"])


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
        model.until(lambda: _selected(model) == "v2", "the switch to v2", 60)
        model.until(lambda: model.replicas("v2") == (2, 2), "what the autoscaler wants", 60)
        model.until(lambda: model.status["phase"] == "Completed", "the end of the watch", 30)
        assert model.condition("ReplicasManaged")["reason"] == "Autoscaled"
        # Whoever fights does it at once; the number is looked at until another promotion is over.
        model.patch(target="v1")
        model.until(lambda: _selected(model) == "v1", "the way back", 30)
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
