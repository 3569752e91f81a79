"""Rollouts that belong together are promoted together: each waits after its last step until the others have passed too.

What becomes of one before its promotion becomes of all. After a promotion each is watched, and undone, by itself: what
serves users is not taken away from them because of something that they may not use.
"""

from modelrollout.api.status import Outcome, Run, RunState
from modelrollout.decisions import runs
from modelrollout.decisions.decision import Reason
from modelrollout.decisions.draft import Draft
from modelrollout.decisions.observed import Companion
from modelrollout.decisions.record import boundary

WAITS = "Companions"
"""`run.reason` while nothing but others is waited for."""

TAKEN_BACK = "CompanionTakenBack"

_PROMOTED = frozenset({Outcome.PROMOTED, Outcome.FORCED})
_NOT_TAKEN_BACK = _PROMOTED | {Outcome.SUPERSEDED, Outcome.REPORTED}


def companion_of(name: str, target: str, stable: str, run: Run | None, release: str = "") -> Companion:
    """What the others may know of a rollout.

    Args:
        name: of the rollout.
        target: version that it should serve with.
        stable: version that serves.
        run: its present run or last one.
        release: what it says that it is released with.
    """
    over = run is None or run.state is RunState.DONE
    # A run of another target than the one that is asked for by now says nothing: it is superseded, or waits for that.
    meant = run is not None and (not target or run.target == target)
    promoted = run is not None and meant and (run.state in (RunState.PROMOTING, RunState.WATCHING) or run.together)
    ending = run is not None and (run.state is RunState.TAKING_BACK or over)
    back = run is not None and ending and run.outcome is not None and run.outcome not in _NOT_TAKEN_BACK
    return Companion(
        name=name,
        passed=promoted or (over and bool(target) and target == stable and not back),
        taken_back=(run.ended_at or run.step_started_at) if run is not None and back else None,
        run=run.id if run is not None else "",
        release=release,
        why=run.message if run is not None and back else "",
    )


def ready(draft: Draft, *, last: bool) -> bool:
    """Whether the candidate need not wait for others. Notes that it has passed itself, and for whom it waits."""
    run, ours = draft.run, _release(draft)
    late = [_late(one, ours) for one in draft.observed.companions if not _passed(one, ours)] if last else []
    run.together = last and bool(draft.observed.companions)
    if late:
        run.reason, run.message = WAITS, f"{run.target} has passed and waits for {'; '.join(late)}"[:1024]
        return False
    if run.reason == WAITS:
        run.reason, run.message = "", ""
    return True


def taken_back(draft: Draft) -> bool:
    """Take the candidate back if another one was since this run began; nothing is held against either for that."""
    run = draft.run
    if run.queued:
        return False
    gone = next((one for one in draft.observed.companions if one.taken_back and one.taken_back >= run.started_at), None)
    if gone is None or (run.weight and not draft.observed.ready(run.stable) and draft.observed.ready(run.target)):
        return False  # while stable has no ready endpoint everything is held, and nothing may go back to it
    message = f"{gone.name}, which it belongs together with, was taken back: {gone.why}"
    draft.record.append(boundary(draft, TAKEN_BACK))
    runs.take_back(draft, Outcome.NO_EVIDENCE, TAKEN_BACK, message)
    draft.say(Reason.COMPANION_TAKEN_BACK, f"{run.target} is taken back: {message}", warning=True)
    return True


def _release(draft: Draft) -> str:
    """As it is written now: a name that was mistyped can be put right while the others are waited for."""
    together = (draft.written or draft.spec).promote_together
    return (together.release if together is not None else None) or ""


def _passed(one: Companion, release: str) -> bool:
    return one.passed and release in ("", one.release)


def _late(one: Companion, release: str) -> str:
    if not one.found:
        return f"ModelRollout {one.name}, which does not exist"
    if release not in ("", one.release):
        said = f"is of release {one.release}" if one.release else "names no release yet"
        return f"ModelRollout {one.name}, which {said}, not {release}"
    return f"ModelRollout {one.name}" + (f" (run {one.run})" if one.run else "")
