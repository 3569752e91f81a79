"""The target set back to the version that served before: a `git revert`, answered in one write."""

from modelrollout.api import RevertPolicy
from modelrollout.api.status import Outcome
from modelrollout.decisions import runs
from modelrollout.decisions.capacity import carries_all
from modelrollout.decisions.decision import Reason
from modelrollout.decisions.draft import Draft


def reverts(draft: Draft, target: str) -> bool:
    """Whether the target is the previous version, has not changed since it served, and can serve at once."""
    status, previous = draft.status, draft.status.previous
    return (
        draft.spec.revert is RevertPolicy.FAST
        and previous is not None
        and previous.version == target
        and previous.revision == draft.observed.revision(target)
        and draft.observed.ready(target)
        and carries_all(draft, target)
        and runs.rejection(draft, target) is None
        and draft.spec.version(status.stable) is not None
    )


def revert(draft: Draft, target: str) -> None:
    """Take all traffic from the stable version back to the one before it.

    The run that promoted the stable version is taken back, as undo does it. Where a later one stands in its place (of a
    third version that failed, say), a run is made for it. Nothing is rejected: the version may be asked for again.
    """
    run, serving = draft.status.run, draft.status.stable
    if run is None or (run.target, run.stable) != (serving, target):
        runs.begin_return(draft, serving, target)
    message = f"the target was set back to {target}, which served before {serving} and is unchanged"
    runs.take_back(draft, Outcome.WITHDRAWN, "Reverted", message)
    draft.say(Reason.WITHDRAWN, f"{serving} is withdrawn: {message}")
