"""What commands do to a run. Every answer goes into status in the same write as its effect."""

from collections.abc import Callable, Mapping

from modelrollout.api import Verb
from modelrollout.api.status import CommandResult, ModelRolloutStatus, Outcome, PausedBy, Run, RunState
from modelrollout.api.values import in_words
from modelrollout.decisions import capacity, runs
from modelrollout.decisions.deadlines import go_on
from modelrollout.decisions.decision import Reason
from modelrollout.decisions.draft import Draft
from modelrollout.decisions.experiments.follow import again
from modelrollout.decisions.experiments.shape import fixed_horizon
from modelrollout.decisions.gate import AWAITING_APPROVAL, Missing
from modelrollout.decisions.guardrails import failure
from modelrollout.decisions.observed import CommandSeen
from modelrollout.decisions.queueing import hold
from modelrollout.decisions.steps import FULL, PlannedStep
from modelrollout.decisions.trial import agreed, lacks_capacity, next_step, paused, present_gate

ANSWERS_KEPT = 10

Steps = tuple[PlannedStep, ...]


class Refused(Exception):  # noqa: N818 - an answer, not an error
    """The command has no effect; the message says why and what to do."""


def answer_commands(draft: Draft, steps: Steps) -> None:
    """Carry out the commands that status does not answer yet, oldest first."""
    born = draft.rollout.metadata.creation_timestamp
    for command in sorted(draft.observed.commands, key=lambda one: (one.created_at, one.uid)):
        if born is not None and command.created_at < born:
            continue  # it was meant for an earlier rollout of this name
        if answered(draft.status, command):
            continue
        try:
            accepted, message = True, _carry_out(draft, command, steps)
        except Refused as refusal:
            accepted, message = False, str(refusal)
            draft.say(Reason.COMMAND_REFUSED, f"{command.verb} by {command.by}: {message}", warning=True)
        result = CommandResult(
            name=command.name,
            uid=command.uid,
            verb=command.verb,
            by=command.by,
            reason=command.reason[:1024],
            accepted=accepted,
            message=message[:1024],
            asked_at=command.created_at,
            at=draft.now,
        )
        _keep(draft.status, result)


def answered(status: ModelRolloutStatus, command: CommandSeen) -> bool:
    """Whether status answers the command, or did so before its answer made room for newer ones."""
    if any(result.uid == command.uid for result in status.commands):
        return True
    return status.answered_through is not None and command.created_at <= status.answered_through


def _keep(status: ModelRolloutStatus, result: CommandResult) -> None:
    """Keep the newest answers; what is older than a dropped one counts as answered, never to be carried out again."""
    results = sorted([*status.commands, result], key=lambda one: (one.asked_at, one.uid))
    dropped, status.commands = results[:-ANSWERS_KEPT], results[-ANSWERS_KEPT:]
    if dropped:
        status.answered_through = dropped[-1].asked_at


def _carry_out(draft: Draft, command: CommandSeen, steps: Steps) -> str:
    run = draft.status.run
    if command.expires_at is not None and draft.now >= command.expires_at:
        raise Refused("it had expired before it was read: send it again")
    if command.run and (run is None or run.id != command.run):
        present = run.id if run is not None else "none"
        raise Refused(
            f"it is bound to run {command.run}, the present run is {present}: look at the status, then decide again"
        )
    return _VERBS[command.verb](draft, command, steps)


def _said(command: CommandSeen) -> str:
    return f"by {command.by}" + (f": {command.reason}" if command.reason else "")


def _need(draft: Draft, verb: str, *states: RunState) -> None:
    run = draft.status.run
    if run is None or run.state not in states:
        present = f"the last run is {run.state}" if run is not None else "no run has begun"
        raise Refused(f"{verb} needs a run in {' or '.join(states)}; {present}")


def _need_exposed(draft: Draft, verb: str) -> None:
    _need(draft, verb, RunState.TRIAL)
    if draft.run.queued:
        raise Refused(f"{verb} has nothing to act on yet: {draft.run.message}")
    if draft.run.exposed_at is None:
        raise Refused(f"{verb} has nothing to act on yet: {draft.status.message or 'its first step has not begun'}")
    if draft.run.unavailable_since is not None:
        raise Refused(f"{draft.run.target} has no ready endpoint: wait until it is ready again")


def _refuse_over_failure(draft: Draft) -> None:
    failed = failure(draft.spec, draft.run, draft.observed, draft.evidence)
    if failed is not None:
        raise Refused(f"a guardrail failed ({failed.message}): it cannot be promoted, only aborted")


