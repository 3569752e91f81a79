"""explain against a real API server."""

import json
from pathlib import Path

from kubernetes import client

from tests.cluster.cli.conftest import Rollouts, Run
from tests.unit.cli import explained


def test_explain_reads_the_plan_and_the_record_of_decisions(
    run: Run, rollouts: Rollouts, api_client: client.ApiClient, namespace: str
) -> None:
    document = explained.progressing()
    rollouts.create(document)
    record = {
        "metadata": {"name": "fraud-decisions"},
        "data": {"a": json.dumps(explained.STARTED), "b": json.dumps(explained.PASSED)},
    }
    client.CoreV1Api(api_client).create_namespaced_config_map(namespace, record)
    ran = run("explain", "fraud")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "Last decision: StepPassed, " in ran.stdout
    assert "evidence 1.9 of 3.0" in ran.stdout
    assert "DE  1.21% against 0.31%" in ran.stdout
    assert "\x1b" not in ran.stdout
    told = json.loads(run("explain", "fraud", "-o", "json").stdout)
    assert (told["namespace"], told["decision"]["decision"], told["recordRead"]) == (namespace, "StepPassed", True)
    assert [one["name"] for one in told["metrics"]] == ["errors", "slow", "accuracy", "gpu-memory"]


def test_whoever_may_not_read_the_record_gets_the_lines_that_the_status_repeats(
    run: Run, rollouts: Rollouts, viewer: Path
) -> None:
    rollouts.create(explained.progressing(lastRecord=[explained.STARTED]))
    told = json.loads(run("explain", "fraud", "-o", "json", kubeconfig=viewer).stdout)
    assert (told["decision"]["decision"], told["recordRead"]) == ("RunStarted", False)
