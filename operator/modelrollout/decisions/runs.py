"""How a run begins, moves and ends."""

from collections.abc import Sequence
from datetime import datetime

from modelrollout.api.arms import Arm
from modelrollout.api.status import Outcome, PastRun, Rejected, Run, RunState, Served
from modelrollout.api.values import in_words
from modelrollout.decisions.decision import Reason
from modelrollout.decisions.draft import Draft
from modelrollout.decisions.queueing import layer_of, moment_of
from modelrollout.decisions.steps import PlannedStep

HISTORY_KEPT = 10
REJECTED_KEPT = 20

ACTIVE = frozenset({RunState.TRIAL, RunState.TAKING_BACK, RunState.PROMOTING, RunState.WATCHING})

HELD_AGAINST = frozenset({Outcome.ROLLED_BACK, Outcome.ABORTED, Outcome.UNDONE})
"""Outcomes after which the same revision is not tried again unless a person asks for it."""


def run_id(target: str, revision: str, number: int) -> str:
    """The run's name: version, the beginning of its revision and the run's number."""
    return f"{target}-{revision[:10]}-{number}"


def active(run: Run | None) -> bool:
    """Whether a run goes on, or waits for its turn."""
    return run is not None and run.state in ACTIVE


def begun(run: Run | None) -> bool:
    """Whether a run goes on that has had its turn."""
    return run is not None and run.state in ACTIVE and not run.queued


def reported(run: Run | None) -> bool:
    """Whether the run is over and was to be reported, not promoted."""
    return run is not None and run.state is RunState.DONE and run.outcome is Outcome.REPORTED


def left_the_queue(run: Run) -> bool:
    """Whether the run is over without ever having had its turn."""
    return run.state is RunState.DONE and run.asked_at is not None and not run.plan


def percent(weight: int) -> str:
    """Thousandths as people read them: 5 %, 12.5 %."""
    return f"{weight / 10:g} %"


def share_of(run: Run, of: str = "") -> str:
    """What the candidate gets, as people read it: 5 %, copies of 20 %, 5 % and copies of 20 %, 100 % in rule beta.

    Args:
        run: on trial.
        of: of what, to stand behind the percentage.
    """
    if run.audience:
        return f"{percent(run.weight)}{of} in {_rules(run.audience)}"
    copies = f"copies of {percent(run.mirror)}"
    if not run.mirror:
        return f"{percent(run.weight)}{of}"
    return f"{percent(run.weight)} and {copies}{of}" if run.weight else f"{copies}{of}"


def _rules(names: Sequence[str]) -> str:
    return f"rule{'s' if len(names) > 1 else ''} {in_words(names)}"


def _number(old: Run | None) -> int:
    """Number of the next run, counted over the life of the ModelRollout: no id is used twice."""
    return old.number + 1 if old is not None else 1


def begin(
    draft: Draft, target: str, steps: tuple[PlannedStep, ...], arms: Sequence[Arm] = (), revision: str = ""
) -> None:
    """Ask for a run of the target's present revision. It starts when it has its turn, which mostly is at once.

    A revision that takes the place of one that got no traffic yet also takes its place in the queue.

    Args:
        draft: of a rollout without a run that goes on.
        target: the version on trial, or the first of them.
        steps: of the plan.
        arms: the candidates of an experiment; none for any other run.
        revision: of the experiment as a whole.
    """
    status, old = draft.status, draft.status.run
    revision = revision or draft.observed.revision(target)
    number = _number(old)
    follows = old is not None and old.target == target and old.outcome is Outcome.SUPERSEDED
    heir = old if follows and old is not None and old.exposed_at is None else None
    status.run = Run(
        id=run_id("experiment" if arms else target, revision, number),
        layer=layer_of(draft.spec),
        asked_at=heir.asked_at if heir is not None else moment_of(draft.now),
        queued=True,
        restarted=old.restarted + (not old.queued) if follows and old is not None else 0,
        reason=heir.reason if heir is not None and heir.queued else "",
        target=target,
        revision=revision,
        arms=list(arms),
        number=number,
        stable=status.stable,
        stable_revision=draft.observed.revision(status.stable) or status.stable_revision,
        state=RunState.TRIAL,
        steps=len(steps),
        intent=old.intent if old is not None else 0,
        started_at=draft.now,
        step_started_at=draft.now,
        advanced_at=draft.now,
    )
    status.metrics, status.evidence, status.metrics_at = [], None, None


def begin_return(draft: Draft, serving: str, target: str) -> None:
    """Begin a run that only ends: of the version that serves, to be taken back to the one that served before it."""
    status, old = draft.status, draft.status.run
    revision = draft.observed.revision(serving) or status.stable_revision
    number = _number(old)
    status.run = Run(
        id=run_id(serving, revision, number),
        target=serving,
        revision=revision,
        number=number,
        stable=target,
        stable_revision=draft.observed.revision(target),
        state=RunState.DONE,
        outcome=Outcome.PROMOTED,
        arms=old.arms if old is not None else [],  # what an experiment tried is remembered
        intent=old.intent if old is not None else 0,
        started_at=draft.now,
        step_started_at=draft.now,
        advanced_at=draft.now,
    )