def _pause(draft: Draft, command: CommandSeen, _: Steps) -> str:
    _need(draft, "pause", RunState.TRIAL)
    draft.status.paused_by = [
        *draft.status.paused_by,
        PausedBy(by=command.by, reason=command.reason[:1024], at=draft.now),
    ][-10:]
    draft.say(Reason.PAUSED, f"paused {_said(command)}")
    return f"paused at {runs.share_of(draft.run)}; guardrails stay on"


def _resume(draft: Draft, command: CommandSeen, _: Steps) -> str:
    if draft.spec.paused:
        raise Refused("spec.paused is true: set it to false where the manifest is kept")
    if not draft.status.paused_by:
        raise Refused("nothing is paused by command")
    draft.status.paused_by = []
    go_on(draft)
    draft.say(Reason.RESUMED, f"resumed {_said(command)}")
    return "resumed"


def _approve(draft: Draft, command: CommandSeen, steps: Steps) -> str:
    _need_exposed(draft, "approve")
    if draft.run.arms:
        return _approve_winner(draft, command)
    gate = present_gate(draft, steps)
    if not steps[draft.run.step].approval:
        raise Refused(f"step {draft.run.step + 1} asks for no approval")
    if not gate.asks(draft.run):
        wait = gate.first()
        raise Refused(f"nothing waits for approval yet: {wait.message if wait else ''}")
    step = draft.run.step
    draft.run.approved_step, draft.run.approved = step, _said(command)[:1024]
    if paused(draft):
        return f"step {step + 1} is approved; it is left when the pause ends"
    lost = gate.lost()
    if lost is not None:
        return f"step {step + 1} is approved; it is left when that has come again: {lost.message}"
    go_on(draft)
    if lacks_capacity(draft, steps):
        return f"step {step + 1} is approved; it is left when that has come: {draft.run.message}"
    if not agreed(draft, steps):
        return f"step {step + 1} is approved; before it is left: {draft.run.message}"
    next_step(draft, steps)
    return f"step {step + 1} is approved"


def _approve_winner(draft: Draft, command: CommandSeen) -> str:
    run = draft.run
    if run.reason != AWAITING_APPROVAL:
        raise Refused("nothing waits for approval yet: the experiment goes on")
    run.approved_step, run.approved = run.step, _said(command)[:1024]
    return f"the promotion of {run.target} is approved"


def _refuse_experiment(draft: Draft, verb: str) -> None:
    """What an experiment chooses is not for a person to choose within it."""
    run = draft.status.run
    if run is not None and run.arms and run.state is RunState.TRIAL:
        raise Refused(
            f"{verb} has no meaning in an experiment, which promotes whoever is proven best: end it with skip or "
            "abort, or set spec.target to the version that should serve"
        )


def _promote(draft: Draft, command: CommandSeen, steps: Steps) -> str:
    _refuse_experiment(draft, "promote")
    if command.full:
        return _promote_full(draft, command)
    _need_exposed(draft, "promote")
    _refuse_over_failure(draft)
    gate, step = present_gate(draft, steps), draft.run.step
    failed = next((wait for wait in gate.waits if wait.kind is Missing.FAILED), None)
    if failed is not None:
        raise Refused(f"{failed.message}: promote --full forces a goal, never a guardrail")
    if steps[step].last and not gate.only(Missing.APPROVAL, Missing.HOLD, Missing.SAMPLES):
        wait = gate.first()
        raise Refused(f"the last step has not passed ({wait.message if wait else ''}): wait, or promote --full")
    go_on(draft)
    if lacks_capacity(draft, steps):
        draft.run.advance_step = step
        return f"step {step + 1} is left when that has come: {draft.run.message}"
    next_step(draft, steps)
    return f"step {step + 1} was left {_said(command)}"


def _promote_full(draft: Draft, command: CommandSeen) -> str:
    _need_exposed(draft, "promote --full")
    _refuse_over_failure(draft)
    if not draft.observed.ready(draft.run.target):
        raise Refused(f"{draft.run.target} has no ready endpoint")
    forced = f"forced {_said(command)}"[:1024]
    if capacity.lacking(draft, FULL):
        draft.run.forced = forced
        return f"{draft.run.target} gets all traffic when that has come: {draft.run.message}"
    runs.promote(draft, Outcome.FORCED, "Forced", forced)
    return f"{draft.run.target} gets all traffic"


