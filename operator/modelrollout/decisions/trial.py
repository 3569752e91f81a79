"""A run on trial: when it goes on, waits or takes everything back."""

from datetime import timedelta

from modelrollout.api import RollbackPolicy
from modelrollout.api.status import Outcome, RunState
from modelrollout.decisions import capacity, runs, together, webhooks
from modelrollout.decisions.admission import GATE_FAILED, MODEL_DIFFERS, admit
from modelrollout.decisions.checks import Admission
from modelrollout.decisions.deadlines import HELD_REASONS, go_on, keep_deadline, roll_back, stand_still
from modelrollout.decisions.decision import Reason
from modelrollout.decisions.delivery import note_arrival, on_its_way
from modelrollout.decisions.draft import Draft
from modelrollout.decisions.gate import AWAITING_APPROVAL, Gate, Missing, Wait, gate
from modelrollout.decisions.guardrails import Failure, died, failure
from modelrollout.decisions.queueing import take_turn
from modelrollout.decisions.record import boundary
from modelrollout.decisions.steps import FULL, PlannedStep
from modelrollout.decisions.telling import in_short
from modelrollout.decisions.traffic import preview_header, previewed

UNAVAILABLE_LIMIT = timedelta(minutes=5)
UNAVAILABLE_TIMES = 3

Steps = tuple[PlannedStep, ...]


def present_gate(draft: Draft, steps: Steps) -> Gate:
    """The gate of the present step."""
    run = draft.run
    found = gate(draft.spec, run, steps[run.step], draft.evidence, draft.now)
    if on_its_way(draft):
        found = Gate((*found.waits, Wait(Missing.TRAFFIC, "the route does not carry the weights of the step yet")))
    shown = previewed(draft.spec, draft.status)
    if shown and draft.observed.route.preview != shown:
        return Gate((*found.waits, Wait(Missing.PREVIEW, f"the header of the preview does not lead to {shown} yet")))
    return found


def advance(draft: Draft, steps: Steps) -> None:
    """Decide one reconcile of a run on trial. The order is the order of danger: users first, progress last."""
    run, observed = draft.run, draft.observed
    run.together = False  # said anew while it is so
    if together.taken_back(draft):
        return
    if run.exposed_at is None:
        _expose(draft, steps)
        return
    _learn_restarts(draft)
    follow_baseline(draft)
    note_arrival(draft, steps)
    if _follow_availability(draft, steps):
        return
    failed = failure(draft.spec, run, observed, draft.evidence)
    if failed is not None and _fail(draft, steps, failed):
        return
    if failed is None and run.reason in HELD_REASONS:
        run.reason, run.message = "", ""
    if failed is None and run.forced:
        _promote_forced(draft, steps)
        return
    if failed is None:  # a held failure has said already that nothing can go back
        note_stable(draft)
    if paused(draft) or draft.blocked or not observed.ready(run.stable):
        stand_still(draft)
        return
    _leave_or_wait(draft, steps, failed)


def _leave_or_wait(draft: Draft, steps: Steps, failed: Failure | None) -> None:
    """Leave the present step if everything is there for that, and else wait for what is missing."""
    run, now_gate = draft.run, present_gate(draft, steps)
    if failed is None and (now_gate.open or run.advance_step == run.step):
        go_on(draft)
        if lacks_capacity(draft, steps) or not (run.advance_step == run.step or agreed(draft, steps)):
            _keep_step_deadline(draft, steps)
        else:
            next_step(draft, steps)
        return
    missed = next((wait for wait in now_gate.waits if wait.kind is Missing.FAILED), None)
    if failed is None and missed is not None and steps[run.step].reported:
        draft.record.append(boundary(draft, "GoalFailed"))
        runs.report(draft, "GoalFailed", missed.message)  # it stays so: there is nothing to wait for
        return
    if run.reason in (capacity.WAITS, webhooks.WAITS, webhooks.UNANSWERED, together.WAITS):
        run.reason, run.message = "", ""
    if failed is None and now_gate.asks(run):
        if run.reason != AWAITING_APPROVAL:
            run.reason, run.message = (
                AWAITING_APPROVAL,
                f"step {run.step + 1} of {run.steps} has passed: approve or abort",
            )
            draft.say(Reason.AWAITING_APPROVAL, run.message)
        stand_still(draft)
        return
    if run.reason == AWAITING_APPROVAL:
        run.reason, run.message = "", ""
    _keep_step_deadline(draft, steps)
    for wait in now_gate.waits:
        if wait.until is not None:
            draft.wake_at(wait.until)


