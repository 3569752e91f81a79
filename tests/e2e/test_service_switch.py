"""Blue/green without a gateway: the selector of a Service is switched under load, forth and back."""

import json
import string
import time
from collections.abc import Iterator
from typing import Any

import pytest

from dev.cluster import Cluster
from dev.demo import stage
from tests.e2e.rollouts import Record, Rollout

NAME = "switch"
FLIPS = 20
SECONDS = 30.0

ROLLOUT = {
    "apiVersion": "modelrollout.io/v1alpha1",
    "kind": "ModelRollout",
    "metadata": {"name": NAME, "namespace": stage.NAMESPACE},
    "spec": {
        "versions": [
            {
                "name": version,
                "service": {"name": f"digits-{version}", "port": 8080},
                "workload": {"kind": "Deployment", "name": f"digits-{version}"},
            }
            for version in ("v1", "v2", "v3")
        ],
        "target": "v1",
        "traffic": {"service": {"name": NAME}},
        "strategy": {"blueGreen": {"hold": "0s"}},
        "watch": "10m",
        "metrics": [
            {
                "name": "errors",
                "better": "Lower",
                "proportion": {
                    "bad": 'rest_server_requests_total{method="POST",status_code=~"5.."}',
                    "total": 'rest_server_requests_total{method="POST"}',
                },
                "margin": {"ratio": 1.5, "floor": 0.02},
            }
        ],
        "analysis": {"interval": "2s", "warmUp": "0s"},
    },
}
SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": NAME, "namespace": stage.NAMESPACE},
    "spec": {
        "selector": {"app": "digits", "version": "v1"},
        "ports": [{"name": "http", "port": 8080, "targetPort": "http"}],
    },
}


class Switch(Rollout):
    """The Service, its rollout, and users who come to it without a gateway, each with a connection of their own."""

    def __init__(self, cluster: Cluster) -> None:
        """Set it up beside the demo."""
        super().__init__(cluster, NAME)
        users = string.Template((stage.MANIFESTS / "traffic.yaml").read_text()).substitute(
            gateway=f"http://{NAME}.{stage.NAMESPACE}.svc:8080", seed=1
        )
        users = users.replace("--rate=120", "--new-connections, --rate=60").replace("traffic", NAME)
        # They are not scraped: what they get is no part of what the demo's rollout is judged by.
        users = users.replace('scrape: "true"', 'scrape: "false"')
        # The program and its container keep their name, and the Service of the users is not the one that is switched.
        users = users.replace(f"[python3, -m, {NAME}]", "[python3, -m, traffic]").replace(
            f"name: {NAME}", "name: visitors"
        )
        self.apply(SERVICE)
        self.kubectl("apply", "--filename=-", input=users)
        self.apply(ROLLOUT)
        self.kubectl("rollout", "status", "deployment/visitors", "--timeout=90s")
        self.began = time.time()
        self.until(lambda: self.status.get("stable") == "v1", "the adoption", SECONDS)
        self.until(lambda: self.answers("v1") > 0, "the first answer", SECONDS)

    def remove(self) -> None:
        """Take everything away again."""
        names = (f"modelrollout/{NAME}", f"service/{NAME}", "deployment/visitors", "service/visitors")
        self.kubectl("delete", *names, "--ignore-not-found")

    @property
    def selected(self) -> str:
        """The version whose pods the Service selects."""
        return str(self.get("service")["spec"]["selector"]["version"])

    def target(self, version: str) -> None:
        """Ask for a version and wait until the Service selects it and the rollout is at rest or watched."""
        self.patch(target=version)
        self.until(lambda: self.selected == version, f"the switch to {version}", SECONDS)
        self.until(lambda: self.status["stable"] == version, "that it is told", SECONDS)

    def seen(self) -> dict[str, Any]:
        """What users got since the beginning, by version."""
        return self.seen_by("visitors", self.began, time.time() + 60)

    def answers(self, version: str) -> int:
        """Answers that users got from a version."""
        return int((self.seen().get(version) or {}).get("answers") or 0)


@pytest.fixture
def switch(cluster: Cluster) -> Iterator[Switch]:
    """The switch, with all users on version 1."""
    made = Switch(cluster)
    yield made
    made.remove()


def test_twenty_switches_under_load_fail_no_request_and_a_drift_is_set_back(
    switch: Switch, record_property: Record
) -> None:
    for flip in range(FLIPS):
        version = ("v2", "v1")[flip % 2]
        before = switch.answers(version)
        switch.target(version)
        switch.until(lambda version=version, before=before: switch.answers(version) > before, "its answers", SECONDS)
    seen = switch.seen()
    assert sum(int(one.get("failed") or 0) for one in seen.values()) == 0, seen
    record_property("requests", sum(int(one.get("answers") or 0) for one in seen.values()))
    patch = json.dumps({"spec": {"selector": {"version": "v2"}}})
    switch.kubectl("patch", "service", NAME, "--type=merge", f"--patch={patch}")
    switch.until(lambda: switch.selected == "v1", "the repair", SECONDS)


def test_a_worse_version_is_switched_back_by_itself_once_its_users_show_it(switch: Switch) -> None:
    switch.patch(strategy={"blueGreen": {"hold": "10s"}}, target="v3")
    switch.until(lambda: switch.selected == "v3", "the switch to v3", SECONDS)
    assert switch.status["metrics"][0]["reason"] == "Preview"
    switch.until(lambda: switch.selected == "v1", "the switch back", SECONDS)
    switch.until(lambda: switch.status["phase"] == "RolledBack", "that it is told", SECONDS)
    assert switch.status["rejected"][-1]["version"] == "v3"
    assert "by its history" in switch.status["run"]["message"]