def move(draft: Draft, weight: int, mirror: int = 0, audience: Sequence[str] = ()) -> None:
    """Decide the candidate's weight, in which rules it counts, and what is copied to it, as a new intent."""
    draft.run.weight, draft.run.mirror, draft.run.audience = weight, mirror, list(audience)
    draft.run.intent += 1


def let_go(run: Run) -> None:
    """Keep no user on one version any more, if any were: a new intent, as the route changes."""
    if run.sticky:
        run.sticky = ""
        run.intent += 1


def enter(draft: Draft, index: int, steps: tuple[PlannedStep, ...]) -> None:
    """Begin a step: its weight, its hold, its share of the evidence, and the progress deadline anew."""
    run = draft.run
    run.step = index
    run.step_started_at = run.advanced_at = draft.now
    run.still_since = run.approved_step = run.skipped_step = run.advance_step = None
    run.approved = ""
    give(draft, steps[index])


def give(draft: Draft, step: PlannedStep) -> None:
    """Decide what the candidate gets in a step."""
    move(draft, step.weight, step.mirror, step.audience)


def take_back(draft: Draft, outcome: Outcome, reason: str, message: str) -> None:
    """Return all traffic to the version that served when the run began, and remember why."""
    run = draft.run
    experiment = bool(run.arms) and run.state is RunState.TRIAL  # each of its candidates is rejected by itself
    run.state, run.outcome, run.reason, run.message = RunState.TAKING_BACK, outcome, reason, message[:1024]
    run.still_since = run.watch_until = None
    run.forced, run.together = "", False
    for arm in run.arms:
        arm.weight = 0
    move(draft, 0)
    if run.exposed_at is None:
        let_go(run)  # nobody was split yet; later they are kept until all are back
    if outcome in HELD_AGAINST and not experiment:
        reject(draft, run.target, run.revision, reason, message)


def withdraw_queued(draft: Draft, outcome: Outcome, reason: str, message: str) -> None:
    """End a run that never had its turn: nothing has to be taken back."""
    run = draft.run
    run.reason, run.message = reason, message[:1024]
    run.queued = run.aside = False
    if outcome in HELD_AGAINST and not run.arms:
        reject(draft, run.target, run.revision, reason, message)
    finish(draft, outcome)


def reject(draft: Draft, version: str, revision: str, reason: str, message: str) -> None:
    """Put a revision of the present run into the memory of what is not tried again."""
    run, status = draft.run, draft.status
    declared = draft.spec.version(version)
    entry = Rejected(
        version=version,
        revision=revision,
        digest=(declared.model.digest or "") if declared is not None and declared.model else "",
        run=run.id,
        reason=reason,
        message=message[:1024],
        at=draft.now,
    )
    kept = [one for one in status.rejected if (one.version, one.revision) != (entry.version, entry.revision)]
    status.rejected = [*kept, entry][-REJECTED_KEPT:]


def rejection(draft: Draft, target: str) -> Rejected | None:
    """The entry that forbids trying the target as it is now, or None."""
    revision = draft.observed.revision(target)
    return next((one for one in draft.status.rejected if one.version == target and one.revision == revision), None)


def promote(draft: Draft, outcome: Outcome, reason: str, message: str) -> None:
    """Give the candidate all traffic."""
    run = draft.run
    run.state, run.outcome, run.reason, run.message = RunState.PROMOTING, outcome, reason, message[:1024]
    run.still_since, run.forced, run.together = None, "", False
    for arm in run.arms:
        arm.weight = 1000 if arm.version == run.target else 0
    move(draft, 1000)
    draft.say(Reason.PROMOTED, f"{run.target} gets all traffic: {message}")


def report(draft: Draft, reason: str, message: str) -> None:
    """End the trial with what was found: traffic stays with stable, nothing is promoted and nothing rejected."""
    take_back(draft, Outcome.REPORTED, reason, message)
    draft.say(Reason.REPORTED, f"{draft.run.target} is not promoted, as the strategy asks: {message}")


def flip(draft: Draft, watch_until: datetime) -> None:
    """Swap the roles once the route shows all traffic on the target: it is stable now, the old one is kept for undo."""
    run, status = draft.run, draft.status
    status.previous = Served(version=run.stable, revision=draft.observed.revision(run.stable) or run.stable_revision)
    status.stable, status.stable_revision = run.target, run.revision
    run.state, run.watch_until = RunState.WATCHING, watch_until
    let_go(run)


def finish(draft: Draft, outcome: Outcome) -> None:
    """End the run and enter it in the history."""
    run, status = draft.run, draft.status
    run.state, run.outcome, run.ended_at, run.still_since = RunState.DONE, outcome, draft.now, None
    let_go(run)
    past = PastRun(
        run=run.id,
        target=run.target,
        outcome=outcome,
        reason=run.reason,
        message=run.message,
        started_at=run.started_at,
        ended_at=draft.now,
    )
    status.history = [*status.history, past][-HISTORY_KEPT:]
    if outcome is not Outcome.SUPERSEDED:  # who paused the model did not mean one revision of it
        status.paused_by = []
