"""When a run that was asked for has its turn: not in a freeze, and in a layer one after the other."""

from dataclasses import dataclass
from datetime import datetime

from modelrollout.api import ModelRolloutSpec
from modelrollout.api.status import Run, RunState
from modelrollout.decisions import freeze
from modelrollout.decisions.decision import Reason
from modelrollout.decisions.draft import Draft
from modelrollout.decisions.observed import Rival
from modelrollout.decisions.steps import PlannedStep

FROZEN, QUEUED, PAUSED = "Frozen", "Queued", "Paused"
"""Reasons of a run that waits for its turn."""


@dataclass(frozen=True, slots=True)
class Hold:
    """Why a run does not start now: a reason, a sentence, and when it ends by itself, None when that is not known."""

    reason: str
    message: str
    until: datetime | None = None


def layer_of(spec: ModelRolloutSpec) -> str:
    """The layer that a run of this spec is in, empty without one."""
    return spec.exclusivity.layer if spec.exclusivity is not None else ""


def moment_of(now: datetime) -> datetime:
    """The moment as status keeps it, in whole milliseconds: an order must not change when it is read back."""
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


def ahead(run: Run, uid: str, rivals: tuple[Rival, ...]) -> tuple[Rival, ...]:
    """Who comes before this run: first those that have the layer, then those that wait longer, next ones last.

    Whoever could not start anyway is passed over, and keeps its place for when it can. Of two that were asked for in
    the same millisecond the smaller uid goes first.
    """
    mine = (run.asked_at or run.started_at, uid)
    others = [one for one in rivals if one.layer == run.layer]
    having = sorted((one for one in others if not one.queued), key=lambda one: one.name)
    waiting = [one for one in others if one.queued and not one.aside and (one.asked_at, one.uid) < mine]
    return (*having, *sorted(waiting, key=lambda one: (one.asked_at, one.uid)))


def hold(draft: Draft) -> Hold | None:
    """What keeps the present run, which is queued, from starting; None when it has its turn."""
    run = draft.run
    frozen = freeze.in_force(draft.observed.freezes, draft.now)
    if frozen is not None:
        return Hold(FROZEN, f"{run.on_trial} waits to be tried: {freeze.describe(frozen)}"[:1024], frozen.until)
    if not run.layer:
        return None
    if draft.spec.paused or draft.status.paused_by:
        return Hold(PAUSED, f"{run.on_trial} is paused before its start: others of layer {run.layer} go first")
    before = ahead(run, draft.rollout.metadata.uid, draft.observed.rivals)
    return Hold(QUEUED, f"{run.on_trial} waits for layer {run.layer}: {_order(before)}"[:1024]) if before else None


def _order(before: tuple[Rival, ...]) -> str:
    having = [one.name for one in before if not one.queued]
    waiting = [one.name for one in before if one.queued]
    parts = [f"the run of {' and '.join(having)} goes on"] if having else []
    if waiting:
        parts.append(f"{waiting[-1]} is right in front")
    return f"{', '.join(parts)}; place {len(waiting) + 1} in the queue"


def take_turn(draft: Draft, steps: tuple[PlannedStep, ...]) -> bool:
    """Let the queued run start if nothing holds it. Its time and its plan count from then on, not from its queueing."""
    run = draft.run
    run.layer = layer_of(draft.spec)
    held = hold(draft)
    if run.reason == FROZEN and (held is None or held.reason != FROZEN):
        draft.say(
            Reason.THAWED, f"the freeze is over: {run.on_trial} {'starts' if held is None else 'keeps its place'}"
        )
    if held is not None:
        if held.reason != run.reason and held.reason in _EVENTS:
            draft.say(_EVENTS[held.reason], held.message)
        run.reason, run.message, run.aside = held.reason, held.message, held.reason == PAUSED
        if held.until is not None:
            draft.wake_at(held.until)
        return False
    run.queued, run.aside, run.reason, run.message = False, False, "", ""
    run.stable_revision = draft.observed.revision(run.stable) or run.stable_revision
    run.started_at = run.step_started_at = run.advanced_at = draft.now
    run.steps, run.plan = len(steps), f"{draft.rollout.metadata.name}-{run.id}"
    draft.snapshot = draft.spec
    return True


_EVENTS = {FROZEN: Reason.FROZEN, QUEUED: Reason.QUEUED}


def step_aside(run: Run | None) -> None:
    """Let others of the layer go first while the rollout cannot start anything."""
    if run is not None and run.queued and run.state is RunState.TRIAL and run.layer:
        run.aside = True
