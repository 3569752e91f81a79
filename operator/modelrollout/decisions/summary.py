"""Status for people and for tools: phase, sentence, columns and conditions, all computed from what was decided."""

from modelrollout.api.status import ModelRolloutStatus, Outcome, Phase, Run, RunState
from modelrollout.decisions import capacity, replica_shares, runs, together, webhooks
from modelrollout.decisions.admission import MODEL_DIFFERS
from modelrollout.decisions.adoption import Obstacle
from modelrollout.decisions.deadlines import DEADLINE_PASSED
from modelrollout.decisions.draft import Draft
from modelrollout.decisions.experiments import statements as experiment
from modelrollout.decisions.experiments.statements import experiment_metrics
from modelrollout.decisions.freeze import describe, in_force
from modelrollout.decisions.gate import AWAITING_APPROVAL, Gate, Missing, held_until
from modelrollout.decisions.metric_status import metric_status
from modelrollout.decisions.queueing import PAUSED
from modelrollout.decisions.reverts import reverts
from modelrollout.decisions.stated import state_conditions
from modelrollout.decisions.strategies import compile_steps
from modelrollout.decisions.telling import progress, with_numbers
from modelrollout.decisions.traffic import preview_header, shares
from modelrollout.decisions.trial import paused

_HOLDING = frozenset(
    {
        "CandidateUnavailable",
        "StableUnavailable",
        DEADLINE_PASSED,
        "GuardrailFailed",
        "TrafficLost",
        "OutOfMemory",
        "ContainersRestart",
        webhooks.UNANSWERED,
        webhooks.REFUSED,
    }
)

_HELD_BEFORE = frozenset({MODEL_DIFFERS, DEADLINE_PASSED, webhooks.UNANSWERED, webhooks.REFUSED})
"""The same before the first step, where the candidate gets no traffic."""

_WAITING = frozenset({capacity.WAITS, webhooks.WAITS, together.WAITS})

_DONE_PHASES = {
    Outcome.PROMOTED: Phase.COMPLETED,
    Outcome.FORCED: Phase.COMPLETED,
    Outcome.WITHDRAWN: Phase.WITHDRAWN,
    Outcome.SUPERSEDED: Phase.PENDING,
    Outcome.REPORTED: Phase.COMPLETED,
}


def summarise(draft: Draft, obstacle: Obstacle | None, gate: Gate | None) -> None:
    """Fill in everything that is computed. `gate` is the present step's, None outside a trial."""
    status, run = draft.status, draft.status.run
    status.observed_generation = draft.rollout.metadata.generation
    status.strategy = draft.spec.strategy.name
    status.phase, headline = _phase(draft, obstacle, gate)
    if obstacle is not None and obstacle.message not in headline:
        headline = f"{headline}; {obstacle.message}"[:1024]
    status.message = with_numbers(headline, "")
    if run is not None and status.phase is Phase.PROGRESSING:
        numbers = progress(draft.spec, run, gate, draft.evidence, draft.now)
        status.message = with_numbers(headline + _waits_for(run, gate), numbers)
    elif status.phase is Phase.AWAITING_APPROVAL:
        status.message = with_numbers(headline + _lacks(gate), "")
    exposed = run is not None and runs.active(run)
    status.candidate = _candidate(run)[:63] if run is not None and exposed else _waiting_target(draft)
    status.step_text = f"{run.step + 1}/{run.steps}" if run is not None and exposed and run.exposed_at else ""
    status.weight_text = _weight_text(status, run) if run and exposed else ""
    status.weights.desired = dict(shares(status))
    rules = draft.observed.route.rules
    if rules:
        told = next((rule for rule in rules if run is not None and rule.name in run.audience), rules[0])
        status.weights.observed = {name: weight for name, weight in told.weights.items() if weight}
    status.next_check = min(draft.wake, default=None)
    evidence = draft.evidence
    if evidence is not None and run is not None and evidence.run == run.id and (evidence.findings or evidence.arms):
        if run.arms:
            status.metrics = experiment_metrics(draft.spec, run, evidence, status.metrics)
        else:
            status.metrics = [metric_status(finding) for finding in evidence.findings]
        status.evidence = dict(evidence.checkpoint)
        status.metrics_at = draft.now
    state_conditions(draft, obstacle, headline)


def _weight_text(status: ModelRolloutStatus, run: Run) -> str:
    text = runs.percent(_on_trial_share(status, run)).replace(" ", "")
    return f"{text} in {', '.join(run.audience)}"[:80] if run.audience else text


