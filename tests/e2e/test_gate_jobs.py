"""A Job as a gate on a real node: one CronJob, whose template passes for a good version and fails for a bad one."""

from collections.abc import Iterator

import pytest

from dev.cluster import Cluster
from tests.e2e.small import Small, pod, service, small

ASKS = """
import os, urllib.request
service, port, version = (os.environ[f"MODELROLLOUT_{name}"] for name in ("SERVICE", "PORT", "VERSION"))
for _ in range(20):
    assert urllib.request.urlopen(f"http://{service}:{port}/ask").read().decode() == version
"""
CRON_JOB = {
    "apiVersion": "batch/v1",
    "kind": "CronJob",
    "metadata": {"name": "acceptance", "labels": {"modelrollout.io/gate": "true"}},
    "spec": {
        "suspend": True,
        "schedule": "0 0 1 1 *",
        "jobTemplate": {
            "spec": {
                "backoffLimit": 0,
                "template": {
                    "spec": {
                        "restartPolicy": "Never",
                        "automountServiceAccountToken": False,
                        "containers": [
                            {
                                "name": "acceptance",
                                "image": "localhost/modelrollout-model:local",
                                "imagePullPolicy": "Never",
                                "command": ["python3", "-c", ASKS],
                            }
                        ],
                    }
                },
            }
        },
    },
}


@pytest.fixture
def model(cluster: Cluster) -> Iterator[Small]:
    """Version 1 serves; version 2 is as good, version 3 fails half of its answers; both must pass the Job first."""
    with small(cluster, "small-jobs") as made:
        made.apply(CRON_JOB, service("small", version="v1"))
        for version, template in (("v1", pod("v1")), ("v2", pod("v2")), ("v3", pod("v3", faults=0.5))):
            made.serve(version, 1, template)
        made.roll(
            *("v1", "v2", "v3"),
            traffic={"service": {"name": "small"}},
            strategy={"blueGreen": {"hold": "0s"}},
            gates=[{"name": "acceptance", "job": {"cronJob": "acceptance"}}],
            metrics=[],
        )
        yield made


def test_a_job_lets_a_good_version_through_and_stops_a_bad_one_before_any_user_meets_it(model: Small) -> None:
    with model.visitors(rate=20) as users:
        model.patch(target="v2")
        model.until(lambda: model.selected == "v2", "the switch to v2", 40)
        (gate,) = model.status["run"]["gates"]
        assert (gate["name"], gate["state"]) == ("acceptance", "Passed")
        model.until(lambda: model.status["phase"] == "Completed", "the end of the watch", 20)

        model.patch(target="v3")
        model.until(lambda: model.status["phase"] == "RolledBack", "what the Job says of v3", 40)
        run = model.status["run"]
        assert (run["gates"][0]["state"], "exposedAt" in run) == ("Failed", False)
        assert "its logs: kubectl logs --namespace small-jobs job/" in run["message"]
        job = run["message"].rpartition("job/")[2]
        assert "HTTP Error 500" in model.kubectl("logs", f"job/{job}")
        assert model.selected == "v2"
    assert "v3" not in {one.version for one in users.came}
    assert users.failed() == []
