"""A Job as a gate: whose template may be run, what the Job is like, and what its end means."""

import asyncio
from typing import Any

import pytest

from modelrollout.api.status import Verdict
from modelrollout.decisions.checks import CheckResult, job_name
from modelrollout.gates import GateFinder
from modelrollout.kube.errors import Forbidden
from modelrollout.kube.fake import FakeServer, lost
from modelrollout.kube.resources import CRONJOBS, JOBS, Obj
from tests.unit.gates.pods import a_check
from tests.unit.kube.clock import FakeClock, settle

CHECK = a_check({"job": {"cronJob": "acceptance"}})
NAME = job_name(CHECK, CHECK.what)  # type: ignore[arg-type]
WHERE = JOBS.path("risk", NAME)


def store(server: FakeServer, labels: dict[str, str] | None = None, **container: Any) -> None:
    pod = {"containers": [{"name": "try", "image": "try:1", **container}], "restartPolicy": "Never"}
    template = {"metadata": {"labels": {"team": "risk"}}, "spec": {"backoffLimit": 0, "template": {"spec": pod}}}
    labels = {"modelrollout.io/gate": "true"} if labels is None else labels
    metadata = {"namespace": "risk", "name": "acceptance", "labels": labels}
    server.put(CRONJOBS.path("risk", "acceptance"), {"metadata": metadata, "spec": {"jobTemplate": template}})


def end(server: FakeServer, kind: str, **why: str) -> None:
    stored = server.objects[WHERE]
    server.put(WHERE, {**stored, "status": {"conditions": [{"type": kind, "status": "True", **why}]}})


async def begun(finder: GateFinder, server: FakeServer) -> tuple[asyncio.Task[CheckResult], Obj]:
    task = asyncio.create_task(finder.find(CHECK))
    await settle()
    return task, server.objects[WHERE]


async def test_the_job_is_the_template_with_an_owner_and_what_is_to_be_tried(
    finder: GateFinder, server: FakeServer, clock: FakeClock
) -> None:
    store(
        server, env=[{"name": "MODELROLLOUT_PORT", "value": "own"}, {"name": "A", "value": "$(MODELROLLOUT_SERVICE)"}]
    )
    task, job = await begun(finder, server)
    assert [owner["uid"] for owner in job["metadata"]["ownerReferences"]] == ["uid-fraud"]
    assert job["metadata"]["labels"]["team"] == "risk"
    assert job["spec"]["backoffLimit"] == 0
    assert [(one["name"], one["value"]) for one in job["spec"]["template"]["spec"]["containers"][0]["env"]] == [
        ("MODELROLLOUT_VERSION", "v8"),
        ("MODELROLLOUT_SERVICE", "fraud-v8"),
        ("MODELROLLOUT_RUN", "v8-1234567890-1"),
        ("MODELROLLOUT_PORT", "own"),
        ("A", "$(MODELROLLOUT_SERVICE)"),
    ]
    assert "env" not in server.objects[CRONJOBS.path("risk", "acceptance")]["spec"]["jobTemplate"]["spec"]
    end(server, "Complete")
    await clock.advance(1)
    assert (await task).verdict is Verdict.PASS


async def test_a_job_that_fails_fails_the_gate_and_says_where_its_logs_are(
    finder: GateFinder, server: FakeServer, clock: FakeClock
) -> None:
    store(server)
    task, _ = await begun(finder, server)
    await clock.advance(1)
    assert not task.done()
    end(server, "Failed", reason="BackoffLimitExceeded", message="it has reached the limit")
    await clock.advance(1)
    found = await task
    assert found.verdict is Verdict.FAIL
    assert f"Job {NAME} failed (BackoffLimitExceeded: it has reached the limit)" in found.message
    assert f"kubectl logs --namespace risk job/{NAME}" in found.message


async def test_the_next_operator_finds_the_job_that_was_made(
    finder: GateFinder, server: FakeServer, clock: FakeClock
) -> None:
    store(server)
    task, _ = await begun(finder, server)
    task.cancel()
    again, _ = await begun(finder, server)
    end(server, "Complete")
    await clock.advance(1)
    assert (await again).verdict is Verdict.PASS
    assert len([one for one in server.requests if one.method == "POST"]) == 1


async def test_a_long_job_is_asked_for_ever_more_rarely(
    finder: GateFinder, server: FakeServer, clock: FakeClock
) -> None:
    store(server)
    task, _ = await begun(finder, server)
    for _ in range(600):
        await clock.advance(1)
    assert len(server.requests) < 100
    task.cancel()


@pytest.mark.parametrize("labels", [{}, {"modelrollout.io/gate": "false"}])
async def test_a_template_whose_owner_did_not_allow_it_is_never_run(
    finder: GateFinder, server: FakeServer, labels: dict[str, str]
) -> None:
    store(server, labels)
    found = await finder.find(CHECK)
    assert found.verdict is Verdict.ERROR
    assert "its owner must give it the label modelrollout.io/gate=true" in found.message
    assert WHERE not in server.objects


async def test_what_is_missing_is_said_and_is_no_failure_of_the_model(finder: GateFinder, server: FakeServer) -> None:
    assert "CronJob acceptance is not there" in (await finder.find(CHECK)).message
    store(server)
    server.put(WHERE, {"metadata": {"namespace": "risk", "name": NAME}})
    assert "belongs to somebody else" in (await finder.find(CHECK)).message
    server.before = lost
    assert (await finder.find(CHECK)).verdict is Verdict.ERROR


async def test_an_operator_without_the_right_says_how_it_gets_it(finder: GateFinder, server: FakeServer) -> None:
    server.before = lambda _: Forbidden("jobs.batch is forbidden", 403)
    found = await finder.find(CHECK)
    assert (found.verdict, found.reason) == (Verdict.ERROR, "JobsForbidden")
    assert "rbac.gateJobs" in found.message


async def test_a_job_that_somebody_deletes_is_no_failure_of_the_model(
    finder: GateFinder, server: FakeServer, clock: FakeClock
) -> None:
    store(server)
    task, _ = await begun(finder, server)
    server.delete(WHERE)
    await clock.advance(1)
    assert (await task).reason == "JobDeleted"
