"""A version that has served well for a while becomes worse, though nothing was deployed: it is told, and stays."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from dev.cluster import Cluster
from tests.e2e.rollouts import Rollout

MANIFEST = Path(__file__).with_name("waning.yaml")
SECONDS = 60.0


@pytest.fixture
def waning(cluster: Cluster) -> Iterator[Rollout]:
    """The model, with its users, monitored."""
    made = Rollout(cluster, "waning")
    made.kubectl("apply", f"--filename={MANIFEST}")
    made.kubectl("rollout", "status", "deployment/waning-v1", "--timeout=60s")
    yield made
    made.kubectl("delete", f"--filename={MANIFEST}", "--ignore-not-found", "--wait=false")


def test_what_serves_and_becomes_worse_is_told_by_itself_and_keeps_its_traffic(waning: Rollout) -> None:
    waning.until(lambda: waning.condition("ModelStale").get("status") == "True", "that the model is old", SECONDS)
    waning.until(lambda: waning.condition("Degrading").get("reason") == "Steady", "the reference", SECONDS)
    pod = f"/api/v1/namespaces/{waning.namespace}/services/waning-v1:http/proxy"
    waning.cluster.kubectl("get", "--raw", f"{pod}/faults?share=0.3")
    waning.until(lambda: waning.condition("Degrading").get("status") == "True", "the alarm", SECONDS)
    told = waning.condition("Degrading")
    assert told["reason"] == "LeftReference"
    assert "errors" in told["message"]
    assert waning.get("service")["spec"]["selector"]["version"] == "v1"
    assert waning.condition("Ready")["status"] == "True"

    def events() -> list[str]:
        return waning.kubectl("get", "events", "--field-selector=reason=Degrading", "--output=name").split()

    waning.until(lambda: len(events()) == 1, "the event", SECONDS)
