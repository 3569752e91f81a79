"""Status for people and for tools: phase, sentence, columns and conditions, all computed from what was decided."""

from collections.abc import Iterator

from pydantic.alias_generators import to_camel

from modelrollout.api import RevisionPolicy, Strategy
from modelrollout.api.status import MetricStatus, Outcome, Phase, Run, RunState, SliceStatus
from modelrollout.decisions import capacity, runs, scaling
from modelrollout.decisions.admission import MODEL_DIFFERS, model_stated
from modelrollout.decisions.adoption import Obstacle
from modelrollout.decisions.conditions import set_condition
from modelrollout.decisions.draft import Draft
from modelrollout.decisions.findings import Finding, SliceFinding
from modelrollout.decisions.freeze import describe, in_force
from modelrollout.decisions.gate import Gate, Missing
from modelrollout.decisions.queueing import PAUSED
from modelrollout.decisions.telling import progress, with_numbers
from modelrollout.decisions.traffic import agrees, in_flight, intent, preview_header, shares, weights_agree

REVERSALS_CONTESTED = 3

RESTARTS_IN_A_ROW = 5
"""So many trials that a new revision ended, one after the other, are said to people."""

_HOLDING = frozenset(
    {
        "CandidateUnavailable",
        "StableUnavailable",
        "DeadlinePassed",
        "GuardrailFailed",
        "TrafficLost",
        "OutOfMemory",
        "ContainersRestart",
    }
)

_DONE_PHASES = {
    Outcome.PROMOTED: Phase.COMPLETED,
    Outcome.FORCED: Phase.COMPLETED,
    Outcome.WITHDRAWN: Phase.WITHDRAWN,
    Outcome.SUPERSEDED: Phase.PENDING,
}


def summarise(draft: Draft, obstacle: Obstacle | None, gate: Gate | None) -> None:
    """Fill in everything that is computed. `gate` is the present step's, None outside a trial."""
    status, run = draft.status, draft.status.run
    status.observed_generation = draft.rollout.metadata.generation
    status.strategy = _strategy(draft.spec.strategy)
    status.phase, headline = _phase(draft, obstacle, gate)
    status.message = with_numbers(headline, "")
    if run is not None and status.phase is Phase.PROGRESSING:
        numbers = progress(draft.spec, run, gate, draft.evidence, draft.now)
        status.message = with_numbers(headline + _waits_for(gate), numbers)
    exposed = run is not None and runs.active(run)
    status.candidate = run.target if run is not None and exposed else _waiting_target(draft)
    status.step_text = f"{run.step + 1}/{run.steps}" if run is not None and exposed and run.exposed_at else ""
    status.weight_text = runs.percent(shares(status).get(run.target, 0)).replace(" ", "") if run and exposed else ""
    status.weights.desired = dict(shares(status))
    rules = draft.observed.route.rules
    if rules:
        status.weights.observed = {name: weight for name, weight in rules[0].weights.items() if weight}
    status.next_check = min(draft.wake, default=None)
    if draft.evidence is not None and run is not None and draft.evidence.run == run.id and draft.evidence.findings:
        status.metrics = [metric_status(finding) for finding in draft.evidence.findings]
        status.evidence = dict(draft.evidence.checkpoint)
        status.metrics_at = draft.now
    _conditions(draft, obstacle, headline)


def _strategy(strategy: Strategy) -> str:
    """The strategy's name as the spec has it."""
    return next((to_camel(name) for name in type(strategy).model_fields if getattr(strategy, name) is not None), "")


def _waiting_target(draft: Draft) -> str:
    target = draft.spec.target
    return target if target is not None and target != draft.status.stable else ""


def _phase(draft: Draft, obstacle: Obstacle | None, gate: Gate | None) -> tuple[Phase, str]:
    run = draft.status.run
    if obstacle is not None and not runs.begun(run):
        return (Phase.INVALID if obstacle.invalid else Phase.PENDING), obstacle.message
    if run is None or (run.state is RunState.DONE and _waits_to_begin(draft)):
        return _idle_phase(draft)
    if run.state is RunState.TRIAL:
        return _trial_phase(draft, run, gate)
    if run.state is RunState.TAKING_BACK:
        return Phase.ROLLING_BACK, f"all traffic goes back to {run.stable}: {run.message}"
    if run.state is RunState.PROMOTING:
        return Phase.PROMOTING, f"{run.target} gets all traffic: {run.message}"
    if run.state is RunState.WATCHING:
        said = f"{run.target} serves; {run.stable} stays ready for undo until the watch ends"
        return Phase.WATCHING, f"{said}{_held_target(draft, run)}"
    phase = _DONE_PHASES.get(run.outcome or Outcome.PROMOTED, Phase.ROLLED_BACK)
    if phase is Phase.ROLLED_BACK and draft.spec.target == draft.status.stable:
        return _idle_phase(draft)  # the manifest was put back: what should serve does, and nobody needs to act
    if phase is Phase.COMPLETED:
        return phase, f"{run.target} serves all traffic: {run.message}"
    taken = "left the queue" if runs.left_the_queue(run) else "was taken back"
    return phase, f"{draft.status.stable} serves all traffic; {run.target} {taken}: {run.message}"


