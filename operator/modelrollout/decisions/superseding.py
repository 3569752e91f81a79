"""A run that makes room for another one."""

from modelrollout.api.status import Outcome, RunState
from modelrollout.decisions import runs
from modelrollout.decisions.decision import Reason
from modelrollout.decisions.draft import Draft
from modelrollout.decisions.freeze import in_force
from modelrollout.decisions.traffic import shares


def supersede(draft: Draft, why: str, *, starts: bool) -> bool:
    """End the run in favour of another one. What the new candidate is proven against stays the same stable version.

    Args:
        draft: of a run that goes on.
        why: in a few words.
        starts: what follows is a trial, which a freeze forbids.

    Returns:
        Whether it has ended, so that the next one may begin.
    """
    run = draft.run
    if run.state is RunState.PROMOTING:
        return False  # a promotion is one write: it ends first, then the new target is tried against it
    frozen = in_force(draft.observed.freezes, draft.now)
    if frozen is not None and run.state is RunState.WATCHING and starts:
        if frozen.until is not None:
            draft.wake_at(frozen.until)
        return False  # nothing would start, so the guardrails of what serves go on
    trial = run.state is RunState.TRIAL
    shown = run.exposed_at is not None
    if trial and shown and _stable_is_lost(draft):
        return False  # its users would all be sent to nobody
    if trial and not run.queued:
        run.reason, run.message = "Superseded", why
    if shown:
        runs.finish(draft, Outcome.SUPERSEDED if trial else run.outcome or Outcome.PROMOTED)
    else:
        run.state, run.outcome, run.ended_at = RunState.DONE, Outcome.SUPERSEDED, draft.now
        runs.let_go(run)
    if trial and shown:
        run.intent += 1
        draft.say(Reason.SUPERSEDED, f"run {run.id} ends: {why}")
    if draft.written is not None and not draft.refusal:
        draft.spec = draft.written  # what was edited meanwhile counts from the next run on
    return True


def _stable_is_lost(draft: Draft) -> bool:
    """Whether the version that everybody would go back to has no ready endpoint, while one on trial answers users."""
    run, observed = draft.run, draft.observed
    answers = any(share and observed.ready(name) for name, share in shares(draft.status).items() if name != run.stable)
    return answers and not observed.ready(run.stable)
