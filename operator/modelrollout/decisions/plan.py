"""`plan()`: from what is wanted, remembered and seen to what is to be done. Pure: no clock, no I/O."""

from datetime import datetime, timedelta

from modelrollout.api import ModelRollout, ModelRolloutSpec, RevisionPolicy
from modelrollout.api.status import Outcome, Phase, RunState
from modelrollout.decisions import aftermath, delivery, replica_shares, runs
from modelrollout.decisions.adoption import AUDIENCE_UNUSABLE, Adoption, Obstacle, adopt, obstacle
from modelrollout.decisions.conditions import MESSAGE, set_condition
from modelrollout.decisions.decision import Decision, Reason
from modelrollout.decisions.draft import Draft
from modelrollout.decisions.effective import effective, missing_version
from modelrollout.decisions.experiments import sticking
from modelrollout.decisions.experiments import trial as experiment
from modelrollout.decisions.experiments.asking import question_about
from modelrollout.decisions.experiments.follow import follow_candidates
from modelrollout.decisions.findings import Evidence
from modelrollout.decisions.gate import Gate
from modelrollout.decisions.monitoring import attending
from modelrollout.decisions.observed import Observed
from modelrollout.decisions.questions import Question
from modelrollout.decisions.queueing import step_aside
from modelrollout.decisions.reverts import revert, reverts
from modelrollout.decisions.scaling import follow_orders, orders, retire, without_leaving
from modelrollout.decisions.significance import worth_writing
from modelrollout.decisions.stated import HEALTHY, REVERSALS_CONTESTED
from modelrollout.decisions.steps import PlannedStep
from modelrollout.decisions.strategies import compile_steps
from modelrollout.decisions.summary import summarise
from modelrollout.decisions.superseding import supersede
from modelrollout.decisions.traffic import agrees, in_flight, intent, preview_header, reaches, weights_agree
from modelrollout.decisions.trial import advance, paused, present_gate
from modelrollout.decisions.verbs import answer_commands

CONTESTED_BACKOFF = timedelta(seconds=30)

LINES_KEPT = 8
"""Newest lines of the record that status repeats: the record itself is written a little later, several at a time."""

_STOPS_PROGRESS_ONLY = frozenset({"UnknownBackend", "RouteNotAccepted", AUDIENCE_UNUSABLE})


def plan(
    rollout: ModelRollout,
    spec_error: str,
    snapshot: ModelRolloutSpec | None,
    observed: Observed,
    evidence: Evidence | None,
    now: datetime,
) -> Decision:
    """Decide what follows.

    Args:
        rollout: as stored, with presets and templates expanded; its spec is None when it cannot be read.
        spec_error: why the written spec does not count as it stands, empty when it does.
        snapshot: resolved plan of the present run, None when there is no run.
        observed: what was seen of route, versions and commands.
        evidence: what Prometheus says of the present run, None when it was not asked yet.
        now: the moment of the decision, aware.
    """
    effect = effective(rollout, spec_error, snapshot)
    if effect.spec is None or effect.unresolved:
        return _unreadable(rollout, effect.refusal, now)
    draft = Draft(
        rollout=rollout,
        spec=effect.spec,
        written=None if spec_error else rollout.spec,
        status=rollout.status.model_copy(deep=True),
        observed=without_leaving(rollout.status, observed),
        evidence=evidence,
        now=now,
        refusal=effect.refusal,
    )
    follow_orders(draft)
    steps = compile_steps(draft.spec)
    blocked = obstacle(rollout, draft.spec, observed)
    if not runs.begun(draft.status.run):
        draft.refusal = draft.refusal or missing_version(draft.spec, draft.status)
    _note_refusal(draft)
    if blocked is None and not draft.status.stable:
        blocked = _adopt(draft)
    _note_obstacle(draft, blocked)
    halted = _halted(draft, blocked)
    if draft.status.stable and not halted:
        answer_commands(draft, steps)
        _follow_target(draft, steps)
        steps = compile_steps(draft.spec)  # that of the next run, if the present one has ended
        draft.blocked = draft.blocked or replica_shares.refusal(draft)
        _advance(draft, steps)
    else:
        step_aside(draft.status.run)
    return _conclude(draft, steps, blocked, halted=halted)