def paused(draft: Draft) -> bool:
    """Whether a person or the spec stopped progress; guardrails go on."""
    return draft.spec.paused or bool(draft.status.paused_by)


def _expose(draft: Draft, steps: Steps) -> None:
    """Give the first weight once it has its turn and both versions are ready; from its turn on the deadline counts."""
    run, observed = draft.run, draft.observed
    if run.queued and not take_turn(draft, steps):
        return
    if paused(draft) or draft.blocked:
        stand_still(draft)
        return
    lacking = capacity.lacking(draft, steps[0].load)
    if not lacking and observed.ready(run.target) and observed.ready(run.stable):
        if not _admitted(draft) or not _announced(draft, steps):
            return
        runs.enter(draft, 0, steps)
        run.exposed_at, run.reason, run.message = draft.now, "", ""
        seen = observed.versions.get(run.target)
        run.restarts = seen.restarts if seen is not None else None
        draft.say(
            Reason.RUN_STARTED,
            f"{run.id}: {_first(draft, steps)}, step 1 of {run.steps}",
        )
        draft.record.append(boundary(draft, "RunStarted"))
        draft.wake_at(draft.now + steps[0].hold)
        return
    never = run.message if lacking else f"{run.target} or {run.stable} never became ready"
    keep_deadline(draft, steps[0].deadline, never)


def _admitted(draft: Draft) -> bool:
    """Whether the candidate has shown all that it must before its first step; where it failed, the run ends."""
    run = draft.run
    draft.admission = shown = admit(draft, run.target)
    note_model(draft, run.target, shown)
    if shown.failed:
        draft.record.append(boundary(draft, GATE_FAILED))
        runs.take_back(draft, Outcome.ROLLED_BACK, GATE_FAILED, shown.failed)
        draft.say(Reason.GATE_FAILED, f"{run.target} gets no traffic: {shown.failed}", warning=True)
        return False
    if shown.waits:
        await_admission(draft, shown)
        return False
    return True


def note_model(draft: Draft, candidate: str, shown: Admission) -> None:
    """Say it, once, while a candidate serves another model than is declared."""
    run = draft.run
    if shown.identity is not None and shown.identity.matches is False:
        run.reason, run.message = MODEL_DIFFERS, shown.identity.message[:1024]
        if draft.told(MODEL_DIFFERS) != run.message:
            draft.say(Reason.MODEL_DIFFERS, f"{candidate} gets no traffic: {shown.identity.message}", warning=True)
    elif run.reason == MODEL_DIFFERS:
        run.reason, run.message = "", ""


def await_admission(draft: Draft, shown: Admission) -> None:
    """Wait for what a candidate still has to show, for as long as its gate may take."""
    running = next((one for one in draft.spec.gates if shown.check is not None and one == shown.check.what), None)
    keep_deadline(draft, running.deadline if running is not None else None, shown.waits)


def _announced(draft: Draft, steps: Steps) -> bool:
    """Whether everybody who has to know before the first step knows, and nobody has refused."""
    said = webhooks.answered(draft, steps, webhooks.before_first(steps))
    if not said.agreed and not (said.refused and _fail(draft, steps, Failure(webhooks.REFUSED, said.refused))):
        keep_deadline(draft, None, draft.run.message)
    return said.agreed


