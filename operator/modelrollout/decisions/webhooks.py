"""Webhooks of steps: who is called next, and what the answers so far mean.

A call is made at least once: a leader that ends between a call and the write of its answer leaves the next one to call
again, with the same delivery id. Silence is neither a yes nor a no: after the last retry the run waits.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from modelrollout.api.status import Verdict, WebhookState, WebhookStatus
from modelrollout.api.webhooks import Webhook, When
from modelrollout.decisions.checks import Call, Check
from modelrollout.decisions.decision import Reason
from modelrollout.decisions.draft import Draft
from modelrollout.decisions.record import boundary
from modelrollout.decisions.steps import PlannedStep

WAITS = "Webhook"
"""`run.reason` while an answer is waited for that may still come by itself."""

UNANSWERED = "WebhookUnanswered"
"""`run.reason` after the last retry: a person or the deadline decides."""

REFUSED = "WebhookRefused"
"""Reason of a run that a receiver ended by its answer."""

KEPT = 10
"""Newest calls that the status keeps; there are at most ten around one change of step."""

Steps = Sequence[PlannedStep]


@dataclass(frozen=True, slots=True)
class Due:
    """A webhook and the step (by index) that it belongs to."""

    step: int
    webhook: Webhook


@dataclass(frozen=True, slots=True)
class Answered:
    """Whether everybody agreed, and who refused and why, in a sentence; empty when nobody did."""

    agreed: bool
    refused: str = ""


def before_first(steps: Steps) -> tuple[Due, ...]:
    """Those to be called before the first step begins."""
    return tuple(_of(steps, 0, When.BEFORE))


def before_leaving(steps: Steps, step: int) -> tuple[Due, ...]:
    """Those to be called before a step is left, in order: its gates, those after it, those before the next one."""
    following = _of(steps, step + 1, When.BEFORE) if step + 1 < len(steps) else ()
    return (*_of(steps, step, When.GATE), *_of(steps, step, When.AFTER), *following)


def answered(draft: Draft, steps: Steps, due: Sequence[Due]) -> Answered:
    """What all of them say. Unless they agree, the next call is asked for, or what hinders is noted in the run."""
    run = draft.run
    for one in due:
        known = next((each for each in run.webhooks if _is_of(each, one)), None)
        if known is None:
            known = WebhookStatus(
                name=one.webhook.name,
                step=one.step,
                when=one.webhook.when,
                state=WebhookState.RUNNING,
                started_at=draft.now,
            )
            run.webhooks = [*run.webhooks, known][-KEPT:]
        if known.state is WebhookState.RUNNING:
            _take_answer(draft, steps, one, known)
        if known.state is WebhookState.PASSED:
            continue
        if known.state is WebhookState.FAILED:
            return Answered(agreed=False, refused=_said(draft, one, known))
        run.reason = UNANSWERED if known.state is WebhookState.UNANSWERED else WAITS
        run.message = _said(draft, one, known)[:1024]
        return Answered(agreed=False)
    if run.reason in (WAITS, UNANSWERED):
        run.reason, run.message = "", ""
    return Answered(agreed=True)


def _of(steps: Steps, step: int, when: When) -> Iterator[Due]:
    return (Due(step, one) for one in steps[step].webhooks if one.when is when)


def _take_answer(draft: Draft, steps: Steps, due: Due, known: WebhookStatus) -> None:
    """Note what the present attempt came to; ask for it, or for the next one at its time."""
    retry_at = _retry_at(due.webhook, known)
    if retry_at is not None and draft.now < retry_at:
        draft.wake_at(retry_at)
        return
    check = _check(draft, steps, due, known.attempts + 1)
    draft.check = check
    result = next((one for one in draft.observed.checks if one.check == check), None)
    if result is None:
        return
    known.message = result.message[:1024]
    if not result.final:
        return  # the receiver says "not yet", and is asked again
    draft.check = None
    known.attempts, known.at = known.attempts + 1, draft.now
    if result.verdict is Verdict.PASS:
        known.state = WebhookState.PASSED
        draft.say(Reason.WEBHOOK_PASSED, f"webhook {known.name} ({known.when}): {known.message}")
    elif result.verdict is Verdict.FAIL:
        known.state = WebhookState.FAILED
    elif known.attempts > due.webhook.retries:
        known.state = WebhookState.UNANSWERED
        draft.say(Reason.WEBHOOK_UNANSWERED, _said(draft, due, known), warning=True)
    else:
        draft.wake_at(_retry_at(due.webhook, known) or draft.now)
    answer = {"webhook": known.name, "when": str(known.when), "attempt": known.attempts, "answer": known.message}
    # Without the metrics, which did not decide: every try of every call has a line.
    line = {**boundary(draft, "WebhookCalled"), "findings": []}
    draft.record.append({**line, **answer, "verdict": str(result.verdict)})


def _retry_at(webhook: Webhook, known: WebhookStatus) -> datetime | None:
    if not known.attempts or known.at is None or known.attempts > webhook.retries:
        return None
    return known.at + timedelta(seconds=2**known.attempts)


def _said(draft: Draft, due: Due, known: WebhookStatus) -> str:
    title = f"webhook {known.name} ({known.when})"
    match known.state:
        case WebhookState.FAILED:
            return f"{title} refused: {known.message}"
        case WebhookState.UNANSWERED:
            way = "abort and retry" if draft.run.exposed_at is None else "promote to go on without it, or abort"
            return f"{title} gave no good answer in {known.attempts} tries, the last: {known.message}; {way}"
        case _ if known.attempts:
            return (
                f"{title} is called again, {known.attempts} of {due.webhook.retries + 1} tries failed: {known.message}"
            )
        case _:
            return f"{title} {f'says: {known.message}' if known.message else 'is called'}"


def _check(draft: Draft, steps: Steps, due: Due, attempt: int) -> Check:
    run, metadata, step = draft.run, draft.rollout.metadata, steps[due.step]
    version = draft.spec.version(run.target)
    unique = "/".join((metadata.uid, run.id, str(due.step), due.webhook.name))
    call = Call(
        webhook=due.webhook,
        delivery=hashlib.sha256(unique.encode()).hexdigest()[:32],
        attempt=attempt,
        step=due.step + 1,
        steps=len(steps),
        step_name=step.name,
        weight=step.weight,
        mirror=step.mirror,
        audience=step.audience,
        stable=run.stable,
    )
    return Check(
        namespace=metadata.namespace,
        rollout=metadata.name,
        uid=metadata.uid,
        run=run.id,
        version=run.target,
        service=version.service.name if version else "",
        port=version.service.port if version else 0,
        addresses=(),
        what=call,
    )


def _is_of(status: WebhookStatus, due: Due) -> bool:
    return (status.name, status.step) == (due.webhook.name, due.step)
