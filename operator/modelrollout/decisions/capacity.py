"""Whether the candidate has the replicas that its next weight needs, and the order for those that it lacks.

Capacity comes first: no weight is given before the pods that are to carry it are ready. All this only happens with
`scale.mode: Managed`.
"""

from modelrollout.api import ModelRolloutSpec, ScaleMode
from modelrollout.api.status import Scaled
from modelrollout.decisions.decision import Reason
from modelrollout.decisions.draft import Draft
from modelrollout.decisions.observed import VersionSeen
from modelrollout.decisions.steps import FULL, PlannedStep

WAITS = "Capacity"
"""`run.reason` while nothing but replicas is waited for."""


def managed(spec: ModelRolloutSpec) -> bool:
    """Whether the operator is to scale the versions' workloads."""
    return spec.scale is not None and spec.scale.mode is ScaleMode.MANAGED


def needed(size: int, weight: int) -> int:
    """Replicas for that share of the traffic (of 1000), when `size` of them carry all of it; at least one."""
    return max(1, -(-size * weight // FULL))


def entry_of(draft: Draft, version: str) -> Scaled | None:
    """What was decided of a version's replicas, None when nothing was."""
    return next((one for one in draft.status.scales if one.version == version), None)


def weight_after(step: int, steps: tuple[PlannedStep, ...]) -> int:
    """The candidate's weight once that step is left: the next one's, or everything after the last."""
    return steps[step + 1].weight if step + 1 < len(steps) else FULL


def carries_all(draft: Draft, version: str) -> bool:
    """Whether the version has the replicas to take over everything from stable; nobody asks without managed scale."""
    seen, stable = draft.observed.versions.get(version), draft.observed.versions.get(draft.status.stable)
    if not managed(draft.spec) or seen is None or seen.replicas is None or seen.autoscaler or stable is None:
        return True
    return seen.ready >= needed(stable.replicas or stable.ready, FULL)


def lacking(draft: Draft, weight: int) -> bool:
    """Whether the candidate must not get that weight yet, for want of ready replicas. Orders them, and says so.

    A workload that keeps no number of replicas is not waited for, and of one that an autoscaler drives no number is
    expected: that scales by load, which only comes with the traffic.
    """
    run, observed = draft.run, draft.observed
    seen, stable = observed.versions.get(run.target), observed.versions.get(run.stable)
    if not managed(draft.spec) or seen is None or seen.replicas is None:
        return False
    size = (stable.replicas or stable.ready) if stable is not None else 0
    wanted = 1 if seen.autoscaler else needed(size, weight)
    if seen.ready >= wanted:
        if run.reason == WAITS:
            run.reason, run.message = "", ""
        return False
    # Where an autoscaler takes over it starts from what the weight needs, and not from one.
    _order(draft, seen, seen.replicas, needed(size, weight))
    run.reason, run.message = WAITS, _sentence(draft, seen, wanted)
    return True


def _order(draft: Draft, seen: VersionSeen, present: int, wanted: int) -> None:
    """Note that the candidate is to have that many replicas; never fewer than it has."""
    entry = entry_of(draft, draft.run.target)
    driven = bool(seen.autoscaler) and present > 0
    if not draft.observed.may_scale or driven or present >= wanted:
        return
    if entry is not None and (entry.left or not entry.settled):
        return  # somebody else's, or still on its way: one order at a time
    others = [one for one in draft.status.scales if one.version != draft.run.target]
    draft.status.scales = [*others, Scaled(version=draft.run.target, replicas=wanted, found=present)]
    draft.say(Reason.SCALING_UP, f"{draft.run.target} is scaled from {present} to {wanted} replicas before its traffic")


def _sentence(draft: Draft, seen: VersionSeen, wanted: int) -> str:
    name, entry = draft.run.target, entry_of(draft, draft.run.target)
    said = f"waiting for {wanted} ready {'replica' if wanted == 1 else 'replicas'} of {name}"
    if (seen.replicas or 0) >= wanted:
        return said
    if not draft.observed.may_scale:
        return f"{said}: the operator may not scale it; scale it yourself, or set rbac.scale in the chart's values"
    if entry is not None and entry.left:
        return f"{said}: somebody else scaled it to {seen.replicas} and the operator leaves that; scale it up"
    return said