def agreed(draft: Draft, steps: Steps) -> bool:
    """Whether all who are called before the present step is left have agreed, and companions have passed.

    Whoever refuses ends the run.
    """
    said = webhooks.answered(draft, steps, webhooks.before_leaving(steps, draft.run.step))
    if said.refused:
        _fail(draft, steps, Failure(webhooks.REFUSED, said.refused))
    return said.agreed and together.ready(draft, last=steps[draft.run.step].last)


def _first(draft: Draft, steps: Steps) -> str:
    run = draft.run
    if steps[0].preview:
        header = preview_header(draft.spec)
        how = f", and by the header {header.name}: {header.value}" if header is not None else ""
        return f"{run.target} is previewed at its own Service{how}, without {run.stable}'s traffic"
    share = runs.share_of(run, of=f" of {run.stable}'s traffic")
    return f"{run.target} gets {share}"


def _learn_restarts(draft: Draft) -> None:
    """Take the restarts known when they are first counted as those from before the trial."""
    seen = draft.observed.versions.get(draft.run.target)
    if draft.run.restarts is None and seen is not None:
        draft.run.restarts = seen.restarts


def follow_baseline(draft: Draft) -> None:
    """A changed stable version makes this step's comparison void: hold the weight, start the step's evidence anew."""
    run = draft.run
    revision = draft.observed.revision(run.stable)
    if revision and run.stable_revision and revision != run.stable_revision:
        run.step_started_at = draft.now
        draft.say(
            Reason.BASELINE_CHANGED,
            f"{run.stable} changed during the trial: weight held, this step's evidence starts anew",
            warning=True,
        )
    if revision:
        run.stable_revision = revision


def _follow_availability(draft: Draft, steps: Steps) -> bool:
    """Keep traffic off a candidate without ready endpoints. True when nothing else is to be decided now."""
    run, ready = draft.run, draft.observed.ready(draft.run.target)
    if run.unavailable_since is not None and _died(draft, steps):
        return True
    if ready and run.unavailable_since is not None and capacity.lacking(draft, steps[run.step].load):
        ready = False
    if ready and run.unavailable_since is not None:
        run.unavailable_since = None
        run.step_started_at = draft.now
        run.reason, run.message = "", ""
        runs.give(draft, steps[run.step])
        draft.say(
            Reason.CANDIDATE_BACK,
            f"{run.target} is ready again at {runs.share_of(run)}; the hold of step {run.step + 1} starts anew",
        )
        draft.wake_at(draft.now + steps[run.step].hold)
        return True
    if ready:
        return False
    if run.unavailable_since is None:
        run.unavailable_since, run.unavailable_times = draft.now, run.unavailable_times + 1
        run.reason = "CandidateUnavailable"
        run.message = f"{run.target} has no ready endpoint: its weight is 0 until it is ready again"
        runs.move(draft, 0)
        draft.say(Reason.CANDIDATE_UNAVAILABLE, run.message, warning=True)
    if run.unavailable_times >= UNAVAILABLE_TIMES or draft.now >= run.unavailable_since + UNAVAILABLE_LIMIT:
        why = (
            f"{run.target} lost its last ready endpoint {run.unavailable_times} times"
            if run.unavailable_times >= UNAVAILABLE_TIMES
            else f"{run.target} has had no ready endpoint for {UNAVAILABLE_LIMIT.total_seconds() / 60:g} minutes"
        )
        roll_back(draft, Outcome.ROLLED_BACK, Failure("CandidateUnavailable", why))
    else:
        draft.wake_at(run.unavailable_since + UNAVAILABLE_LIMIT)
        _keep_step_deadline(draft, steps)
    return True