def _skip(draft: Draft, command: CommandSeen, steps: Steps) -> str:
    _need_exposed(draft, "skip")
    step = draft.run.step
    if draft.run.arms:
        return _end_experiment(draft)
    if draft.run.skipped_step == step or draft.now >= draft.run.step_started_at + steps[step].hold:
        raise Refused(f"the hold of step {step + 1} is over already")
    draft.run.skipped_step = step
    return f"the hold of step {step + 1} is over; samples and verdicts still count"


def _end_experiment(draft: Draft) -> str:
    if fixed_horizon(draft.spec):
        raise Refused("a fixed horizon is judged once, at its planned end: wait, or abort it")
    draft.run.skipped_step = draft.run.step
    return "the experiment ends now and is decided by what is known"


def _abort(draft: Draft, command: CommandSeen, _: Steps) -> str:
    _need(draft, "abort", RunState.TRIAL, RunState.PROMOTING)
    run = draft.run
    if run.queued:
        runs.withdraw_queued(draft, Outcome.ABORTED, "Aborted", f"aborted {_said(command)}")
        draft.say(Reason.ABORTED, f"{run.on_trial} leaves the queue: {run.message}", warning=True)
        return f"{run.on_trial} leaves the queue; {run.stable} serves as before"
    runs.take_back(draft, Outcome.ABORTED, "Aborted", f"aborted {_said(command)}")
    draft.say(Reason.ABORTED, f"{run.on_trial} is taken back: {run.message}", warning=True)
    return f"all traffic goes back to {run.stable}"


def _retry(draft: Draft, command: CommandSeen, steps: Steps) -> str:
    _need(draft, "retry", RunState.DONE)
    target, status = draft.spec.target, draft.status
    if draft.spec.candidates is not None:
        return _retry_experiment(draft)
    if target is None or target == status.stable:
        raise Refused("the target serves already: there is nothing to try again")
    if not draft.observed.revision(target):
        raise Refused(f"the workload of {target} was not found")
    revision = draft.observed.revision(target)
    status.rejected = [one for one in status.rejected if (one.version, one.revision) != (target, revision)]
    runs.begin(draft, target, steps)
    held = hold(draft)
    return f"run {draft.run.id} begins" if held is None else f"run {draft.run.id} is held: {held.message}"


def _retry_experiment(draft: Draft) -> str:
    asked = [name for name in draft.spec.candidates or () if name != draft.status.stable]
    lost = [name for name in asked if not draft.observed.revision(name)]
    if not asked or lost:
        raise Refused(f"the workload of {in_words(lost)} was not found" if lost else "no candidate is left to try")
    again(draft)
    held = hold(draft)
    return f"run {draft.run.id} begins" if held is None else f"run {draft.run.id} is held: {held.message}"


def _of_another(run: Run, status: ModelRolloutStatus) -> bool:
    """Whether the run is over and another one than that which promoted the version that serves."""
    return run.state is RunState.DONE and run.target != status.stable


def _undo(draft: Draft, command: CommandSeen, _: Steps) -> str:
    run, status = draft.status.run, draft.status
    if run is not None and status.previous is not None and (run.queued or _of_another(run, status)):
        # What waits for its turn, or failed since, hides the promotion before it, which can be undone all the same.
        if not draft.observed.ready(status.previous.version):
            raise Refused(f"{status.previous.version} has no ready endpoint to go back to: scale it up first")
        if run.outcome is Outcome.NO_EVIDENCE and not run.arms:
            # The run that stands for the undo hides it, and it must not begin anew by itself all the same.
            runs.reject(draft, run.target, run.revision, run.reason, run.message)
        runs.begin_return(draft, status.stable, status.previous.version)
        run = draft.run
    _need(draft, "undo", RunState.WATCHING, RunState.PROMOTING, RunState.DONE)
    if run is None or (run.state is RunState.DONE and (status.previous is None or run.target != status.stable)):
        raise Refused("no promotion can be undone: nothing was promoted before")
    if not draft.observed.ready(run.stable):
        raise Refused(f"{run.stable} has no ready endpoint to go back to: scale it up first")
    runs.take_back(draft, Outcome.UNDONE, "Undone", f"undone {_said(command)}")
    draft.say(Reason.UNDONE, f"all traffic goes back from {run.target} to {run.stable}: {run.message}", warning=True)
    return f"all traffic goes back to {run.stable}"


_VERBS: Mapping[Verb, Callable[[Draft, CommandSeen, Steps], str]] = {
    Verb.APPROVE: _approve,
    Verb.PROMOTE: _promote,
    Verb.SKIP: _skip,
    Verb.PAUSE: _pause,
    Verb.RESUME: _resume,
    Verb.ABORT: _abort,
    Verb.RETRY: _retry,
    Verb.UNDO: _undo,
}