def _held_target(draft: Draft, run: Run) -> str:
    """What a new target waits for while the run before it is still watched."""
    frozen, target = in_force(draft.observed.freezes, draft.now), draft.spec.target
    return "" if frozen is None or target in (None, run.target) else f"; {target} waits: {describe(frozen)}"


def _waits_to_begin(draft: Draft) -> bool:
    """Whether the target is neither what serves nor what the last run was about."""
    run, target = draft.status.run, draft.spec.target
    return run is not None and target is not None and target not in (draft.status.stable, run.target)


def _idle_phase(draft: Draft) -> tuple[Phase, str]:
    status, target = draft.status, draft.spec.target
    if not status.stable:
        return Phase.ADOPTING, "finding out which version serves"
    if target is None or target == status.stable:
        return Phase.COMPLETED, f"{status.stable} serves all traffic and is the target"
    rejected = runs.rejection(draft, target)
    if rejected is not None:
        return Phase.ROLLED_BACK, _rejected_text(draft, rejected.run, rejected.message)
    seen = draft.observed.versions.get(target)
    why = seen.problem if seen is not None and seen.problem else "its workload or Service was not found"
    return Phase.PENDING, f"{target} waits to be tried: {why}"


def _rejected_text(draft: Draft, run: str, why: str) -> str:
    return f"{draft.spec.target} was rejected in {run} ({why}): change the target or its model, or ask for a retry"


def _trial_phase(draft: Draft, run: Run, gate: Gate | None) -> tuple[Phase, str]:
    if run.queued and run.reason != PAUSED:
        return Phase.QUEUED, run.message
    if run.reason == capacity.WAITS and not (draft.spec.paused or draft.status.paused_by):
        phase = Phase.PENDING if run.exposed_at is None else Phase.PROGRESSING
        return phase, f"{_at_step(run)}{run.message}{_candidates_problem(draft, run)}"
    if run.exposed_at is None and run.reason == MODEL_DIFFERS:
        return Phase.HOLDING, f"{run.target} gets no traffic: {run.message}"
    if run.exposed_at is None and draft.admission is not None and draft.admission.waits:
        return Phase.PENDING, f"{run.target} gets no traffic yet: {draft.admission.waits}"
    if run.exposed_at is None and not (draft.spec.paused or draft.status.paused_by):
        late = [name for name in (run.target, run.stable) if not draft.observed.ready(name)]
        if draft.blocked and not late:
            return Phase.PENDING, f"{run.target} waits: {draft.blocked}"
        return Phase.PENDING, f"waiting for a ready endpoint of {' and '.join(late)}{_candidates_problem(draft, run)}"
    if run.reason in _HOLDING:
        return Phase.HOLDING, run.message
    if draft.spec.paused or draft.status.paused_by:
        return Phase.PAUSED, f"paused at {runs.percent(run.weight)} {_pauser(draft)}; guardrails stay on"
    if gate is not None and not gate.open and gate.only(Missing.APPROVAL):
        return (
            Phase.AWAITING_APPROVAL,
            f"step {run.step + 1} of {run.steps} has passed and waits for a person to approve",
        )
    held = f"; {draft.blocked}" if draft.blocked else ""
    header = preview_header(draft.spec)
    shown = f", previewed with {header.name}: {header.value}" if header is not None else ""
    at = f"{run.target} at {runs.percent(run.weight)}"
    return Phase.PROGRESSING, f"step {run.step + 1} of {run.steps}, {at}{shown}{held}"


def _at_step(run: Run) -> str:
    return "" if run.exposed_at is None else f"step {run.step + 1} of {run.steps} may be left, "


def _candidates_problem(draft: Draft, run: Run) -> str:
    """Why the candidate has not the pods it should, unless that is being mended by scaling it."""
    seen = draft.observed.versions.get(run.target)
    mended = seen is not None and seen.replicas == 0 and capacity.entry_of(draft, run.target) is not None
    return f": {seen.problem}" if seen is not None and seen.problem and not mended else ""


def _pauser(draft: Draft) -> str:
    if draft.spec.paused:
        return "by spec.paused"
    last = draft.status.paused_by[-1]
    return f"by {last.by}" + (f": {last.reason}" if last.reason else "")


