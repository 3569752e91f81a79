"""Puts an overview together from the object, its run's plan, its endpoints and live values; pure."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from pydantic import ValidationError

from modelrollout.api import ModelRolloutSpec, Requirement
from modelrollout.api.arms import ArmState
from modelrollout.api.status import Condition, MetricStatus, ModelRolloutStatus, Phase, Run, RunState
from modelrollout.cli.exits import CommandFailed
from modelrollout.cli.overview import Countdown, Live, MetricRow, Overview, StepRow, StepState, VersionRow
from modelrollout.decisions.gate import deciding
from modelrollout.decisions.steps import PlannedStep
from modelrollout.decisions.strategies import compile_steps
from modelrollout.errors import InvalidSpec

_ABNORMAL = {
    "UnprovenChange": "True",
    "CandidateIndistinguishable": "True",
    "KeepsRestarting": "True",
    "Degrading": "True",
    "ModelStale": "True",
    "Stalled": "True",
    "SpecValid": "False",
    "RouteClaimed": "False",
    "AnalysisHealthy": "False",
    "TrafficMatches": "False",
    "SplitMatches": "False",
}


def read_status(document: Mapping[str, Any]) -> ModelRolloutStatus:
    """The status of a rollout as read from the API server.

    Raises:
        CommandFailed: it holds a value that this plugin does not know.
    """
    try:
        return ModelRolloutStatus.model_validate(document.get("status") or {})
    except ValidationError as error:
        place = ".".join(map(str, error.errors()[0]["loc"]))
        raise CommandFailed(
            f"status.{place} holds a value this plugin does not know: {error.errors()[0]['msg']}",
            "The operator may be newer than the plugin: compare `kubectl modelrollout version`, "
            "or read the object itself with `kubectl get mro NAME -o yaml`.",
        ) from None


def readable_status(document: Mapping[str, Any]) -> tuple[ModelRolloutStatus, tuple[str, ...]]:
    """As much of the status as this plugin knows, and the names of the fields that it does not.

    Half a look is better than none when the operator is newer.
    """
    status, unreadable = dict(document.get("status") or {}), list[str]()
    while True:
        try:
            return ModelRolloutStatus.model_validate(status), tuple(unreadable)
        except ValidationError as error:
            for name in {str(one["loc"][0]) for one in error.errors()}:
                del status[name]
                unreadable.append(name)


def gather(
    document: Mapping[str, Any],
    *,
    plan: Mapping[str, Any] | None = None,
    ready: Mapping[str, int] | None = None,
    live: Live | None = None,
) -> Overview:
    """Put together what there is to see.

    Args:
        document: the ModelRollout as the API server returns it.
        plan: resolved spec that the present run goes by, when it could be read; else the spec stands in for it.
        ready: ready endpoints by name of Service, None when they may not be read.
        live: values from the leader, None when it could not be reached.
    """
    metadata, spec = document["metadata"], document.get("spec") or {}
    status, unreadable = readable_status(document)
    generation = metadata.get("generation")
    resolved = resolved_spec(plan or spec)
    steps = _steps(resolved, status)
    if live and (status.run is None or live.run != status.run.id):
        live = None  # of another run
    if live and live.observed:
        status.weights.observed = dict(live.observed)
    metrics = live.metrics if live and live.metrics else tuple(status.metrics)
    return Overview(
        namespace=metadata.get("namespace", ""),
        name=metadata["name"],
        phase=str((document.get("status") or {}).get("phase") or "Unseen"),
        unreadable=unreadable,
        message=status.message,
        hypothesis=str(spec.get("hypothesis") or ""),
        strategy=status.strategy,
        target=str(spec.get("target") or ""),
        stable=status.stable,
        candidate=status.candidate,
        weight=status.run.weight if status.run and status.candidate else None,
        unseen_edit=bool(status.observed_generation and generation and status.observed_generation < generation),
        versions=_versions(spec, status, ready),
        steps=tuple(_step_row(number, step, resolved, status.run) for number, step in enumerate(steps)),
        countdowns=_countdowns(resolved, steps, status),
        metrics=_metrics(metrics, resolved),
        metrics_at=live.at if live else status.metrics_at,
        live=live is not None,
        answers=live.answers if live and status.run and live.step == status.run.step else None,
        unreachable=live.unreachable if live else "",
        problems=_problems(status),
        paused_by=_pauses(spec, status),
        run=status.run,
        rejected=tuple(status.rejected),
        commands=tuple(status.commands),
        history=tuple(status.history),
        next_verbs=_next_verbs(status),
    )


def _versions(
    spec: Mapping[str, Any], status: ModelRolloutStatus, ready: Mapping[str, int] | None
) -> tuple[VersionRow, ...]:
    run = status.run
    revisions = {status.stable: status.stable_revision}
    if run:
        revisions |= {arm.version: arm.revision for arm in run.arms} or {run.target: run.revision}
        revisions.setdefault(run.stable, run.stable_revision)
    rows = []
    for version in spec.get("versions") or []:
        name = version.get("name", "")
        marks = {
            "stable": name == status.stable,
            "candidate": name in _candidates(status) and name != status.stable,
            "target": name == spec.get("target"),
            "previous": bool(status.previous) and status.previous is not None and name == status.previous.version,
            "rejected": any(
                one.version == name and one.revision == revisions.get(name, one.revision) for one in status.rejected
            ),
        }
        service = (version.get("service") or {}).get("name", "")
        rows.append(
            VersionRow(
                name=name,
                roles=tuple(role for role, holds in marks.items() if holds),
                desired=status.weights.desired.get(name, 0) if status.weights.desired else None,
                observed=status.weights.observed.get(name, 0) if status.weights.observed else None,
                ready=None if ready is None else ready.get(service, 0),
                revision=revisions.get(name, ""),
                model=(version.get("model") or {}).get("uri", ""),
            )
        )
    return tuple(rows)


def _candidates(status: ModelRolloutStatus) -> tuple[str, ...]:
    """Who is on trial: of an experiment all that are not out."""
    run = status.run
    if run is not None and run.arms and run.state is RunState.TRIAL:
        return tuple(arm.version for arm in run.arms if arm.state is not ArmState.OUT)
    return (status.candidate,)


def _metrics(metrics: Sequence[MetricStatus], plan: ModelRolloutSpec | None) -> tuple[MetricRow, ...]:
    rows = []
    for one in metrics:
        planned = plan.metric(one.name) if plan else None
        known = {field.name: getattr(one, field.name) for field in fields(MetricRow) if field.name != "kind"}
        rows.append(MetricRow(kind=planned.kind if planned else "", **known))
    return tuple(rows)


def resolved_spec(plan: Mapping[str, Any]) -> ModelRolloutSpec | None:
    """A spec as this plugin knows it, None where it cannot be read."""
    try:
        return ModelRolloutSpec.model_validate(plan)
    except ValidationError:
        return None


def _steps(plan: ModelRolloutSpec | None, status: ModelRolloutStatus) -> tuple[PlannedStep, ...]:
    try:
        steps = compile_steps(plan) if plan else ()
    except InvalidSpec:
        return ()
    # The spec stands in for a plan that could not be read; where it has another number of steps it was edited since.
    return steps if status.run is None or status.run.steps in (0, len(steps)) else ()


def _step_row(index: int, step: PlannedStep, plan: ModelRolloutSpec | None, run: Run | None) -> StepRow:
    return StepRow(
        number=index + 1,
        weight=step.weight,
        hold=step.hold.total_seconds(),
        samples=step.samples,
        state=_step_state(index, run),
        deadline=step.deadline.total_seconds() if step.deadline else None,
        approval=step.approval,
        needs_pass=step.require is Requirement.PASS,
        name=step.name,
        mirror=step.mirror,
        audience=step.audience,
        decides=None if plan is None else deciding(plan, step),
        webhooks=tuple(one.name for one in step.webhooks),
    )


def _step_state(index: int, run: Run | None) -> StepState:
    if run is None or (run.state is RunState.TRIAL and run.exposed_at is None):
        return StepState.AHEAD
    if run.outcome in ("Promoted", "Forced", "Undone", "Reported"):
        return StepState.DONE
    if index == run.step:
        return StepState.PRESENT if run.state is RunState.TRIAL else StepState.STOPPED
    return StepState.DONE if index < run.step else StepState.AHEAD


def _countdowns(
    plan: ModelRolloutSpec | None, steps: Sequence[PlannedStep], status: ModelRolloutStatus
) -> tuple[Countdown, ...]:
    run = status.run
    if run is None:
        return ()
    if run.state is RunState.WATCHING:
        return (Countdown("watch", run.watch_until),)
    if run.state is not RunState.TRIAL or run.exposed_at is None:
        return ()
    found = []
    if run.step < len(steps):
        step = steps[run.step]
        if run.skipped_step != run.step:
            found.append(Countdown("hold", run.step_started_at + step.hold))
        if step.deadline:
            found.append(Countdown("step deadline", run.step_started_at + step.deadline))
    if plan:
        still = run.still_since is not None
        ends = None if still else run.advanced_at + plan.progress_deadline
        found.append(Countdown("progress deadline", ends, still))
    return tuple(found)


def _problems(status: ModelRolloutStatus) -> tuple[Condition, ...]:
    """Conditions that are not as they should be; one sentence is shown once."""
    said = {status.message, ""}
    found = []
    for one in status.conditions:
        if _ABNORMAL.get(one.type) == one.status and one.message not in said:
            said.add(one.message)
            found.append(one)
    return tuple(found)


def _pauses(spec: Mapping[str, Any], status: ModelRolloutStatus) -> tuple[str, ...]:
    by_spec = ("spec.paused",) if spec.get("paused") else ()
    return by_spec + tuple(f"{one.by}: {one.reason}" if one.reason else one.by for one in status.paused_by)


def _next_verbs(status: ModelRolloutStatus) -> tuple[tuple[str, str], ...]:
    """Verbs that make sense now, each with what it would do."""
    run, phase = status.run, status.phase
    if phase is Phase.AWAITING_APPROVAL:
        return ("approve", "let it go on"), ("abort", "take it back")
    if phase is Phase.PAUSED:
        return ("resume", "let it go on"), ("abort", "take it back")
    if phase in (Phase.PROGRESSING, Phase.HOLDING):
        return ("pause", "stay at this weight"), ("abort", "take it back")
    if phase is Phase.QUEUED and run:
        return (("abort", f"take {run.target} out of the queue"),)
    if phase is Phase.WATCHING and status.previous:
        return (("undo", f"give all traffic back to {status.previous.version}"),)
    if phase is Phase.ROLLED_BACK and run:
        return (("retry", f"try {run.target} again"),)
    return ()