def _candidate(run: Run) -> str:
    """The version on trial, or those that an experiment still tries."""
    return run.on_trial if run.state is RunState.TRIAL else run.target


def _on_trial_share(status: ModelRolloutStatus, run: Run) -> int:
    trial = run.arms and run.state is RunState.TRIAL
    return run.weight if trial else shares(status).get(run.target, 0)


def _waiting_target(draft: Draft) -> str:
    target = draft.spec.target
    return target if target is not None and target != draft.status.stable else ""


def _phase(draft: Draft, obstacle: Obstacle | None, gate: Gate | None) -> tuple[Phase, str]:
    run = draft.status.run
    if obstacle is not None and not runs.begun(run):
        return (Phase.INVALID if obstacle.invalid else Phase.PENDING), obstacle.message
    if draft.refusal and not runs.begun(run):
        return Phase.INVALID, draft.refusal
    if run is None or (run.state is RunState.DONE and _waits_to_begin(draft)):
        return _idle_phase(draft) if draft.spec.candidates is None else experiment.idle(draft)
    if run.state is RunState.TRIAL:
        return _trial_phase(draft, run, gate)
    if run.state is RunState.TAKING_BACK:
        return Phase.ROLLING_BACK, f"all traffic goes back to {run.stable}: {run.message}"
    if run.arms and run.state is RunState.DONE and run.outcome not in _SERVES:
        return experiment.done(draft, run)
    if run.state is RunState.PROMOTING:
        return Phase.PROMOTING, f"{run.target} gets all traffic: {run.message}"
    if run.state is RunState.WATCHING:
        said = f"{run.target} serves; {run.stable} stays ready for undo until the watch ends"
        return Phase.WATCHING, f"{said}{_held_target(draft, run)}"
    phase = _DONE_PHASES.get(run.outcome or Outcome.PROMOTED, Phase.ROLLED_BACK)
    if phase is Phase.ROLLED_BACK and draft.spec.target == draft.status.stable:
        return _idle_phase(draft)  # the manifest was put back: what should serve does, and nobody needs to act
    if run.outcome is Outcome.REPORTED:
        return (
            phase,
            f"{draft.status.stable} serves all traffic; {run.target} was tried and is not promoted: {run.message}",
        )
    if phase is Phase.COMPLETED:
        return phase, f"{run.target} serves all traffic: {run.message}"
    taken = "left the queue" if runs.left_the_queue(run) else "was taken back"
    return phase, f"{draft.status.stable} serves all traffic; {run.target} {taken}: {run.message}"


_SERVES = frozenset({Outcome.PROMOTED, Outcome.FORCED})


def _held_target(draft: Draft, run: Run) -> str:
    """What a new target waits for while the run before it is still watched."""
    frozen, target = in_force(draft.observed.freezes, draft.now), draft.spec.target
    return "" if frozen is None or target in (None, run.target) else f"; {target} waits: {describe(frozen)}"


def _waits_to_begin(draft: Draft) -> bool:
    """Whether the target is neither what serves nor what the last run was about."""
    run, target = draft.status.run, draft.spec.target
    if draft.spec.candidates is not None:
        return experiment.waits(draft)
    if run is None or target is None or target == draft.status.stable:
        return False
    # What was withdrawn, or had to make room, begins anew when it is asked for: if it did not, something hinders it.
    return target != run.target or run.outcome in (Outcome.WITHDRAWN, Outcome.SUPERSEDED)


def _idle_phase(draft: Draft) -> tuple[Phase, str]:
    status, target = draft.status, draft.spec.target
    if not status.stable:
        return Phase.ADOPTING, "finding out which version serves"
    if target is None or target == status.stable:
        return Phase.COMPLETED, f"{status.stable} serves all traffic and is the target"
    rejected = runs.rejection(draft, target)
    if rejected is not None:
        return Phase.ROLLED_BACK, _rejected_text(draft, rejected.run, rejected.message)
    if reverts(draft, target) and paused(draft):
        return Phase.PAUSED, f"{target} waits to serve again: paused {_pauser(draft)}"
    seen = draft.observed.versions.get(target)
    if seen is None or not (seen.workload_found and seen.service_found):
        why = "its workload or Service was not found"
    else:
        why = "what its pods run is not known yet"
    problem = seen.problem if seen is not None else ""
    return Phase.PENDING, f"{target} waits to be tried: {problem or why}"


