"""Whether the present step may be left, and if not, what is missing."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from modelrollout.api import Metric, ModelRolloutSpec, Requirement, Role
from modelrollout.api.status import Run, Verdict
from modelrollout.decisions.findings import Evidence, Finding
from modelrollout.decisions.steps import PlannedStep

AWAITING_APPROVAL = "AwaitingApproval"
"""Why a run stands still: its step has passed, and a person is asked."""


class Missing(StrEnum):
    """What a gate waits for."""

    HOLD = "Hold"
    EVIDENCE = "Evidence"
    SAMPLES = "Samples"
    FAILED = "Failed"
    TRAFFIC = "Traffic"
    PREVIEW = "Preview"
    PROOF = "Proof"
    APPROVAL = "Approval"


@dataclass(frozen=True, slots=True)
class Wait:
    """One thing a gate waits for: its kind, a sentence, and when it ends by itself where that is known."""

    kind: Missing
    message: str
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Gate:
    """What must still come before the step may be left; open when that is nothing."""

    waits: tuple[Wait, ...]

    @property
    def open(self) -> bool:
        """Whether the step may be left now."""
        return not self.waits

    def only(self, *kinds: Missing) -> bool:
        """Whether nothing but these is waited for."""
        return all(wait.kind in kinds for wait in self.waits)

    def asks(self, run: Run) -> bool:
        """Whether the step has passed and a person is to say that it may be left.

        A question once asked is not taken back and asked again because something is missing for a while that was there:
        the preview that somebody edited, or an answer of Prometheus. Who approves in the meantime has approved.
        """
        if all(wait.kind is not Missing.APPROVAL for wait in self.waits):
            return False
        asked = run.reason == AWAITING_APPROVAL
        return self.only(Missing.APPROVAL, *_COMES_BACK) if asked else self.only(Missing.APPROVAL)

    def lost(self) -> Wait | None:
        """What a step that has passed lacks by now, and cannot be left without; None when nothing."""
        mended = (Missing.APPROVAL, Missing.PREVIEW)
        return next((wait for wait in self.waits if wait.kind not in mended), None)

    def first(self) -> Wait | None:
        """The wait that people should read first: a failure before missing proof before time."""
        order = (
            Missing.FAILED,
            Missing.TRAFFIC,
            Missing.PREVIEW,
            Missing.EVIDENCE,
            Missing.HOLD,
            Missing.SAMPLES,
            Missing.PROOF,
            Missing.APPROVAL,
        )
        return min(self.waits, key=lambda wait: order.index(wait.kind), default=None)


_COMES_BACK = (Missing.PREVIEW, Missing.TRAFFIC, Missing.EVIDENCE, Missing.PROOF)
"""What may be missing for a while without that anybody has to be asked again."""


def gate(spec: ModelRolloutSpec, run: Run, step: PlannedStep, evidence: Evidence | None, now: datetime) -> Gate:
    """Ask every condition for leaving the step.

    A step is left when its hold is over, the candidate has given its samples, the data of every deciding metric is
    fresh and none of them failed; where the step requires Pass, when all of them passed. No data is never a yes.
    """
    return Gate(tuple(_waits(spec, run, step, evidence, now)))


def held_until(run: Run, end: datetime) -> str:
    """Until when the present step is held, with the day where it is another one than that on which it began."""
    began, end = run.step_started_at.astimezone(UTC), end.astimezone(UTC)
    day = "" if began.date() == end.date() else f"{end:%d %b} "
    return f"held until {day}{end:%H:%M:%S} UTC"


def deciding(spec: ModelRolloutSpec, step: PlannedStep) -> tuple[str, ...]:
    """Names of the metrics that decide whether the step may be left: guardrails and goals, not monitors.

    In a preview only thresholds do: without users' requests there is nothing to compare. The same with an audience: its
    requests are not like those that stable's counters hold. What compares two answers to
    the same request decides only where there are such pairs. A step may name those that it needs.
    """
    return tuple(metric.name for metric in spec.metrics if metric.role is not Role.MONITOR and _judged(metric, step))


def _judged(metric: Metric, step: PlannedStep) -> bool:
    if step.metrics is not None and metric.name not in step.metrics:
        return False
    if metric.threshold is not None:
        return True
    return not (step.preview or step.audience) and (step.pairs or not metric.paired_answers)


def counts_answers(spec: ModelRolloutSpec) -> bool:
    """Whether any metric counts the answers of a version; thresholds do not."""
    return any(metric.threshold is None for metric in spec.metrics)


def _waits(
    spec: ModelRolloutSpec, run: Run, step: PlannedStep, evidence: Evidence | None, now: datetime
) -> Iterator[Wait]:
    hold_ends = run.step_started_at + step.hold
    if now < hold_ends and run.skipped_step != run.step:
        yield Wait(Missing.HOLD, f"step {run.step + 1} is {held_until(run, hold_ends)}", hold_ends)
    names = deciding(spec, step)
    current = evidence if evidence is not None and (evidence.run, evidence.step) == (run.id, run.step) else None
    if current is not None and current.unreachable:
        yield Wait(Missing.EVIDENCE, f"Prometheus cannot be asked: {current.unreachable}")
    findings = {finding.metric: finding for finding in current.findings} if current else {}
    for name in names:
        yield from _metric_waits(name, findings.get(name), step)
    if step.samples and counts_answers(spec):
        have = current.answers.get(run.target, 0) if current else 0
        if have < step.samples:
            yield Wait(Missing.SAMPLES, f"{run.target} has given {have} of {step.samples} answers in this step")
    if step.approval and run.approved_step != run.step:
        yield Wait(Missing.APPROVAL, f"step {run.step + 1} of {run.steps} waits for a person to approve")


def _metric_waits(name: str, finding: Finding | None, step: PlannedStep) -> Iterator[Wait]:
    if finding is None:
        yield Wait(Missing.EVIDENCE, f"{name} has not been measured in this step yet")
    elif finding.verdict is Verdict.FAIL:
        yield Wait(Missing.FAILED, f"{name} failed: {finding.message}")
    elif finding.verdict is Verdict.ERROR or not finding.fresh:
        yield Wait(Missing.EVIDENCE, f"{name} has no fresh data ({finding.reason}): {finding.message}")
    elif step.require is Requirement.PASS and finding.verdict is not Verdict.PASS:
        yield Wait(Missing.PROOF, f"{name} is not proven yet: {finding.message}")
    elif step.last and finding.inside_margin is False:
        yield Wait(Missing.PROOF, f"{name} lies outside its margin in this step's own data: {finding.message}")
