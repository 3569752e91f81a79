"""Replicas that the operator decides: what became of its orders, and when a version without traffic goes down.

A number that differs from what was ordered, after the order had been carried out, is somebody else's and is left alone;
only where numbers are the weights it is put back (`replica_shares`).
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from modelrollout.api.scaled import Scaled
from modelrollout.api.status import ModelRolloutStatus, RunState
from modelrollout.decisions import replica_shares, runs
from modelrollout.decisions.capacity import entry_of, managed, total_of
from modelrollout.decisions.decision import Reason, ScaleIntent
from modelrollout.decisions.draft import Draft
from modelrollout.decisions.observed import Observed
from modelrollout.decisions.traffic import shares

DELAY = timedelta(minutes=30)
"""How long a version without traffic stays up where `scaleDownDelay` is not written."""


def without_leaving(status: ModelRolloutStatus, observed: Observed) -> Observed:
    """What was seen, with versions that were told to go counted as gone: no traffic may return to their last pods."""
    leaving = {one.version for one in status.scales if one.replicas == 0}
    versions = {
        name: replace(seen, ready=0) if name in leaving or seen.replicas == 0 else seen
        for name, seen in observed.versions.items()
    }
    return replace(observed, versions=versions)


def follow_orders(draft: Draft) -> None:
    """Learn what became of what was ordered before."""
    if not managed(draft.spec):
        draft.status.scales = []
        return
    over = _over if total_of(draft.spec) is None else replica_shares.follow
    draft.status.scales = [entry for entry in draft.status.scales if not over(draft, entry)]


def retire(draft: Draft) -> None:
    """Let versions go down that have been without traffic for their delay."""
    if not managed(draft.spec):
        return
    replica_shares.keep(draft)
    _note_losers(draft)
    draft.status.scales = [entry for entry in draft.status.scales if not _done_with(draft, entry)]


def orders(draft: Draft) -> tuple[ScaleIntent, ...]:
    """What is still to be written to the workloads."""
    found = []
    for entry in draft.status.scales:
        seen = draft.observed.versions.get(entry.version)
        pending = not entry.settled and not entry.left and seen is not None and seen.replicas == entry.found
        wanted = entry.replicas == 0 or _on_trial(draft, entry.version) or total_of(draft.spec) is not None
        if pending and wanted and draft.observed.may_scale:
            found.append(ScaleIntent(entry.version, entry.found, entry.replicas))
    return tuple(found)


def stated(draft: Draft) -> Iterator[tuple[str, bool | None, str, str]]:
    """Condition ReplicasManaged: whether the operator scales what it should, and why not."""
    run = draft.status.run
    if not managed(draft.spec) or run is None:
        return
    seen = draft.observed.versions.get(run.target)
    entry = entry_of(draft, run.target)
    refused = replica_shares.refusal(draft)
    if refused:
        yield "ReplicasManaged", False, "Refused", refused
    elif not draft.observed.may_scale:
        said = "the operator has no right to scale: set rbac.scale in its chart's values, or scale.mode to None"
        yield "ReplicasManaged", False, "NotAllowed", said
    elif seen is not None and seen.autoscaler:
        said = f"{run.target} is scaled by {seen.autoscaler}: the operator only brings it up from 0"
        yield "ReplicasManaged", False, "Autoscaled", said
    elif seen is not None and seen.workload_found and seen.replicas is None:
        said = f"the workload of {run.target} keeps no number of replicas: scale it yourself"
        yield "ReplicasManaged", False, "NoReplicas", said
    elif entry is not None and entry.left:
        said = f"somebody else scaled {run.target}: its replicas are left alone until the next run"
        yield "ReplicasManaged", False, "ScaledByOthers", said
    else:
        yield "ReplicasManaged", True, "Managed", ""


def _over(draft: Draft, entry: Scaled) -> bool:
    """Take note of what the workload shows now. True when the entry has no further use."""
    seen = draft.observed.versions.get(entry.version)
    if seen is None:
        return True  # no version of the rollout any more
    if seen.replicas is None or entry.left:
        return False
    if seen.replicas == entry.replicas:
        entry.settled = True
        return entry.replicas == 0
    if not entry.settled and seen.replicas == entry.found:
        return False
    entry.left = True
    if not seen.autoscaler:
        said = f"{entry.version} was scaled to {seen.replicas} by somebody else: its replicas are left alone"
        draft.say(Reason.REPLICAS_LEFT, said)
    return entry.down_at is not None


def _note_losers(draft: Draft) -> None:
    """A run has just ended, or made way for another one: whoever has no traffic after it goes down in a while."""
    before, now_runs = draft.rollout.status.run, draft.status.run
    if before is None or not runs.begun(before):
        return
    if now_runs is not None and now_runs.id == before.id and runs.active(now_runs):
        return
    draft.status.scales = [one for one in draft.status.scales if not one.left]
    for name in (before.stable, before.target):
        seen = draft.observed.versions.get(name)
        if seen is not None and seen.replicas and not _in_use(draft, name):
            kept = [one for one in draft.status.scales if one.version != name]
            noted = Scaled(version=name, replicas=seen.replicas, found=seen.replicas, settled=True)
            noted.down_at = max(draft.now, _without_traffic_since(draft) + _delay(draft))
            draft.status.scales = [*kept, noted]


def _without_traffic_since(draft: Draft) -> datetime:
    """When the version that lost its traffic in the run that has just ended did so."""
    before = draft.rollout.status.run
    ends = before.watch_until if before is not None else None
    returned = draft.status.run is not None and draft.status.run.stable == draft.status.stable
    return draft.now if ends is None or returned else min(draft.now, ends - draft.spec.watch)


def _delay(draft: Draft) -> timedelta:
    if draft.spec.traffic.replicas is not None:
        return draft.spec.traffic.replicas.scale_down_delay
    delay = draft.spec.scale.scale_down_delay if draft.spec.scale is not None else None
    return DELAY if delay is None else delay


def _in_use(draft: Draft, version: str) -> bool:
    """Whether it has traffic, or may get some without being scaled first: a run is about it."""
    run = draft.status.run
    in_run = run is not None and runs.active(run) and version in (run.stable, run.target)
    return in_run or bool(shares(draft.status).get(version))


def _on_trial(draft: Draft, version: str) -> bool:
    run = draft.status.run
    return run is not None and run.state is RunState.TRIAL and run.target == version


def _done_with(draft: Draft, entry: Scaled) -> bool:
    """Order a version to nothing when its time has come. True when the entry has no further use."""
    if entry.replicas == 0:
        return False  # on its way, to be followed to the end
    if _in_use(draft, entry.version):
        on_its_way = total_of(draft.spec) is not None and not entry.settled
        return entry.down_at is not None or not (runs.active(draft.status.run) or on_its_way)
    if entry.down_at is None:
        # Ordered for a run that ended at once: the order may have arrived although nothing shows it yet.
        entry.down_at = draft.now + _delay(draft)
    if draft.now < entry.down_at:
        draft.wake_at(entry.down_at)
        return False
    if not entry.settled:
        return True
    seen = draft.observed.versions[entry.version]
    if seen.autoscaler:
        said = f"{entry.version} has no traffic; how far it goes down is left to {seen.autoscaler}"
        draft.say(Reason.REPLICAS_LEFT, said)
        return True
    rules = draft.observed.route.rules
    if not rules or any(rule.weights.get(entry.version) for rule in rules):
        return False  # the route still says otherwise; its change is waited for
    if not draft.observed.may_scale:
        return True
    entry.found, entry.replicas, entry.settled = entry.replicas, 0, False
    draft.say(
        Reason.SCALING_DOWN, f"{entry.version} is scaled from {entry.found} to 0: it has had no traffic for its delay"
    )
    return False