def question(
    rollout: ModelRollout, spec_error: str, snapshot: ModelRolloutSpec | None, observed: Observed
) -> Question | None:
    """What Prometheus is to be asked now, None when nothing: no run, or no traffic on the candidate."""
    effect = effective(rollout, spec_error, snapshot)
    return (
        None
        if effect.spec is None or effect.unresolved
        else question_about(rollout, effect.spec, rollout.status, observed)
    )


def _unreadable(rollout: ModelRollout, error: str, now: datetime) -> Decision:
    """The written spec cannot be read and no run goes on: say so, touch nothing."""
    status = rollout.status.model_copy(deep=True)
    status.phase, status.message = Phase.INVALID, error[:1024]
    status.observed_generation = generation = rollout.metadata.generation
    step_aside(status.run)
    for kind, value in (("SpecValid", False), ("Ready", False), ("Stalled", True), ("Reconciling", False)):
        set_condition(status, kind, value, reason="SpecRefused", message=error, generation=generation, now=now)
    return Decision(status=status, write_status=worth_writing(rollout.status, status))


def _note_refusal(draft: Draft) -> None:
    old = draft.rollout.status.condition("SpecValid")
    if draft.refusal and (old is None or old.status == "True" or old.message != draft.refusal[:MESSAGE]):
        draft.say(Reason.SPEC_REFUSED, draft.refusal, warning=True)


def _note_obstacle(draft: Draft, blocked: Obstacle | None) -> None:
    old = draft.rollout.status.condition("RouteClaimed")
    if blocked is not None and blocked.invalid and (old is None or old.message != blocked.message[:MESSAGE]):
        draft.say(Reason.ROUTE_REFUSED, blocked.message, warning=True)


def _adopt(draft: Draft) -> Obstacle | None:
    found = adopt(draft.rollout, draft.spec, draft.observed)
    if isinstance(found, Adoption):
        draft.status.stable = found.stable
        draft.status.stable_revision = draft.observed.revision(found.stable)
        draft.say(Reason.ADOPTED, f"{found.stable} is the stable version: {found.how}")
        return None
    return found


def _halted(draft: Draft, blocked: Obstacle | None) -> bool:
    """Whether the route must not be written. What only stops progress is left to the run: its guardrails still act."""
    contested, aside = draft.observed.reversals, draft.observed.route.aside
    if aside and preview_header(draft.spec) is not None:
        draft.blocked = aside
    no_mirror = draft.observed.route.no_mirror
    if no_mirror and any(step.mirror for step in compile_steps(draft.spec)):
        draft.blocked = no_mirror
    draft.blocked = sticking.hindrance(draft) or draft.blocked
    if delivery.overdue(draft):
        draft.blocked = "no step advances while the route does not say what was decided"
    if contested.times >= REVERSALS_CONTESTED:
        draft.blocked = f"no step advances while {contested.manager} changes the weights too"
        if contested.until is not None:
            draft.wake_at(contested.until)
    if blocked is not None and runs.begun(draft.status.run) and blocked.reason in _STOPS_PROGRESS_ONLY:
        draft.blocked = blocked.message
        return False
    return blocked is not None or bool(draft.status.stable and draft.spec.version(draft.status.stable) is None)


def _follow_target(draft: Draft, steps: tuple[PlannedStep, ...]) -> None:
    """Begin, withdraw or supersede a run when the target, or what it runs, is another one than that of the run."""
    target, status, run = draft.spec.target, draft.status, draft.status.run
    if target is None:
        follow_candidates(draft)
        return
    if run is not None and run.state in (RunState.TRIAL, RunState.PROMOTING, RunState.WATCHING):
        if target == run.stable:
            _withdraw(draft)
        elif target != run.target or (run.arms and run.state is RunState.TRIAL):
            _supersede(draft, target, steps, "the target changed")
        elif run.state is RunState.TRIAL and _candidate_changed(draft):
            _supersede(draft, target, steps, f"what {target} runs changed")
        return
    if run is not None and run.state is RunState.TAKING_BACK:
        return
    if target != status.stable:
        _set_out(draft, target, steps)


def _set_out(draft: Draft, target: str, steps: tuple[PlannedStep, ...]) -> None:
    """Go for a target that does not serve: back to the previous version in one write, or by a run."""
    if reverts(draft, target):
        if not paused(draft):
            revert(draft, target)
    else:
        _begin(draft, target, steps)


