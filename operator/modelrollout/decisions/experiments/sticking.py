"""Users of an experiment stay on one version: the gateway is told so before the split begins, and until it is over."""

from datetime import timedelta

from modelrollout.decisions import runs
from modelrollout.decisions.draft import Draft

LOOK_AGAIN = timedelta(seconds=30)
"""What hinders may go without that anybody says so: a kind that is installed, for example."""


def hindrance(draft: Draft) -> str:
    """Why users cannot be kept although they should, in a sentence; empty when they can, or need not."""
    if not draft.spec.strategy.sticky_header:
        return ""
    found = draft.observed.route.sticky.problem
    if found:
        draft.wake_at(draft.now + LOOK_AGAIN)
    return found


def kept(draft: Draft) -> bool:
    """Whether users are kept as the spec asks, so that the split may begin; what is missing for that is asked for."""
    header, run = draft.spec.strategy.sticky_header, draft.run
    if run.sticky != header:
        run.sticky = header
        runs.move(draft, 0)
    return not waits_for(draft)


def waits_for(draft: Draft) -> str:
    """What is missing for users to be kept as the present run asks, in a sentence; empty when nothing is."""
    header, seen = draft.run.sticky, draft.observed.route.sticky
    if not header or (seen.header == header and seen.accepted):
        return ""
    missing = "is not written whole" if seen.header != header else "was not taken up by the gateway yet"
    return f"users are not kept by {header}: what does so {missing}"
