"""What was decided of traffic and does not arrive: for how long that is a matter of course, and what is said then."""

from collections.abc import Sequence
from datetime import timedelta

from modelrollout.api.status import Condition
from modelrollout.decisions.adoption import Obstacle
from modelrollout.decisions.decision import Reason
from modelrollout.decisions.draft import Draft
from modelrollout.decisions.observed import Undelivered
from modelrollout.decisions.steps import PlannedStep, apart
from modelrollout.decisions.traffic import in_flight, intent, weights_agree

PATIENCE = timedelta(seconds=30)
"""So long a decision may be on its way to the route without a word.

A write takes milliseconds, and weights that are brought about step by step about ten seconds. An API server or an
admission webhook that is restarted, and a leader that takes over from another one, are away for less than this. And it
is two of the usual intervals of analysis: people hear of it before evidence is drawn from weights that users do not
have.
"""

TRAFFIC_MATCHES = "TrafficMatches"
"""The condition that says whether the route carries what was decided."""

SECOND_ROUTE_READY = "SecondRouteReady"
"""The condition that says whether pins and preview can be had."""

WRITE_FAILING, NOT_CARRIED_OUT = "WriteFailing", "NotCarriedOut"


def overdue(draft: Draft) -> bool:
    """Whether something should have arrived by now, and not merely may still be on its way.

    What was said stays so until it has arrived, although a process that has just begun to lead knows no more of it.
    """
    missing = draft.observed.undelivered
    return missing is not None and (_waited(draft, missing) or _said(draft.rollout.status.condition(TRAFFIC_MATCHES)))


def on_its_way(draft: Draft) -> bool:
    """Whether users do not have the weights that were decided last, because the route does not know of them yet."""
    wanted, route = intent(draft.rollout, draft.spec, draft.status), draft.observed.route
    return wanted is not None and in_flight(route, wanted) and not weights_agree(route, wanted)


def note_arrival(draft: Draft, steps: Sequence[PlannedStep]) -> None:
    """Let the present step, and after an audience the comparison of the versions, begin when the weights have come."""
    run = draft.run
    if draft.observed.undelivered is None and _said(draft.rollout.status.condition(TRAFFIC_MATCHES)):
        run.step_started_at = draft.now  # its hold, and the answers that it needs, count from here
    if apart(run, steps) and not steps[run.step].audience and not on_its_way(draft):
        run.compared_at = draft.now


def lateness(draft: Draft, obstacle: Obstacle | None) -> tuple[str, str] | None:
    """Reason and sentence of the condition TrafficMatches, None when nothing is overdue.

    There are no numbers in it that change: the status would be written again and again.
    """
    missing, old = draft.observed.undelivered, draft.rollout.status.condition(TRAFFIC_MATCHES)
    if missing is None or not overdue(draft):
        return None
    if old is not None and not _waited(draft, missing):
        return old.reason, old.message
    if missing.refusal:
        said = f"the route cannot be written, so it does not say what was decided: {missing.refusal}"
        return WRITE_FAILING, said
    if obstacle is not None:
        return NOT_CARRIED_OUT, f"nothing is written to the route: {obstacle.message}"
    if draft.observed.route.sticky.under_way:
        said = "the desired weights are brought about step by step, and the gateway has not taken up the last step"
        return NOT_CARRIED_OUT, said
    return NOT_CARRIED_OUT, "the route does not carry the desired weights, although no write of it was refused"


def refused_beside(draft: Draft) -> str:
    """Why what is kept beside the weights cannot be written, in a sentence; empty while it may be on its way."""
    missing, old = draft.observed.beside, draft.rollout.status.condition(SECOND_ROUTE_READY)
    if missing is None:
        return ""
    if old is not None and _said(old) and not _waited(draft, missing):
        return old.message
    return f"it cannot be written: {missing.refusal}" if missing.refusal and _waited(draft, missing) else ""


def note_overdue(draft: Draft) -> None:
    """Say it once, as soon as it is time to, when a decision does not arrive."""
    for missing in (draft.observed.undelivered, draft.observed.beside):
        if missing is not None:
            draft.wake_at(missing.since + PATIENCE)
    new = draft.status.condition(TRAFFIC_MATCHES)
    if new is not None and _said(new) and not _said(draft.rollout.status.condition(TRAFFIC_MATCHES)):
        draft.say(Reason.NOT_CARRIED_OUT, f"{new.message}; it is tried again and again", warning=True)


def _waited(draft: Draft, missing: Undelivered) -> bool:
    return draft.now >= missing.since + PATIENCE


def _said(condition: Condition | None) -> bool:
    return condition is not None and condition.reason in (WRITE_FAILING, NOT_CARRIED_OUT)
