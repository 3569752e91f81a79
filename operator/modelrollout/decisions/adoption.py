"""Which version serves when the operator first meets a route, and when it must not touch it."""

from dataclasses import dataclass

from modelrollout.api import ModelRollout, ModelRolloutSpec
from modelrollout.api.status import RunState
from modelrollout.decisions.observed import Observed, RouteSeen
from modelrollout.decisions.runs import begun
from modelrollout.decisions.steps import FULL
from modelrollout.decisions.strategies import compile_steps

AUDIENCE_UNUSABLE = "AudienceUnusable"
"""Reason of an obstacle that only stops progress: the guardrails of a run that goes on act."""


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why the route cannot be used: a reason, a sentence, and whether an edit of somebody's is needed (Invalid)."""

    reason: str
    message: str
    invalid: bool = False


@dataclass(frozen=True, slots=True)
class Adoption:
    """The version that serves, and how that is known."""

    stable: str
    how: str


def obstacle(rollout: ModelRollout, spec: ModelRolloutSpec, observed: Observed) -> Obstacle | None:
    """What stands in the way of managing the route, None when nothing does."""
    route = observed.route
    if not observed.claim.held:
        return Obstacle(
            "RouteClaimed",
            f"{observed.claim.holder} manages these rules of the route and is older: "
            "use other rules, or delete one of the two",
            invalid=True,
        )
    if not route.found:
        return Obstacle("RouteMissing", route.problem or "the route does not exist yet: create it, or correct its name")
    for rule in route.rules:
        if rule.unknown:
            return Obstacle(
                "UnknownBackend",
                f"rule {rule.name} sends traffic to {', '.join(rule.unknown)}, which is no version of this rollout: "
                "add it to spec.versions, or take it out of the rule",
                invalid=True,
            )
    if not route.rules:
        return Obstacle(
            "NoManagedRule",
            route.problem
            or "no rule of the route names the Services of two versions: add a backendRef for each version",
            invalid=True,
        )
    if route.accepted is False:
        return Obstacle("RouteNotAccepted", route.problem or "no Gateway accepts the route: see its status")
    if route.accepted is None and not rollout.status.stable:
        return Obstacle("RouteNotAccepted", "no Gateway has accepted the route yet")
    return _without_audience(rollout, spec, route)


def _without_audience(rollout: ModelRollout, spec: ModelRolloutSpec, route: RouteSeen) -> Obstacle | None:
    """A step that is still to come, or the present one, whose audience the managed rules cannot tell from the others.

    Nothing is written then but what takes the candidate back: rules may have got other names with their weights.
    """
    run, managed = rollout.status.run, [rule.name for rule in route.rules]
    for place, step in enumerate(compile_steps(spec)):
        if run is not None and begun(run) and (run.state is not RunState.TRIAL or place < run.step):
            continue
        missing = [name for name in step.audience if name not in managed]
        if missing:
            return Obstacle(
                AUDIENCE_UNUSABLE,
                f"the audience of step {place + 1} is rule {', '.join(missing)}, which is no managed rule of the route "
                f"(those are: {', '.join(managed)}): correct the audience, or name the rule in the route",
                invalid=True,
            )
        if step.audience and set(managed) <= set(step.audience):
            return Obstacle(
                AUDIENCE_UNUSABLE,
                f"the audience of step {place + 1} has all managed rules of the route ({', '.join(managed)}), so it is "
                "everybody: add a rule for the others, or leave the audience out",
                invalid=True,
            )
    return None


def adopt(rollout: ModelRollout, spec: ModelRolloutSpec, observed: Observed) -> Adoption | Obstacle:
    """Find out which version serves.

    The annotation of an earlier life of this rollout wins over guessing (a restored cluster has lost the status).
    Otherwise the version with all weight serves; several need `initialStable`; none means the target, once ready.
    """
    owner = observed.route.owner
    if owner is not None and owner.name == rollout.metadata.name and spec.version(owner.stable) is not None:
        return Adoption(owner.stable, "the route's owner annotation names it")
    if spec.initial_stable is not None:
        return Adoption(spec.initial_stable, "spec.initialStable names it")
    serving = {name for rule in observed.route.rules for name, weight in rule.weights.items() if weight > 0}
    if len(serving) == 1 and all(rule.weights.get(next(iter(serving))) == FULL for rule in observed.route.rules):
        return Adoption(next(iter(serving)), "it has all the weight of the route")
    if serving:
        return Obstacle(
            "AmbiguousStable",
            f"the route feeds {', '.join(sorted(serving))}: set spec.initialStable to the one to be taken as stable",
            invalid=True,
        )
    if spec.target is None:
        return Obstacle("AmbiguousStable", "no version has a weight: set spec.initialStable", invalid=True)
    if not observed.ready(spec.target):
        return Obstacle("TargetNotReady", f"no version has a weight and {spec.target} has no ready endpoint yet")
    return Adoption(spec.target, "no version had a weight and it is the target")
