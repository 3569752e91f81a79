"""A run whose trial is over: traffic on its way back, on its way forward, or under watch."""

from modelrollout.api.status import Outcome
from modelrollout.decisions import runs
from modelrollout.decisions.decision import Reason
from modelrollout.decisions.draft import Draft
from modelrollout.decisions.guardrails import failure
from modelrollout.decisions.record import boundary
from modelrollout.decisions.traffic import agrees, intent


def _arrived(draft: Draft) -> bool:
    """Whether the route shows what was last decided."""
    wanted = intent(draft.rollout, draft.spec, draft.status)
    return wanted is not None and agrees(draft.observed.route, wanted)


def taking_back(draft: Draft) -> None:
    """End the run once the route shows all traffic on the version that served before."""
    if not _arrived(draft):
        return
    run, status = draft.run, draft.status
    if status.stable != run.stable:
        status.previous = None
    status.stable, status.stable_revision = run.stable, draft.observed.revision(run.stable) or run.stable_revision
    runs.finish(draft, run.outcome or Outcome.ROLLED_BACK)


def promoting(draft: Draft) -> None:
    """Swap the roles once the route shows all traffic on the target; a target without endpoints goes back."""
    run = draft.run
    if _lost(draft):
        return
    if not _arrived(draft):
        return
    runs.flip(draft, draft.now + draft.spec.watch)
    if draft.spec.watch.total_seconds() > 0:
        draft.wake_at(draft.now + draft.spec.watch)
    else:
        _complete(draft, run.outcome or Outcome.PROMOTED)


def watching(draft: Draft) -> None:
    """Keep the guardrails on after promotion; a failure or an empty target takes traffic back in one write."""
    run = draft.run
    if _lost(draft):
        return
    failed = failure(draft.spec, run, draft.observed, draft.evidence)
    if failed is not None and draft.observed.ready(run.stable):
        draft.record.append(boundary(draft, failed.reason))
        runs.take_back(draft, Outcome.ROLLED_BACK, failed.reason, f"while watched after promotion: {failed.message}")
        draft.say(
            Reason.GUARDRAIL_FAILED, f"{run.target} is taken back after its promotion: {failed.message}", warning=True
        )
        return
    if run.watch_until is None or draft.now >= run.watch_until:
        _complete(draft, run.outcome or Outcome.PROMOTED)
    else:
        draft.wake_at(run.watch_until)


def _lost(draft: Draft) -> bool:
    run, observed = draft.run, draft.observed
    if observed.ready(run.target) or not observed.ready(run.stable):
        return False
    message = f"{run.target} has lost its last ready endpoint"
    runs.take_back(draft, Outcome.ROLLED_BACK, "CandidateUnavailable", message)
    draft.say(Reason.CANDIDATE_UNAVAILABLE, f"{message}: all traffic goes back to {run.stable}", warning=True)
    return True


def _complete(draft: Draft, outcome: Outcome) -> None:
    draft.record.append(boundary(draft, "Completed"))
    runs.finish(draft, outcome)
    draft.say(Reason.COMPLETED, f"{draft.run.target} serves; the watch is over")