def _candidate_changed(draft: Draft) -> bool:
    run, revision = draft.run, draft.observed.revision(draft.run.target)
    changed = bool(revision) and revision != run.revision
    return changed and (run.exposed_at is None or draft.spec.on_new_revision is RevisionPolicy.RESTART)


def _withdraw(draft: Draft) -> None:
    run = draft.run
    if run.queued:
        runs.withdraw_queued(draft, Outcome.WITHDRAWN, "Withdrawn", f"the target was set back to {run.stable}")
        draft.say(Reason.WITHDRAWN, f"{run.on_trial} leaves the queue: {run.message}")
        return
    if run.state is not RunState.TRIAL and not draft.observed.ready(run.stable):
        return
    runs.take_back(draft, Outcome.WITHDRAWN, "Withdrawn", f"the target was set back to {run.stable}")
    draft.say(Reason.WITHDRAWN, f"{run.on_trial} is withdrawn: {run.message}")


def _supersede(draft: Draft, target: str, steps: tuple[PlannedStep, ...], why: str) -> None:
    """End the run in favour of one of this target."""
    if supersede(draft, why, starts=not reverts(draft, target)) and target != draft.status.stable:
        _set_out(draft, target, steps)


def _begin(draft: Draft, target: str, steps: tuple[PlannedStep, ...]) -> None:
    """Begin a run unless this revision was tried already, was rejected, or cannot be found."""
    run, revision = draft.status.run, draft.observed.revision(target)
    if not revision:
        return
    rejected = runs.rejection(draft, target)
    if rejected is not None:
        if draft.rollout.status.observed_generation != draft.rollout.metadata.generation:
            message = f"{target} was rejected in {rejected.run}: change the target or its model, or retry"
            draft.say(Reason.TARGET_REJECTED, message, warning=True)
        return
    tried = run is not None and (run.target, run.revision) == (target, revision)
    if tried and run is not None and run.outcome is not Outcome.SUPERSEDED and run.outcome is not Outcome.WITHDRAWN:
        return
    runs.begin(draft, target, compile_steps(draft.spec))


def _advance(draft: Draft, steps: tuple[PlannedStep, ...]) -> None:
    """Carry on the run. A state that was reached now may go on at once, so that one write says it all."""
    run = draft.status.run
    if run is None:
        return
    if run.state is RunState.TRIAL:
        (experiment.advance if run.arms else advance)(draft, steps)
    elif run.state is RunState.PROMOTING:
        aftermath.promoting(draft)
    elif run.state is RunState.WATCHING:
        aftermath.watching(draft)
    if run.state is RunState.TAKING_BACK:
        aftermath.taking_back(draft)


def _gate(draft: Draft, steps: tuple[PlannedStep, ...]) -> Gate | None:
    run = draft.status.run
    trial = run is not None and run.state is RunState.TRIAL and run.exposed_at is not None and not run.arms
    return present_gate(draft, steps) if trial else None


def _conclude(draft: Draft, steps: tuple[PlannedStep, ...], blocked: Obstacle | None, *, halted: bool) -> Decision:
    _note_unproven(draft)
    retire(draft)
    attending.attend(draft)
    summarise(draft, blocked, _gate(draft, steps))
    if draft.record:
        lines = [*draft.status.last_record, *(dict(line) for line in draft.record)]
        draft.status.last_record = lines[-LINES_KEPT:]
    _note_blindness(draft)
    _note_unusable(draft, delivery.SECOND_ROUTE_READY, Reason.SECOND_ROUTE_UNUSABLE)
    _note_unusable(draft, "StickyReady", Reason.STICKY_UNUSABLE)
    _note_split(draft)
    _note_restarts(draft)
    attending.note_age(draft)
    _note_identical(draft)
    delivery.note_overdue(draft)
    old, new = draft.rollout.status, draft.status
    wanted = None if halted else intent(draft.rollout, draft.spec, new)
    route = draft.observed.route
    if wanted is not None and (not reaches(route, wanted) or (agrees(route, wanted) and not route.outdated)):
        wanted = None
    not_before = _repair_moment(draft) if wanted is not None else None
    return Decision(
        status=new,
        write_status=worth_writing(old, new),
        traffic=wanted,
        scales=() if halted else orders(draft),
        snapshot=draft.snapshot,
        events=tuple(draft.events),
        wake_at=min(draft.wake, default=None),
        check=draft.check or (draft.admission.check if draft.admission is not None else None),
        analyse=question_about(draft.rollout, draft.spec, new, draft.observed) is not None,
        monitor=None if halted else attending.monitored_of(draft.rollout, draft.spec, new, draft.observed),
        repair_not_before=not_before,
        record=tuple(draft.record),
    )