def _waits_for(gate: Gate | None) -> str:
    """Kinds only, no counts: a sentence that changed with every sample would be written with every sample."""
    if gate is None or gate.open:
        return ""
    held = next((wait.until for wait in gate.waits if wait.kind is Missing.HOLD), None)
    if held is not None:
        return f"; held until {held:%H:%M:%S} UTC"
    kinds = {wait.kind for wait in gate.waits}
    return f"; waits for {', '.join(text for kind, text in _WAITING_TEXTS if kind in kinds)}"


_WAITING_TEXTS = (
    (Missing.FAILED, "a failed goal to recover"),
    (Missing.PREVIEW, "the preview's route"),
    (Missing.EVIDENCE, "fresh data"),
    (Missing.SAMPLES, "more answers"),
    (Missing.PROOF, "proof"),
    (Missing.APPROVAL, "approval"),
)


def metric_status(finding: Finding) -> MetricStatus:
    """A finding as status shows it to people."""
    return MetricStatus(
        name=finding.metric,
        role=str(finding.role),
        verdict=finding.verdict,
        reason=finding.reason,
        message=finding.message[:1024],
        candidate=_number(finding.candidate),
        stable=_number(finding.stable),
        limit=_number(finding.limit),
        effect=_effect(finding),
        candidate_count=finding.candidate_count,
        stable_count=finding.stable_count,
        evidence_fail=_number(finding.evidence_fail),
        evidence_pass=_number(finding.evidence_pass),
        alpha=_number(finding.alpha),
        dispersion=_number(finding.dispersion),
        dispersion_assumed=True if finding.assumed else None,
        lost_strata=finding.lost or None,
        slices=[_slice_status(one) for one in finding.slices[:3]] or None,
    )


def _slice_status(finding: SliceFinding) -> SliceStatus:
    return SliceStatus(
        value=finding.value[:128],
        verdict=finding.verdict,
        candidate=_number(finding.candidate),
        stable=_number(finding.stable),
        effect=_effect(finding),
        evidence_fail=_number(finding.evidence_fail),
        candidate_count=finding.candidate_count,
        stable_count=finding.stable_count,
    )


def _number(value: float | None) -> str | None:
    return None if value is None else f"{value:.4g}"


def _effect(finding: Finding | SliceFinding) -> str | None:
    if finding.effect is None:
        return None
    interval = "" if finding.low is None or finding.high is None else f" [{finding.low:.3g}, {finding.high:.3g}]"
    return f"{finding.effect_kind} {finding.effect:.3g}{interval}"


def _conditions(draft: Draft, obstacle: Obstacle | None, headline: str) -> None:
    """`headline` is the message without what the gate waits for: a condition is not rewritten for every such change."""
    for kind, value, reason, message in (
        _spec_valid(draft),
        _route_claimed(draft, obstacle),
        *_kstatus(draft, obstacle, headline),
        *_analysis(draft),
        *model_stated(draft),
        *_traffic(draft),
        *_second_route(draft),
        *_split(draft),
        *_unproven(draft),
        *_restarts(draft),
        *scaling.stated(draft),
    ):
        set_condition(
            draft.status,
            kind,
            value,
            reason=reason,
            message=message,
            generation=draft.rollout.metadata.generation,
            now=draft.now,
        )


_Stated = tuple[str, bool | None, str, str]


def _spec_valid(draft: Draft) -> _Stated:
    if draft.refusal:
        return "SpecValid", False, "Refused", draft.refusal
    return "SpecValid", True, "Accepted", ""


def _route_claimed(draft: Draft, obstacle: Obstacle | None) -> _Stated:
    if not draft.observed.claim.held:
        return "RouteClaimed", False, "HeldByAnother", obstacle.message if obstacle else draft.observed.claim.holder
    if obstacle is not None:
        return "RouteClaimed", False, obstacle.reason, obstacle.message
    return "RouteClaimed", True, "Held", ""


def _kstatus(draft: Draft, obstacle: Obstacle | None, headline: str) -> Iterator[_Stated]:
    """Ready, Reconciling and Stalled as kstatus reads them: the last two are abnormal when true."""
    status, run = draft.status, draft.status.run
    moving = runs.active(run) and run is not None and run.state is not RunState.WATCHING
    settled = bool(status.stable) and status.stable == draft.spec.target and not moving
    stuck = _stuck(draft, obstacle)
    if settled and not draft.observed.ready(status.stable):
        yield "Ready", False, "StableUnavailable", f"{status.stable} has no ready endpoint"
    elif settled and not draft.refusal:
        yield "Ready", True, str(status.phase), headline
    else:
        yield "Ready", False, stuck or str(status.phase), headline
    yield "Reconciling", not settled and not stuck, str(status.phase), headline
    yield "Stalled", bool(stuck), stuck or "NotStalled", (draft.refusal or headline) if stuck else ""


