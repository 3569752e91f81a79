"""How long a run may take: when its deadline counts, and what happens when it has passed."""

from datetime import timedelta

from modelrollout.api import DeadlinePolicy, RollbackPolicy
from modelrollout.api.status import Outcome
from modelrollout.decisions import runs, webhooks
from modelrollout.decisions.admission import MODEL_DIFFERS
from modelrollout.decisions.decision import Reason
from modelrollout.decisions.draft import Draft
from modelrollout.decisions.guardrails import Failure
from modelrollout.decisions.record import boundary
from modelrollout.decisions.strategies import compile_steps

HELD_REASONS = frozenset({"GuardrailFailed", "TrafficLost", "OutOfMemory", "ContainersRestart"})
"""`run.reason` while a failed guardrail holds the weights where they are."""

DEADLINE_PASSED = "DeadlinePassed"
"""`run.reason` after a deadline that ends nothing: a person decides."""

_ASKED_ALREADY = HELD_REASONS | {MODEL_DIFFERS, webhooks.REFUSED}
"""Reasons for which people were asked to act: that it takes long is no news then."""


def stand_still(draft: Draft) -> None:
    """Stop the progress deadline while the run waits for people."""
    if draft.run.still_since is None:
        draft.run.still_since = draft.now


def go_on(draft: Draft) -> None:
    """Let the progress deadline count again, without the time it stood still."""
    run = draft.run
    if run.still_since is not None:
        run.advanced_at += draft.now - run.still_since
        run.still_since = None


def keep_deadline(draft: Draft, own: timedelta | None, missing: str) -> None:
    """Act when a step, or what comes before the first one, takes longer than it may.

    Args:
        draft: of a run that waits.
        own: longest time of what it waits for, None where only the progress deadline holds.
        missing: what it waits for, in a sentence.
    """
    go_on(draft)
    run = draft.run
    allowed = draft.spec.progress_deadline if own is None else min(own, draft.spec.progress_deadline)
    if draft.now < run.advanced_at + allowed:
        if run.reason == DEADLINE_PASSED:  # somebody allowed it more time
            run.reason, run.message = "", ""
        draft.wake_at(run.advanced_at + allowed)
        return
    where = f"step {run.step + 1} of {run.steps}" if run.exposed_at is not None else "the way to the first step"
    message = f"{where} took longer than {allowed}: {missing}"
    if draft.spec.on_deadline is DeadlinePolicy.ROLLBACK and compile_steps(draft.spec)[-1].reported:
        draft.record.append(boundary(draft, DEADLINE_PASSED))
        runs.report(draft, DEADLINE_PASSED, message)
    elif draft.spec.on_deadline is DeadlinePolicy.ROLLBACK and draft.spec.rollback is not RollbackPolicy.HOLD:
        roll_back(draft, Outcome.NO_EVIDENCE, Failure(DEADLINE_PASSED, message))
    elif run.reason not in (DEADLINE_PASSED, *_ASKED_ALREADY):
        _ask_for_more(draft, message)


def _ask_for_more(draft: Draft, message: str) -> None:
    """Say once that the time is over, although what is waited for may be noted anew with every decision."""
    told = draft.told(DEADLINE_PASSED)
    draft.run.reason, draft.run.message = DEADLINE_PASSED, told or message[:1024]
    if told is None:
        field = "onDeadline" if draft.spec.on_deadline is DeadlinePolicy.HOLD else "rollback"
        way = "promote, skip or abort" if draft.run.exposed_at is not None else "mend that, or abort"
        draft.say(Reason.DEADLINE_PASSED, f"{message}; spec.{field} is Hold: {way}", warning=True)


def roll_back(draft: Draft, outcome: Outcome, failed: Failure) -> None:
    """Take the candidate back, and say what failed."""
    run = draft.run
    share, step = runs.share_of(run), run.step + 1
    draft.record.append(boundary(draft, failed.reason))
    runs.take_back(draft, outcome, failed.reason, failed.message)
    reason = Reason.NO_EVIDENCE if outcome is Outcome.NO_EVIDENCE else Reason.GUARDRAIL_FAILED
    draft.say(reason, f"{run.target} is taken back from {share} (step {step}): {failed.message}", warning=True)