def _rejected_text(draft: Draft, run: str, why: str) -> str:
    return f"{draft.spec.target} was rejected in {run} ({why}): change the target or its model, or ask for a retry"


def _trial_phase(draft: Draft, run: Run, gate: Gate | None) -> tuple[Phase, str]:
    if run.queued and run.reason != PAUSED:
        return Phase.QUEUED, run.message
    refused = replica_shares.refusal(draft)
    if refused and run.exposed_at is None:
        return Phase.PENDING, f"{run.target} gets no traffic: {refused}"
    if run.reason in _WAITING and not (refused or draft.spec.paused or draft.status.paused_by):
        phase = Phase.PENDING if run.exposed_at is None else Phase.PROGRESSING
        problem = _candidates_problem(draft, run) if run.reason == capacity.WAITS else ""
        return phase, f"{_at_step(run)}{run.message}{problem}"
    if run.exposed_at is None and run.reason in _HELD_BEFORE:
        return Phase.HOLDING, f"{run.on_trial} gets no traffic: {run.message}"
    if run.exposed_at is None and draft.admission is not None and draft.admission.waits:
        return Phase.PENDING, f"{run.on_trial} gets no traffic yet: {draft.admission.waits}"
    if run.exposed_at is None and not (draft.spec.paused or draft.status.paused_by):
        late = [name for name in (*run.trying, run.stable) if not draft.observed.ready(name)]
        if draft.blocked and not late:
            return Phase.PENDING, f"{run.on_trial} waits: {draft.blocked}"
        return Phase.PENDING, f"waiting for a ready endpoint of {' and '.join(late)}{_candidates_problem(draft, run)}"
    if run.reason in _HOLDING:
        return Phase.HOLDING, run.message
    if draft.spec.paused or draft.status.paused_by:
        return Phase.PAUSED, f"paused at {runs.share_of(run)} {_pauser(draft)}; guardrails stay on"
    if gate is not None and gate.asks(run):
        return (
            Phase.AWAITING_APPROVAL,
            f"step {run.step + 1} of {run.steps}{_named(draft, run)} has passed and waits for a person to approve",
        )
    held = f"; {draft.blocked}" if draft.blocked else ""
    if run.arms:
        awaits = run.reason == AWAITING_APPROVAL
        return (Phase.AWAITING_APPROVAL if awaits else Phase.PROGRESSING), (
            run.message if awaits else experiment.trial_text(draft, run) + held
        )
    header = preview_header(draft.spec)
    shown = f", previewed with {header.name}: {header.value}" if header is not None else ""
    at = f"{run.target} at {runs.share_of(run)}"
    return Phase.PROGRESSING, f"step {run.step + 1} of {run.steps}{_named(draft, run)}, {at}{shown}{held}"


def _named(draft: Draft, run: Run) -> str:
    """The name of the present step, where steps have names."""
    steps = compile_steps(draft.spec)
    return f" ({steps[run.step].name})" if run.step < len(steps) and steps[run.step].name else ""


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


def _waits_for(run: Run, gate: Gate | None) -> str:
    """Kinds only, no counts: a sentence that changed with every sample would be written with every sample."""
    if gate is None or gate.open:
        return ""
    held = next((wait.until for wait in gate.waits if wait.kind is Missing.HOLD), None)
    if held is not None:
        return f"; {held_until(run, held)}"
    kinds = {wait.kind for wait in gate.waits}
    if len(kinds) > 1:
        kinds.discard(Missing.TRAFFIC)  # mostly it arrives a moment later, which is not worth a write
    return f"; waits for {', '.join(text for kind, text in _WAITING_TEXTS if kind in kinds)}"


def _lacks(gate: Gate | None) -> str:
    """What a step that waits for a person has lost meanwhile, kinds only."""
    kinds = {wait.kind for wait in gate.waits} & {Missing.EVIDENCE, Missing.PROOF} if gate is not None else set()
    lost = [text for kind, text in _WAITING_TEXTS if kind in kinds]
    return f"; at present it lacks {', '.join(lost)}" if lost else ""


_WAITING_TEXTS = (
    (Missing.FAILED, "a failed goal to recover"),
    (Missing.TRAFFIC, "its weights on the route"),
    (Missing.PREVIEW, "the preview's route"),
    (Missing.EVIDENCE, "fresh data"),
    (Missing.SAMPLES, "more answers"),
    (Missing.PROOF, "proof"),
    (Missing.APPROVAL, "approval"),
)
