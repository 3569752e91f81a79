"""Which traffic a status asks for: a pure function of it, so that every restart asks for the same."""

from collections.abc import Mapping

from modelrollout.api import DeletionPolicy, HeaderMatch, ModelRollout, ModelRolloutSpec
from modelrollout.api.status import ModelRolloutStatus, RunState
from modelrollout.decisions.decision import TrafficIntent
from modelrollout.decisions.experiments.shape import planned
from modelrollout.decisions.observed import Mirror, Owner, RouteSeen, Sticky
from modelrollout.decisions.steps import FULL
from modelrollout.decisions.strategies import compile_steps


def shares(status: ModelRolloutStatus) -> Mapping[str, int]:
    """Thousandths of the traffic per version, versions without any left out; empty before adoption.

    In a step with an audience: of the traffic in its rules.
    """
    run = status.run
    if run is None or run.state is RunState.DONE:
        return {status.stable: FULL} if status.stable else {}
    if run.state is RunState.TAKING_BACK:
        return {run.stable: FULL}
    if run.state is RunState.TRIAL:
        arms = {arm.version: arm.weight for arm in run.arms} or {run.target: run.weight}
        return {run.stable: FULL - sum(arms.values()), **arms}
    return {run.target: FULL}


def intent(rollout: ModelRollout, spec: ModelRolloutSpec, status: ModelRolloutStatus) -> TrafficIntent | None:
    """What the managed rules should say, or None before adoption.

    The owner annotation carries `run.intent`. It changes with every decision about traffic, even one that leaves the
    weights as they are, so that a process that was stopped between its decision and its write finds the route changed.
    """
    wanted = shares(status)
    if not wanted:
        return None
    run, sticky = status.run, kept(spec, status)
    returning = run is not None and run.state in (RunState.TRIAL, RunState.TAKING_BACK)
    home = run.stable if run is not None and returning else max(wanted, key=lambda name: wanted[name])
    owner = Owner(
        uid=rollout.metadata.uid,
        name=rollout.metadata.name,
        stable=home,
        intent=run.intent if run is not None else 0,
        rules=tuple((spec.traffic.gateway_api.rules or ()) if spec.traffic.gateway_api else ()),
        services={version.name: version.service.name for version in spec.versions},
        leaves=spec.deletion_policy is DeletionPolicy.LEAVE,
        mirrors=mirrored(status) is not None,
        sticks=sticky.order if sticky is not None else (),
    )
    return TrafficIntent(
        weights={version.name: wanted.get(version.name, 0) for version in spec.versions},
        owner=owner,
        preview=previewed(spec, status),
        mirror=mirrored(status),
        sticky=sticky,
        audience=tuple(run.audience) if run is not None and run.state is RunState.TRIAL else (),
    )


def mirrored(status: ModelRolloutStatus) -> Mirror | None:
    """The copies that a status asks for, None when there are none: they are made in a trial alone."""
    run = status.run
    if run is None or run.state is not RunState.TRIAL or not run.mirror:
        return None
    return Mirror(run.target, run.mirror)


def kept(spec: ModelRolloutSpec, status: ModelRolloutStatus) -> Sticky | None:
    """How users are kept on one version, None when they are not."""
    run = status.run
    if run is None or not run.sticky:
        return None
    return Sticky(run.sticky, run.stable, planned(spec, [arm.version for arm in run.arms]))


def preview_header(spec: ModelRolloutSpec) -> HeaderMatch | None:
    """Header by which the candidate is reached in a preview, None when there is none."""
    return next((step.header for step in compile_steps(spec) if step.header is not None), None)


def previewed(spec: ModelRolloutSpec, status: ModelRolloutStatus) -> str:
    """The version that the preview's header leads to, empty when there is none.

    It stays until the switch has arrived: were it gone a moment before, who tries the candidate would meet the old one.
    """
    run = status.run
    if run is None or run.exposed_at is None or preview_header(spec) is None:
        return ""
    return run.target if run.state in (RunState.TRIAL, RunState.PROMOTING) else ""


def in_flight(route: RouteSeen, wanted: TrafficIntent) -> bool:
    """Whether the route does not know of this decision yet; its weights are then not drift."""
    owner = route.owner
    return owner is None or owner.uid != wanted.owner.uid or owner.intent != wanted.owner.intent


def is_behind(status: ModelRolloutStatus, uid: str, route: RouteSeen) -> bool:
    """Whether the route carries a later decision than this status knows of, which is then not the newest one."""
    owner, known = route.owner, status.run.intent if status.run is not None else 0
    return owner is not None and owner.uid == uid and owner.intent > known


def reaches(route: RouteSeen, wanted: TrafficIntent) -> bool:
    """Whether the managed rules have all those of the audience, where the step has one."""
    return set(wanted.audience) <= {rule.name for rule in route.rules}


def weights_agree(route: RouteSeen, wanted: TrafficIntent) -> bool:
    """Whether every managed rule gives each version what is wanted, and copies requests and keeps users as wanted."""
    copies = () if wanted.mirror is None else (wanted.mirror,)
    return (
        bool(route.rules)
        and reaches(route, wanted)
        and all(
            not rule.absent
            and rule.mirrors == copies
            and rule.sticky is (wanted.sticky is not None)
            and all(rule.weights.get(name, 0) == share for name, share in wanted.of(rule.name).items())
            for rule in route.rules
        )
    )


def agrees(route: RouteSeen, wanted: TrafficIntent) -> bool:
    """Whether the route says exactly what is wanted, so that nothing is to be written."""
    owner = route.owner
    return (
        weights_agree(route, wanted)
        and (route.preview == wanted.preview or bool(route.aside))
        and _keeps(route, wanted.sticky)
        and owner is not None
        and (owner.uid, owner.stable, owner.intent, dict(owner.services), owner.leaves, owner.mirrors, owner.sticks)
        == (
            wanted.owner.uid,
            wanted.owner.stable,
            wanted.owner.intent,
            dict(wanted.owner.services),
            wanted.owner.leaves,
            wanted.owner.mirrors,
            wanted.owner.sticks,
        )
    )


def _keeps(route: RouteSeen, sticky: Sticky | None) -> bool:
    """Whether nothing is to be written of what keeps users; what cannot be had is not tried again and again."""
    if sticky is None:
        return route.sticky.header == ""
    return route.sticky.header == sticky.header or bool(route.sticky.problem)