def _stuck(draft: Draft, obstacle: Obstacle | None) -> str:
    """The reason why nothing will happen until a person acts, empty when something will."""
    run = draft.status.run
    if draft.refusal:
        return "SpecRefused"
    if obstacle is not None:
        return obstacle.reason
    if draft.status.phase is Phase.ROLLED_BACK:
        return str(run.outcome) if run is not None and run.state is RunState.DONE and run.outcome else "RolledBack"
    if draft.status.phase is Phase.HOLDING and run is not None and run.reason != "CandidateUnavailable":
        return run.reason
    return ""


def _analysis(draft: Draft) -> Iterator[_Stated]:
    evidence, run = draft.evidence, draft.status.run
    if run is None or evidence is None or evidence.run != run.id:
        return
    blind = [one for one in evidence.findings if one.verdict == "Error"]
    if evidence.unreachable:
        yield "AnalysisHealthy", False, "Unreachable", f"Prometheus cannot be asked: {evidence.unreachable}"
    elif blind:
        yield "AnalysisHealthy", False, blind[0].reason or "QueryFailed", f"{blind[0].metric}: {blind[0].message}"
    else:
        yield "AnalysisHealthy", True, "Answering", ""


def _traffic(draft: Draft) -> Iterator[_Stated]:
    wanted, route = intent(draft.rollout, draft.spec, draft.status), draft.observed.route
    if wanted is None:
        return
    foreign = draft.observed.reversals
    if foreign.times >= REVERSALS_CONTESTED:
        yield (
            "TrafficMatches",
            False,
            "Contested",
            (
                f"{foreign.manager} changed the weights {foreign.times} times in ten minutes: let it ignore them in "
                "the managed rules, or stop it; no step advances meanwhile"
            ),
        )
    elif agrees(route, wanted) or weights_agree(route, wanted):
        yield "TrafficMatches", True, "Matches", ""
    elif draft.status.condition("TrafficMatches") is None or not in_flight(route, wanted):
        yield "TrafficMatches", False, "Repairing", "the route does not carry the desired weights"


def _second_route(draft: Draft) -> Iterator[_Stated]:
    """Pins and preview, said from the first time on that they cannot be had."""
    if draft.observed.route.aside:
        yield "SecondRouteReady", False, "Unusable", draft.observed.route.aside
    elif draft.status.condition("SecondRouteReady") is not None:
        yield "SecondRouteReady", True, "Usable", ""


def _split(draft: Draft) -> Iterator[_Stated]:
    """Whether each version answers its share of the requests; without numbers, which change with every scrape."""
    evidence, run = draft.evidence, draft.status.run
    if run is None or evidence is None or evidence.run != run.id or evidence.split is None:
        return
    if evidence.split.mismatch:
        said = f"{run.target} answers another share of the requests than its weight: the versions may get unlike ones"
        yield "SplitMatches", False, "Uneven", said
    elif draft.status.condition("SplitMatches") is not None:
        yield "SplitMatches", True, "AsIntended", ""


def _unproven(draft: Draft) -> Iterator[_Stated]:
    """A stable version whose workload changed while nobody tried it; said until something is promoted."""
    status = draft.status
    now_runs = draft.observed.revision(status.stable) if status.stable else ""
    if not now_runs or not status.stable_revision or runs.begun(status.run):
        return
    if now_runs != status.stable_revision:
        yield (
            "UnprovenChange",
            True,
            "WorkloadChanged",
            f"{status.stable} was changed outside of a run: it was never tried as it is",
        )
    elif status.condition("UnprovenChange") is not None:
        yield "UnprovenChange", False, "Proven", ""


def _restarts(draft: Draft) -> Iterator[_Stated]:
    """Trials that new revisions end again and again, before any of them comes to a verdict."""
    run = draft.status.run
    if run is not None and runs.active(run) and run.restarted >= RESTARTS_IN_A_ROW:
        # Without their number: it would be written anew with each of them.
        restarts = draft.spec.on_new_revision is RevisionPolicy.RESTART
        way = "set onNewRevision to FinishFirst, or deliver less often" if restarts else "deliver less often"
        event = "end" if restarts else "begin"
        said = f"{run.target} changes what it runs faster than a trial of it can {event}: {way}"
        yield "KeepsRestarting", True, "NewRevisions", said
    elif draft.status.condition("KeepsRestarting") is not None:
        yield "KeepsRestarting", False, "Settled", ""
