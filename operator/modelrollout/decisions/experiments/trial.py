"""An experiment on trial: who leaves it, how its weights move, and how it ends."""

from datetime import timedelta

from modelrollout.api import DeadlinePolicy, ExperimentThen, PromotionPolicy, RollbackPolicy
from modelrollout.api.arms import Arm, ArmState
from modelrollout.api.durations import format_duration
from modelrollout.api.status import Outcome
from modelrollout.api.values import in_words
from modelrollout.decisions import runs
from modelrollout.decisions.deadlines import DEADLINE_PASSED, go_on, keep_deadline, stand_still
from modelrollout.decisions.decision import Reason
from modelrollout.decisions.draft import Draft
from modelrollout.decisions.experiments import sticking
from modelrollout.decisions.experiments.arms import give, take_out, tried
from modelrollout.decisions.experiments.entry import admitted
from modelrollout.decisions.experiments.race import Race, race
from modelrollout.decisions.experiments.results import result
from modelrollout.decisions.experiments.shape import form, planned
from modelrollout.decisions.experiments.weighing import moved
from modelrollout.decisions.findings import Evidence
from modelrollout.decisions.gate import AWAITING_APPROVAL
from modelrollout.decisions.guardrails import Failure, failure_of
from modelrollout.decisions.queueing import take_turn
from modelrollout.decisions.record import boundary
from modelrollout.decisions.steps import FULL
from modelrollout.decisions.trial import (
    UNAVAILABLE_LIMIT,
    UNAVAILABLE_TIMES,
    Steps,
    follow_baseline,
    note_stable,
    paused,
)


def advance(draft: Draft, steps: Steps) -> None:
    """Decide one reconcile of an experiment. The order is that of danger: users first, the end of it last."""
    run = draft.run
    if run.exposed_at is None:
        _expose(draft, steps)
        return
    _learn_restarts(draft)
    follow_baseline(draft)
    _follow_availability(draft)
    held = _follow_guardrails(draft)
    if not tried(run):
        _all_out(draft)
        return
    if not held:
        note_stable(draft)
    if paused(draft) or draft.blocked or not draft.observed.ready(run.stable):
        stand_still(draft)
        return
    go_on(draft)
    if run.reason not in ("", AWAITING_APPROVAL, DEADLINE_PASSED) and not held:
        run.reason, run.message = "", ""
    ended = _ended(draft)
    standing = race(draft.spec, run, draft.evidence, ended=bool(ended))
    for arm in run.arms:
        arm.beats = list(standing.beats.get(arm.version, arm.beats))
    if standing.decided or ended:
        _end(draft, standing, ended)
        return
    if run.reason == AWAITING_APPROVAL and run.target not in standing.open:
        _take_question_back(draft)
    if not held:
        _weigh(draft)


def _all_out(draft: Draft) -> None:
    draft.record.append(boundary(draft, "AllOut"))
    said = "; ".join(f"{arm.version}: {arm.message}" for arm in draft.run.arms)
    runs.take_back(draft, Outcome.ROLLED_BACK, "AllOut", f"no candidate is left: {said}")


def _expose(draft: Draft, steps: Steps) -> None:
    """Give all candidates their first weights at once, once all versions are ready."""
    run, observed = draft.run, draft.observed
    if run.queued and not take_turn(draft, steps):
        return
    if paused(draft) or draft.blocked:
        stand_still(draft)
        return
    late = [name for name in (run.stable, *(arm.version for arm in tried(run))) if not observed.ready(name)]
    if late:
        keep_deadline(draft, None, f"{in_words(late)} never became ready")
        return
    if not admitted(draft):
        return
    if not tried(run):
        _all_out(draft)
        return
    if not sticking.kept(draft):
        draft.blocked = sticking.waits_for(draft)
        keep_deadline(draft, None, draft.blocked)
        return
    runs.enter(draft, 0, steps)
    shares = planned(draft.spec, [arm.version for arm in run.arms])
    give(draft, {arm.version: shares[arm.version] for arm in tried(run)})
    run.exposed_at = run.weighed_at = draft.now
    for arm in run.arms:
        seen = observed.versions.get(arm.version)
        arm.restarts = seen.restarts if seen is not None else None
    said = in_words([f"{arm.version} {runs.percent(arm.weight)}" for arm in tried(run)])
    draft.say(Reason.RUN_STARTED, f"{run.id}: {said} of the traffic, {run.stable} the rest")
    draft.record.append(boundary(draft, "RunStarted"))
    draft.wake_at(draft.now + _length(draft))


def _learn_restarts(draft: Draft) -> None:
    for arm in draft.run.arms:
        seen = draft.observed.versions.get(arm.version)
        if arm.restarts is None and seen is not None:
            arm.restarts = seen.restarts


