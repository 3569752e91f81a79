"""What may start and what goes on in a freeze."""

from collections.abc import Iterator

import pytest

from dev.cluster import Cluster
from dev.visitors import Visitors
from tests.e2e.small import Small, behind_gateway, pod, small

HOST = "starts.example"
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
