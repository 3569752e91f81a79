"""What rolls a run back at any time the candidate has traffic: failed guardrails, declared and implicit."""

from dataclasses import dataclass

from modelrollout.api import ModelRolloutSpec, Role
from modelrollout.api.status import Run, Verdict
from modelrollout.decisions.findings import Evidence
from modelrollout.decisions.observed import Observed

RESTARTS_TOLERATED = 2
"""A candidate's containers may restart this often in a run; a crash loop passes it within a minute."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A guardrail that failed: one CamelCase word and a sentence with the numbers."""

    reason: str
    message: str


def failure(spec: ModelRolloutSpec, run: Run, observed: Observed, evidence: Evidence | None) -> Failure | None:
    """The first guardrail that failed in this run, or None.

    Declared guardrails come first, since they carry numbers; then traffic that the candidate did not answer; then
    containers that restarted or were killed for want of memory. Evidence of another run says nothing about this one.
    """
    return failure_of(spec, run.target, run.restarts, observed, evidence if _of_run(evidence, run) else None)


def died(run: Run, observed: Observed) -> Failure | None:
    """What the candidate's containers alone say against it, whatever its metrics; None when nothing."""
    return _containers(run.target, run.restarts, observed)


def _of_run(evidence: Evidence | None, run: Run) -> bool:
    return evidence is not None and evidence.run == run.id


def failure_of(
    spec: ModelRolloutSpec, version: str, restarts: int | None, observed: Observed, evidence: Evidence | None
) -> Failure | None:
    """The same for any version on trial.

    Args:
        spec: the run's plan.
        version: its name.
        restarts: of its containers that are not held against it, None while they are not known.
        observed: what is seen of it.
        evidence: of this version in this run, None without any.
    """
    if evidence is not None:
        guardrails = {metric.name for metric in spec.metrics if metric.role is Role.GUARDRAIL}
        for finding in evidence.findings:
            if finding.metric in guardrails and finding.verdict is Verdict.FAIL:
                return Failure("GuardrailFailed", finding.message)
        if evidence.traffic_lost:
            counted = "by the counts of " + ", ".join(evidence.traffic_lost)
            said = f"{version} answered less than half of its share of the requests, {counted}"
            return Failure("TrafficLost", said)
    return _containers(version, restarts, observed)


def _containers(version: str, known: int | None, observed: Observed) -> Failure | None:
    seen = observed.versions.get(version)
    if seen is None or seen.restarts is None or known is None:
        return None
    restarts = seen.restarts - known
    if restarts > 0 and seen.oom_kills > 0:
        return Failure("OutOfMemory", f"a container of {version} was killed for want of memory")
    if restarts > RESTARTS_TOLERATED:
        return Failure("ContainersRestart", f"containers of {version} restarted {restarts} times since it has traffic")
    return None