def _follow_availability(draft: Draft) -> None:
    """Keep traffic off candidates without ready endpoints; who loses them too often, or for too long, is out."""
    for arm in tried(draft.run):
        ready = draft.observed.ready(arm.version)
        if arm.state is ArmState.WAITING and ready:
            arm.state, arm.reason, arm.message, arm.unavailable_since = ArmState.RUNNING, "", "", None
            give(draft, {arm.version: _share_again(draft, arm)})
            draft.say(Reason.CANDIDATE_BACK, f"{arm.version} is ready again at {runs.percent(arm.weight)}")
        elif not ready:
            _wait_for(draft, arm)


def _wait_for(draft: Draft, arm: Arm) -> None:
    if arm.state is ArmState.RUNNING or arm.unavailable_since is None:
        arm.state, arm.unavailable_since = ArmState.WAITING, draft.now
        arm.unavailable_times += 1
        arm.reason = "CandidateUnavailable"
        arm.message = f"{arm.version} has no ready endpoint: its weight is 0 until it is ready again"
        give(draft, {arm.version: 0})
        draft.say(Reason.CANDIDATE_UNAVAILABLE, arm.message, warning=True)
    if arm.unavailable_times >= UNAVAILABLE_TIMES:
        _out(draft, arm, Failure(arm.reason, f"it lost its last ready endpoint {arm.unavailable_times} times"))
    elif draft.now >= arm.unavailable_since + UNAVAILABLE_LIMIT:
        minutes = UNAVAILABLE_LIMIT.total_seconds() / 60
        _out(draft, arm, Failure(arm.reason, f"it has had no ready endpoint for {minutes:g} minutes"))
    else:
        draft.wake_at(arm.unavailable_since + UNAVAILABLE_LIMIT)


def _share_again(draft: Draft, arm: Arm) -> int:
    """What a candidate gets that is back: its planned share, or what every version keeps of a bandit's traffic."""
    bandit = draft.spec.strategy.bandit
    if bandit is None:
        return planned(draft.spec, [one.version for one in draft.run.arms])[arm.version]
    floor = round(bandit.floor * FULL / 100)
    return max(0, min(floor, FULL - draft.run.weight - floor))


def _follow_guardrails(draft: Draft) -> bool:
    """Take out every candidate with a failed guardrail. True where one has failed and must be held where it is."""
    run, evidence, held = draft.run, draft.evidence, False
    for arm in tried(run):
        own = evidence.arms.get(arm.version) if evidence is not None and evidence.run == run.id else None
        failed = failure_of(draft.spec, arm.version, arm.restarts, draft.observed, own)
        if failed is None:
            if arm.state is ArmState.RUNNING:
                arm.reason, arm.message = "", ""
            continue
        if draft.spec.rollback is RollbackPolicy.HOLD:
            why = "spec.rollback is Hold: abort to take all traffic back"
        elif not draft.observed.ready(run.stable) and draft.observed.ready(arm.version):
            why = f"{run.stable} has no ready endpoint to go back to"
        else:
            _out(draft, arm, failed)
            continue
        if arm.reason != failed.reason:
            arm.reason, arm.message = failed.reason, f"{failed.message}; {why}"[:1024]
            draft.say(Reason.GUARDRAIL_HELD, f"{arm.version}: {arm.message}", warning=True)
        if not held and run.reason != AWAITING_APPROVAL:
            run.reason, run.message = arm.reason, f"{arm.version}: {arm.message}"[:1024]
        held = True
    return held


def _out(draft: Draft, arm: Arm, failed: Failure) -> None:
    weight = runs.percent(arm.weight)
    draft.record.append({**boundary(draft, failed.reason), "version": arm.version})
    take_out(draft, arm, failed.reason, failed.message)
    left = draft.run.on_trial if tried(draft.run) else "nobody"
    said = f"{arm.version} is taken out at {weight}, {left} is still tried: {failed.message}"
    draft.say(Reason.GUARDRAIL_FAILED, said, warning=True)


def _length(draft: Draft) -> timedelta:
    until = form(draft.spec).until
    return draft.spec.progress_deadline if until is None or until.duration is None else until.duration


def _ended(draft: Draft) -> str:
    """Why the experiment ends now whatever is proven, in a few words; empty while it goes on."""
    run, until = draft.run, form(draft.spec).until
    if run.skipped_step == run.step:
        return "a person ended it"
    if draft.now >= run.advanced_at + _length(draft):
        return f"its time of {format_duration(_length(draft))} is over"
    draft.wake_at(run.advanced_at + _length(draft))
    if until is not None and until.samples is not None and _enough(draft, until.samples):
        return f"every version has given {until.samples:,} answers"
    return ""


def _enough(draft: Draft, samples: int) -> bool:
    evidence, run = draft.evidence, draft.run
    if evidence is None or (evidence.run, evidence.step) != (run.id, run.step):
        return False
    answers = [evidence.answers.get(name, 0) for name in (run.stable, *(arm.version for arm in tried(run)))]
    return min(answers) >= samples