def _died(draft: Draft, steps: Steps) -> bool:
    """Take a candidate back that lost its endpoints because it was killed: users must not meet it a second time."""
    may_go_back = draft.spec.rollback is not RollbackPolicy.HOLD and draft.observed.ready(draft.run.stable)
    failed = died(draft.run, draft.observed) if may_go_back else None
    return failed is not None and _fail(draft, steps, failed)


def _fail(draft: Draft, steps: Steps, failed: Failure) -> bool:
    """Act on a failed guardrail. True when traffic goes back; False when it must be held where it is."""
    run, observed = draft.run, draft.observed
    if draft.spec.rollback is RollbackPolicy.HOLD:
        why = "spec.rollback is Hold: abort to take traffic back"
    elif not observed.ready(run.stable) and observed.ready(run.target):
        why = f"{run.stable} has no ready endpoint to go back to"
    elif steps[-1].reported:
        draft.record.append(boundary(draft, failed.reason))
        runs.report(draft, failed.reason, failed.message)
        return True
    else:
        roll_back(draft, Outcome.ROLLED_BACK, failed)
        return True
    if run.reason != failed.reason:
        run.reason, run.message = failed.reason, f"{failed.message}; {why}"[:1024]
        draft.say(Reason.GUARDRAIL_HELD, run.message, warning=True)
    return False


def note_stable(draft: Draft) -> None:
    """Say it, once, while the version that everything would go back to is not ready."""
    run = draft.run
    if draft.observed.ready(run.stable):
        if run.reason == "StableUnavailable":
            run.reason, run.message = "", ""
    elif run.reason != "StableUnavailable":
        run.reason = "StableUnavailable"
        run.message = (
            f"{run.stable} has no ready endpoint while {run.target} has: weights are held until a person looks"
        )
        draft.say(Reason.STABLE_UNAVAILABLE, run.message, warning=True)


def lacks_capacity(draft: Draft, steps: Steps) -> bool:
    """Whether the present step, which may be left, cannot be left before the candidate has more replicas."""
    return capacity.lacking(draft, capacity.load_after(draft.run.step, steps))


def _promote_forced(draft: Draft, steps: Steps) -> None:
    """Carry out a person's order to promote at once, as soon as the replicas for it are ready."""
    go_on(draft)
    if capacity.lacking(draft, FULL):
        _keep_step_deadline(draft, steps)
    else:
        runs.promote(draft, Outcome.FORCED, "Forced", draft.run.forced)


def _keep_step_deadline(draft: Draft, steps: Steps) -> None:
    run, wait = draft.run, present_gate(draft, steps).first()
    if run.state is not RunState.TRIAL:
        return  # somebody refused, and the candidate is on its way back
    if run.reason in (capacity.WAITS, webhooks.WAITS, webhooks.UNANSWERED, webhooks.REFUSED, together.WAITS):
        missing = run.message
    else:
        missing = wait.message if wait else f"{run.target} lost its ready endpoints"
    keep_deadline(draft, steps[run.step].deadline, missing)


def next_step(draft: Draft, steps: Steps) -> None:
    """Leave the present step for the next one, or for promotion after the last."""
    run = draft.run
    draft.record.append(boundary(draft, "StepPassed"))
    if steps[run.step].reported:
        runs.report(draft, "Passed", f"all {run.steps} steps passed{numbers(draft)}")
        return
    if run.step + 1 >= len(steps):
        runs.promote(draft, Outcome.PROMOTED, "Promoted", f"all {run.steps} steps passed{numbers(draft)}")
        return
    runs.enter(draft, run.step + 1, steps)
    run.reason, run.message = "", ""
    draft.say(
        Reason.STEP_STARTED,
        f"{run.target} gets {runs.share_of(run)}, step {run.step + 1} of {run.steps}{numbers(draft)}",
    )
    draft.wake_at(draft.now + steps[run.step].hold)


def numbers(draft: Draft) -> str:
    """What the metrics said, for the event of a step."""
    evidence = draft.evidence
    return f": {in_short(evidence.findings)}" if evidence is not None and evidence.findings else ""
