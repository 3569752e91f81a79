"""Puts an explanation together from the object, its run's plan, live values and the record; pure."""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from modelrollout.api import ModelRolloutSpec, Role
from modelrollout.api.status import Run, RunState, Verdict
from modelrollout.cli.explain.explanation import Awaited, EndedRun, Explanation, Gathered, MetricAccount
from modelrollout.cli.explain.records import RecordLine, record_lines
from modelrollout.cli.figures import span
from modelrollout.cli.gathering import gather, readable_status, resolved_spec
from modelrollout.cli.overview import Live, MetricRow, Overview, StepRow
from modelrollout.decisions import together, webhooks
from modelrollout.decisions.expectation import Expectation, Outlook, answers_per_second, last_of, of_answers
from modelrollout.decisions.findings import Finding
from modelrollout.decisions.outlook import to_fail, to_pass
from modelrollout.decisions.steps import answer_share


def explain(
    document: Mapping[str, Any],
    now: datetime,
    *,
    plan: Mapping[str, Any] | None = None,
    live: Live | None = None,
    record: Mapping[str, str] | None = None,
) -> Explanation:
    """Account for where a rollout stands.

    Args:
        document: the ModelRollout as the API server returns it.
        now: the moment of asking.
        plan: resolved spec that the run goes by, when it could be read; else the spec stands in for it.
        live: values from the leader, None when it could not be reached.
        record: the decision record's data, None where it could not be read.
    """
    seen = gather(document, plan=plan, live=live)
    status, _ = readable_status(document)
    spec = resolved_spec(plan or document.get("spec") or {})
    lines = record_lines((record or {}).values(), status.last_record)
    metrics = tuple(_account(row, spec, seen, now) for row in seen.metrics)
    return Explanation(
        namespace=seen.namespace,
        name=seen.name,
        phase=seen.phase,
        message=seen.message,
        stable=seen.stable,
        candidate=seen.candidate,
        weight=seen.weight,
        steps=len(seen.steps),
        run=seen.run,
        decision=next((one for one in reversed(lines) if seen.run and one.run == seen.run.id), None),
        metrics=metrics,
        metrics_at=seen.metrics_at,
        live=seen.live,
        unreachable=seen.unreachable,
        missing=tuple(_missing(seen, metrics, now)),
        ended=_ended(seen, lines),
        record_read=record is not None,
        problems=seen.problems,
    )


def _account(row: MetricRow, spec: ModelRolloutSpec | None, seen: Overview, now: datetime) -> MetricAccount:
    metric = spec.metric(row.name) if spec is not None else None
    decides = row.role != Role.MONITOR
    if spec is None or metric is None:
        return MetricAccount(row, _bare(row.evidence_pass), _bare(row.evidence_fail), decides)
    finding, rate = _finding(row), _rate(row, seen, now)
    checks = float(metric.threshold.consecutive) if metric.threshold is not None else None
    for_pass = checks or -math.log(spec.analysis.false_promotion)
    for_fail = checks or (None if finding.alpha is None else -math.log(finding.alpha))
    going_on = seen.run is not None and seen.run.state is RunState.TRIAL and row.verdict is not Verdict.FAIL
    return MetricAccount(
        row,
        _gathered(row.evidence_pass, for_pass, to_pass(metric, finding, spec.analysis, rate) if going_on else None),
        _gathered(row.evidence_fail, for_fail, to_fail(metric, finding, rate) if going_on else None),
        decides,
    )


def _bare(evidence: str | None) -> Gathered | None:
    share = _number(evidence)
    return None if share is None else Gathered(None, None, share)


def _gathered(evidence: str | None, needed: float | None, expected: Expectation | None) -> Gathered | None:
    share = _number(evidence)
    if share is None:
        return None
    return Gathered(None if needed is None else max(0.0, share) * needed, needed, share, expected)


def _finding(row: MetricRow) -> Finding:
    """As far as status keeps it: enough to tell what the metric is heading for."""
    return Finding(
        metric=row.name,
        role=row.role,
        verdict=row.verdict,
        reason=row.reason,
        candidate=_number(row.candidate),
        limit=_number(row.limit),
        evidence_fail=_number(row.evidence_fail),
        evidence_pass=_number(row.evidence_pass),
        candidate_count=row.candidate_count,
        stable_count=row.stable_count,
        alpha=_number(row.alpha),
    )


def _number(text: str | None) -> float | None:
    return float(text) if text is not None and re.fullmatch(r"-?[0-9.]+(e[-+]?[0-9]+)?", text) else None