def _weigh(draft: Draft) -> None:
    """Let a bandit move its weights, once an interval."""
    run, bandit, evidence = draft.run, draft.spec.strategy.bandit, draft.evidence
    if bandit is None:
        return
    due = (run.weighed_at or run.step_started_at) + bandit.interval
    if draft.now < due or evidence is None or evidence.run != run.id or not _fresh(draft, evidence):
        draft.wake_at(due)
        return
    found = moved(draft.spec, run, evidence, draft.now)
    if found is None:
        return  # without a change nothing is written: the time goes on counting, up to one interval
    weights, why = found
    run.weighed_at = draft.now
    give(draft, weights)
    shares = ", ".join(f"{arm.version} {runs.percent(arm.weight)}" for arm in tried(run))
    draft.say(Reason.WEIGHTS_MOVED, f"{shares}, {run.stable} {runs.percent(FULL - run.weight)}; {why}")
    draft.record.append({**boundary(draft, "WeightsMoved"), "weights": dict(weights), "why": why})
    draft.wake_at(draft.now + bandit.interval)


def _fresh(draft: Draft, evidence: Evidence) -> bool:
    """Whether the goal's data is new for every candidate: weights do not follow what is long past."""
    running = [arm.version for arm in tried(draft.run) if arm.state is ArmState.RUNNING]
    goals = [one for name in running if name in evidence.arms for one in evidence.arms[name].findings]
    return bool(goals) and all(one.fresh for one in goals if one.role == "Goal")


def _end(draft: Draft, standing: Race, ended: str) -> None:
    """The experiment is over: promote who has won, or give the traffic back and report."""
    run = draft.run
    if not standing.winner and not _known(draft):
        _end_blind(draft, ended)
        return
    told = result(draft.spec, run, standing, draft.evidence)
    why = f"{ended}; {told}" if ended and not standing.winner else told
    if standing.winner is None or form(draft.spec).then is ExperimentThen.REPORT:
        reason = "Winner" if standing.winner else "NoWinner"
        draft.record.append({**boundary(draft, "Reported"), "winner": standing.winner or "", "why": why})
        runs.take_back(draft, Outcome.REPORTED, reason, why)
        draft.say(Reason.REPORTED, f"{run.id} is over and {run.stable} keeps the traffic: {why}")
        return
    if not draft.observed.ready(standing.winner):
        _take_question_back(draft)  # it is waited for, or taken out
        return
    if draft.spec.promotion is PromotionPolicy.MANUAL and (run.approved_step, run.target) != (
        run.step,
        standing.winner,
    ):
        _ask(draft, standing.winner, why)
        stand_still(draft)
        return
    _promote(draft, standing.winner, why)


def _ask(draft: Draft, winner: str, why: str) -> None:
    """Ask a person about the winner, once; who approved of another one has not approved of this one."""
    run = draft.run
    if (run.reason, run.target) == (AWAITING_APPROVAL, winner):
        return
    run.target, run.approved_step, run.approved = winner, None, ""
    run.reason, run.message = AWAITING_APPROVAL, f"{why}: approve or abort"[:1024]
    draft.say(Reason.AWAITING_APPROVAL, run.message)


def _take_question_back(draft: Draft) -> None:
    """Nobody is asked any more: whom the question was about has not won."""
    run = draft.run
    run.approved_step, run.approved = None, ""
    if run.reason == AWAITING_APPROVAL:
        run.reason, run.message = "", ""


def _promote(draft: Draft, winner: str, why: str) -> None:
    run = draft.run
    arm = next(one for one in run.arms if one.version == winner)
    draft.record.append({**boundary(draft, "Winner"), "winner": winner, "why": why})
    run.target, run.revision, run.restarts = winner, arm.revision, arm.restarts
    runs.promote(draft, Outcome.PROMOTED, "Winner", why)


def _known(draft: Draft) -> bool:
    """Whether anything was measured of every candidate that is still tried."""
    evidence, run = draft.evidence, draft.run
    if evidence is None or evidence.run != run.id:
        return False
    return all(
        arm.version in evidence.arms and any(one.candidate_count for one in evidence.arms[arm.version].findings)
        for arm in tried(run)
    )


def _end_blind(draft: Draft, ended: str) -> None:
    """Nothing is known at the end: nobody lost, and nobody may win."""
    run, message = draft.run, f"{ended}, and not every version was measured"
    if draft.spec.on_deadline is DeadlinePolicy.ROLLBACK:
        draft.record.append(boundary(draft, DEADLINE_PASSED))
        runs.take_back(draft, Outcome.NO_EVIDENCE, DEADLINE_PASSED, message)
        draft.say(Reason.NO_EVIDENCE, f"{run.id} ends without a result: {message}", warning=True)
    elif run.reason != DEADLINE_PASSED:
        told = draft.told(DEADLINE_PASSED)
        run.reason, run.message = DEADLINE_PASSED, told or message
        if told is None:
            draft.say(Reason.DEADLINE_PASSED, f"{message}; spec.onDeadline is Hold: abort, or wait", warning=True)
