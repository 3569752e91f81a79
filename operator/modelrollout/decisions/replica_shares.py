"""Replicas where their numbers are the weights (`traffic.replicas`): who has how many, and what stands in the way.

The candidate comes up first (`capacity`), then stable goes down by as many. What was ordered stands in the status
before it is written, as with managed scale; another number than the ordered one is another share of the traffic than
the one that was decided, so during a run it is put back.
"""

from collections.abc import Mapping

from modelrollout.api.scaled import Scaled
from modelrollout.api.status import RunState
from modelrollout.decisions.capacity import entry_of, needed, order, total_of
from modelrollout.decisions.decision import Reason
from modelrollout.decisions.draft import Draft
from modelrollout.decisions.steps import FULL


def refusal(draft: Draft) -> str:
    """Why the pods cannot be the shares of a run that goes on or begins, in a sentence; empty when they can."""
    total, run = total_of(draft.spec), draft.status.run
    if total is None or run is None or run.state is RunState.DONE:
        return ""
    for name in (run.stable, run.target):
        seen = draft.observed.versions.get(name)
        if seen is not None and seen.autoscaler:
            return (
                f"{name} is scaled by {seen.autoscaler}, and its replicas are its share of the traffic: delete that, "
                "or let a router split the traffic by weights"
            )
        if seen is not None and seen.workload_found and seen.replicas is None:
            return f"the workload of {name} keeps no number of replicas, which would be its share of the traffic"
    if not draft.observed.may_scale:
        return "the operator has no right to scale: set rbac.scale in its chart's values"
    stable = draft.observed.versions.get(run.stable)
    present = stable.replicas or 0 if stable is not None else 0
    if run.exposed_at is None and present > total:
        return (
            f"{run.stable} has {present} replicas, and during a run all versions together have {total}: raise "
            f"traffic.replicas.total, or scale {run.stable} down first"
        )
    return ""


def follow(draft: Draft, entry: Scaled) -> bool:
    """Take note of what became of an order. True when it has no further use."""
    seen = draft.observed.versions.get(entry.version)
    if seen is None:
        return True  # no version of the rollout any more
    if seen.replicas is None:
        return False
    if seen.replicas == entry.replicas:
        entry.settled = True
        return entry.replicas == 0
    if not entry.settled and seen.replicas == entry.found:
        return False
    if not _in_run(draft, entry.version) or entry.down_at is not None:
        return True
    draft.say(
        Reason.REPLICAS_REPAIRED,
        f"{entry.version} was scaled to {seen.replicas} by somebody else: it is set back to {entry.replicas}, because "
        "its replicas are its share of the traffic",
        warning=True,
    )
    entry.found, entry.settled = seen.replicas, False
    return False


def keep(draft: Draft) -> None:
    """Order the replicas that make the shares that were decided, beside those that `capacity` orders in advance."""
    if not refusal(draft):
        for version, replicas in _wanted(draft).items():
            order(draft, version, replicas, f"of {total_of(draft.spec)}")


def keeps_share(replicas: int, share: int, total: int) -> bool:
    """Whether so many replicas of a version are no fewer than its share (of 1000) of all."""
    return replicas * FULL >= share * total


def _wanted(draft: Draft) -> Mapping[str, int]:
    total, run = total_of(draft.spec), draft.status.run
    if total is None or run is None or run.queued:
        return {}
    if run.state is RunState.TAKING_BACK:
        return {run.stable: total}
    if run.state in (RunState.PROMOTING, RunState.WATCHING):
        return {run.target: total}
    if run.state is RunState.DONE:
        return {}
    if not run.weight:
        return {run.stable: total}
    part, candidate = needed(total, run.weight), draft.observed.versions.get(run.target)
    wanted = {run.target: part} if entry_of(draft, run.target) is None else {}
    if candidate is not None and candidate.ready >= part:
        wanted[run.stable] = total - part
    return wanted


def _in_run(draft: Draft, version: str) -> bool:
    run = draft.status.run
    return run is not None and run.state is not RunState.DONE and version in (run.stable, run.target)