def _rate(row: MetricRow, seen: Overview, now: datetime) -> float:
    if seen.run is None or seen.run.compared_since is None:
        return 0.0
    seconds = ((seen.metrics_at or now) - seen.run.compared_since).total_seconds()
    return answers_per_second(
        (row.candidate_count, row.stable_count), seconds, answer_share(seen.run.weight, seen.run.mirror)
    )


def _missing(seen: Overview, metrics: Sequence[MetricAccount], now: datetime) -> Iterator[Awaited]:
    run = seen.run
    if run is None:
        return
    if run.state is RunState.WATCHING and run.watch_until is not None:
        text = f"{run.target} is watched until {_clock(run.watch_until, now)}"
        yield Awaited("watch", text, until=run.watch_until)
    if run.state is not RunState.TRIAL:
        return
    if run.exposed_at is None:
        yield Awaited("endpoints", f"a ready endpoint of {run.target} and of {run.stable}")
        return
    for pause in seen.paused_by:
        yield Awaited("resume", f"paused by {pause}: nothing advances until it is resumed")
    step = seen.steps[run.step] if run.step < len(seen.steps) else None
    if step is not None:
        awaited = list(_of_step(seen, run, step, metrics, now))
        yield from awaited
        yield from _deadline(seen, awaited, now)


_CALLS = {
    webhooks.WAITS: "webhook",
    webhooks.UNANSWERED: "webhook",
    webhooks.REFUSED: "webhook",
    together.WAITS: "companions",
}
"""What is waited for, by the reason of a run."""


def _of_step(
    seen: Overview, run: Run, step: StepRow, metrics: Sequence[MetricAccount], now: datetime
) -> Iterator[Awaited]:
    held = next((one.ends for one in seen.countdowns if one.what == "hold"), None)
    if held is not None and held > now:
        yield Awaited("hold", f"step {step.number} is held until {_clock(held, now)}", until=held)
    for one in metrics:
        if one.decides and (step.decides is None or one.row.name in step.decides):
            yield from _of_metric(one, step)
    rate = max((_rate(one.row, seen, now) for one in metrics), default=0.0)
    if step.samples and seen.answers is None:
        yield Awaited(
            "samples", f"{step.samples} answers of {run.target} in this step; how many there are is not known"
        )
    elif step.samples and seen.answers is not None and seen.answers < step.samples:
        text = f"{seen.answers:,} of {step.samples:,} answers of {run.target} in this step"
        yield Awaited("samples", text, of_answers(seen.answers, step.samples, rate))
    if run.reason in _CALLS:
        yield Awaited(_CALLS[run.reason], run.message)
    if step.approval and run.approved_step != run.step:
        yield Awaited(
            "approval", f"a person must approve: kubectl modelrollout approve {seen.name} -n {seen.namespace}"
        )


def _of_metric(one: MetricAccount, step: StepRow) -> Iterator[Awaited]:
    row = one.row
    if row.verdict is Verdict.FAIL:
        yield Awaited("goal" if row.role == Role.GOAL else "guardrail", f"{row.name} failed")
    elif row.verdict is Verdict.ERROR or row.reason not in ("", "NotYet", "Proven", "WithinBounds"):
        yield Awaited("data", f"{row.name} cannot be judged ({row.reason})")
    elif row.verdict is Verdict.INCONCLUSIVE and step.needs_pass:
        expected = one.to_pass.expected if one.to_pass else None
        yield Awaited("proof", f"{row.name} has not passed yet", expected, kind=row.kind)


def _deadline(seen: Overview, awaited: Sequence[Awaited], now: datetime) -> Iterator[Awaited]:
    """The next deadline, where something is not expected before it."""
    deadlines = [(one.ends, one.what) for one in seen.countdowns if one.ends is not None and "deadline" in one.what]
    if not deadlines:
        return
    ends, what = min(deadlines)
    latest = last_of([one.expected for one in awaited if one.expected is not None])
    late = latest.outlook is Outlook.EXPECTED and (latest.seconds or 0.0) > (ends - now).total_seconds()
    if late or latest.outlook is Outlook.NEVER:
        yield Awaited("deadline", f"the {what} comes before that: {_clock(ends, now)}", until=ends)


def _clock(moment: datetime, now: datetime) -> str:
    left = f", {span(moment - now)} left" if moment > now else ""
    return f"{moment:%H:%M:%S} UTC{left}"


def _ended(seen: Overview, lines: Sequence[RecordLine]) -> EndedRun | None:
    if not seen.history:
        return None
    last = seen.history[-1]
    return EndedRun(
        run=last.run,
        target=last.target,
        outcome=last.outcome,
        message=last.message or last.reason,
        started_at=last.started_at,
        ended_at=last.ended_at,
        lines=tuple(one for one in lines if one.run == last.run),
    )
