"""A Job as a gate: made from the template of a CronJob that allows it, waited for, and read.

The Job is asked for by name while the gate waits, and not watched: that would need the right to list every Job of a
namespace.
"""

from modelrollout.api import GateJob
from modelrollout.api.status import Verdict
from modelrollout.decisions.checks import Check, CheckResult, job_name
from modelrollout.kube.client import Client
from modelrollout.kube.clock import Clock
from modelrollout.kube.errors import AlreadyExists, Forbidden, KubeError, NotFound
from modelrollout.kube.resources import CRONJOBS, JOBS, Obj
from modelrollout.manifests.gate_jobs import ALLOWED, allows_gates, gate_job

_SHORTEST_PAUSE, _LONGEST_PAUSE = 1.0, 10.0


async def run_job(check: Check, asked: GateJob, client: Client, clock: Clock) -> CheckResult:
    """Make the Job unless it is there, wait for its end. It passes when it completes and fails when it fails."""
    try:
        name = job_name(check, check.what)  # type: ignore[arg-type]
        job = await _made(check, asked, name, client)
        if isinstance(job, str):
            return CheckResult(check, Verdict.ERROR, "NoJob", job)
        began = clock.monotonic()
        while (ended := _ended(job)) is None:
            waited = clock.monotonic() - began
            await clock.sleep(min(_LONGEST_PAUSE, max(_SHORTEST_PAUSE, waited / 10)))
            job = await client.get(JOBS, check.namespace, name)
    except NotFound:
        said = f"Job {name} was deleted before it ended: another one is made"
        return CheckResult(check, Verdict.ERROR, "JobDeleted", said)
    except Forbidden as error:
        said = f"the operator may not run Jobs (rbac.gateJobs of its chart): {error}"
        return CheckResult(check, Verdict.ERROR, "JobsForbidden", said)
    except KubeError as error:
        return CheckResult(check, Verdict.ERROR, "NoJob", f"Job {name}: {error}")
    logs = f"kubectl logs --namespace {check.namespace} job/{name}"
    complete, why = ended
    if complete:
        return CheckResult(check, Verdict.PASS, "JobComplete", f"Job {name} completed")
    return CheckResult(check, Verdict.FAIL, "JobFailed", f"Job {name} failed ({why}); its logs: {logs}")


async def _made(check: Check, asked: GateJob, name: str, client: Client) -> Obj | str:
    """The Job, or why there is none."""
    try:
        return _own(await client.get(JOBS, check.namespace, name), check)
    except NotFound:
        pass
    try:
        cron_job = await client.get(CRONJOBS, check.namespace, asked.cron_job)
    except NotFound:
        return f"CronJob {asked.cron_job} is not there: create it, suspended, with the label {ALLOWED}"
    if not allows_gates(cron_job):
        return f"CronJob {asked.cron_job} does not allow it: its owner must give it the label {ALLOWED}"
    try:
        return await client.create(JOBS, check.namespace, gate_job(check, name, cron_job))
    except AlreadyExists:
        return _own(await client.get(JOBS, check.namespace, name), check)


def _own(job: Obj, check: Check) -> Obj | str:
    owners = {owner.get("uid") for owner in job["metadata"].get("ownerReferences") or []}
    return job if check.uid in owners else f"Job {job['metadata']['name']} belongs to somebody else: delete it"


def _ended(job: Obj) -> tuple[bool, str] | None:
    """Whether it completed and why not; None while it goes on."""
    for condition in (job.get("status") or {}).get("conditions") or []:
        if condition.get("status") == "True" and condition.get("type") in ("Complete", "Failed"):
            why = ": ".join(filter(None, (condition.get("reason"), condition.get("message"))))
            return condition["type"] == "Complete", why or "no reason given"
    return None
