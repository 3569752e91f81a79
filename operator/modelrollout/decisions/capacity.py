"""Whether the candidate has the replicas that its next weight needs, and the order for those that it lacks.

Capacity comes first: no weight is given before the pods that are to carry it are ready. All this only happens with
`scale.mode: Managed`, and where numbers of pods are the weights (`traffic.replicas`).
"""

from modelrollout.api import ModelRolloutSpec, ScaleMode
from modelrollout.api.scaled import Scaled
from modelrollout.decisions.decision import Reason
from modelrollout.decisions.draft import Draft
from modelrollout.decisions.observed import VersionSeen
from modelrollout.decisions.steps import FULL, PlannedStep

WAITS = "Capacity"
"""`run.reason` while nothing but replicas is waited for."""


def managed(spec: ModelRolloutSpec) -> bool:
    """Whether the operator is to scale the versions' workloads."""
    return total_of(spec) is not None or (spec.scale is not None and spec.scale.mode is ScaleMode.MANAGED)


def total_of(spec: ModelRolloutSpec) -> int | None:
    """Replicas of all versions together where their shares are the weights, None where they are not."""
    return spec.traffic.replicas.total if spec.traffic.replicas is not None else None


def needed(size: int, weight: int) -> int:
    """Replicas for that share of the traffic (of 1000), when `size` of them carry all of it; at least one."""
    return max(1, -(-size * weight // FULL))


def entry_of(draft: Draft, version: str) -> Scaled | None:
    """What was decided of a version's replicas, None when nothing was."""
    return next((one for one in draft.status.scales if one.version == version), None)


def load_after(step: int, steps: tuple[PlannedStep, ...]) -> int:
    """What the candidate must carry once that step is left: the next one's load, or everything after the last."""
    return steps[step + 1].load if step + 1 < len(steps) else FULL


def carries_all(draft: Draft, version: str) -> bool:
    """Whether the version has the replicas to take over everything from stable; nobody asks without managed scale."""
    seen, stable = draft.observed.versions.get(version), draft.observed.versions.get(draft.status.stable)
    if not managed(draft.spec) or seen is None or seen.replicas is None or seen.autoscaler or stable is None:
        return True
    if total_of(draft.spec) is not None:
        return True  # it takes over with what it has, and grows: better few good pods than many bad ones
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
    total = total_of(draft.spec)
    size = total or ((stable.replicas or stable.ready) if stable is not None else 0)
    wanted = 1 if seen.autoscaler else needed(size, weight)
    # Where pods are the weight, all that there are get traffic at once with the first one.
    exact = total is not None and not run.weight
    surplus = exact and max(seen.replicas, seen.ready) > wanted
    crowd = _clear(draft) if exact else ""
    if seen.ready >= wanted and not surplus and not crowd:
        if run.reason == WAITS:
            run.reason, run.message = "", ""
        return False
    # Where an autoscaler takes over it starts from what the weight needs, and not from one.
    _prepare(draft, seen, needed(size, weight), exact=exact)
    run.reason, run.message = WAITS, crowd or _sentence(draft, seen, wanted)
    return True


def order(draft: Draft, version: str, replicas: int, why: str) -> None:
    """Note that a version is to have that many replicas, whatever was ordered before; nothing if that is so already."""
    seen, entry = draft.observed.versions.get(version), entry_of(draft, version)
    if not draft.observed.may_scale or seen is None or seen.replicas is None:
        return
    if entry is not None and entry.replicas == replicas and entry.down_at is None:
        return
    others, present = [one for one in draft.status.scales if one.version != version], seen.replicas
    made = Scaled(version=version, replicas=replicas, found=present, settled=present == replicas)
    draft.status.scales = [*others, made]
    if present != replicas:
        reason = Reason.SCALING_UP if replicas > present else Reason.SCALING_DOWN
        draft.say(reason, f"{version} is scaled from {present} to {replicas} replicas {why}")


def _clear(draft: Draft) -> str:
    """Let versions without a part in the run go down, whose pods would get traffic too; says which are still up."""
    up = [name for name, seen in draft.observed.versions.items() if seen.replicas]
    others = [name for name in up if name not in (draft.run.stable, draft.run.target)]
    for name in others:
        order(draft, name, 0, "because its pods would get a part of the traffic")
    return f"waiting for {' and '.join(others)} to be scaled to 0: its pods would get traffic too" if others else ""


def _prepare(draft: Draft, seen: VersionSeen, wanted: int, *, exact: bool) -> None:
    """Order the candidate's replicas; never fewer than it has, unless their number must be `exact`."""
    entry, present = entry_of(draft, draft.run.target), seen.replicas or 0
    driven = bool(seen.autoscaler) and present > 0
    if driven or present == wanted or (present > wanted and not exact):
        return
    if entry is not None and (entry.left or not entry.settled):
        return  # somebody else's, or still on its way: one order at a time
    order(draft, draft.run.target, wanted, "before its traffic")


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