def _note_blindness(draft: Draft) -> None:
    """Say it once when the metrics can no longer be judged: people must know why nothing advances."""
    old, new = draft.rollout.status.condition(HEALTHY), draft.status.condition(HEALTHY)
    if new is not None and new.status == "False" and (old is None or old.status != "False"):
        draft.say(Reason.ANALYSIS_FAILING, f"{new.message}; no step is left until this is mended", warning=True)


def _note_unusable(draft: Draft, kind: str, reason: Reason) -> None:
    """Say it once when what the operator keeps beside the weights cannot be had, as a condition of that kind says."""
    old, new = draft.rollout.status.condition(kind), draft.status.condition(kind)
    if new is not None and new.status == "False" and (old is None or old.message != new.message):
        draft.say(reason, new.message, warning=True)


def _note_split(draft: Draft) -> None:
    """Say it once, in numbers, when the versions do not answer the shares that their weights intend."""
    old, new = draft.rollout.status.condition("SplitMatches"), draft.status.condition("SplitMatches")
    split = draft.evidence.split if draft.evidence is not None else None
    if new is not None and new.status == "False" and (old is None or old.status != "False") and split is not None:
        numbers = f"{split.found:.3g} of all answers where {split.intended:.3g} are intended"
        draft.say(Reason.TRAFFIC_UNEVEN, f"{new.message} ({numbers})", warning=True)


def _note_restarts(draft: Draft) -> None:
    """Say it once when new revisions come faster than a trial can end: nothing would ever be promoted."""
    old, new = draft.rollout.status.condition("KeepsRestarting"), draft.status.condition("KeepsRestarting")
    if new is not None and new.status == "True" and (old is None or old.status != "True"):
        draft.say(Reason.KEEPS_RESTARTING, new.message, warning=True)


def _note_identical(draft: Draft) -> None:
    """Say it once when the candidate cannot be told from stable: somebody may have forgotten to push the model."""
    kind = "CandidateIndistinguishable"
    old, new = draft.rollout.status.condition(kind), draft.status.condition(kind)
    if new is not None and new.status == "True" and (old is None or old.status != "True"):
        draft.say(Reason.CANDIDATE_INDISTINGUISHABLE, new.message, warning=True)


def _note_unproven(draft: Draft) -> None:
    status, run = draft.status, draft.status.run
    seen = draft.observed.revision(status.stable) if status.stable else ""
    old = draft.rollout.status.condition("UnprovenChange")
    changed = seen and status.stable_revision and seen != status.stable_revision
    if changed and not runs.begun(run) and (old is None or old.status != "True"):
        draft.say(
            Reason.UNPROVEN_CHANGE,
            f"{status.stable} was changed outside of a run and never tried as it is",
            warning=True,
        )
    elif seen and not status.stable_revision:
        status.stable_revision = seen


def _repair_moment(draft: Draft) -> datetime | None:
    """Say that somebody else changed the weights, and back off from a fight."""
    wanted = intent(draft.rollout, draft.spec, draft.status)
    before = intent(draft.rollout, draft.spec, draft.rollout.status)
    route = draft.observed.route
    if wanted is None or before is None or in_flight(route, before) or weights_agree(route, before):
        return None
    writer = route.writer or "somebody"
    if draft.observed.reversals.times >= REVERSALS_CONTESTED:
        old = draft.rollout.status.condition(delivery.TRAFFIC_MATCHES)
        if old is None or old.reason != "Contested":
            draft.say(Reason.CONTESTED, f"{writer} keeps changing the weights: repairs back off to 30 s", warning=True)
        return (draft.observed.reversals.last or draft.now) + CONTESTED_BACKOFF
    changed = "weights or copies" if before.sticky is None else "weights, or what keeps users on one version,"
    draft.say(Reason.TRAFFIC_REPAIRED, f"{writer} changed the {changed} of the route: they are set back", warning=True)
    return None
