"""The audience of a step: some of the managed rules of the user's own route, and what goes together with it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from modelrollout.api.base import Model
from modelrollout.api.rules import Rule
from modelrollout.api.values import ShortText

if TYPE_CHECKING:
    from modelrollout.api.rollout import ModelRolloutSpec


class Audience(Model):
    """Whose requests may reach the candidate: those that match rules of the route."""

    rules: Annotated[tuple[ShortText, ...], Field(min_length=1, max_length=15)] = Field(
        description=(
            "Names of managed rules of the route, as traffic names them; not all of them. The step's weight counts in "
            "these alone, in the others stable keeps all traffic."
        ),
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )


STEP_RULES = (
    Rule(
        "!has(self.audience) || self.require != 'Pass'",
        "an audience is not like everybody, so nothing is compared in its step and nothing can pass: leave require "
        "out, and ask for Pass in a step for everybody",
        lambda self: self.audience is None or self.require != "Pass",
        "require",
    ),
    Rule(
        "!has(self.audience) || !has(self.samples) || self.samples == 0",
        "an audience is not like everybody, so nothing is compared in its step and no answers are counted: leave "
        "samples out, and use hold or approval",
        lambda self: self.audience is None or not self.samples,
        "samples",
    ),
)
"""Rules of a step, in whichever list it stands."""


def in_order(steps: Sequence[Any] | None) -> bool:
    """Whether the steps with an audience come before those in which everybody meets the candidate, and not last."""
    if not steps or all(step.audience is None for step in steps):
        return True
    if any(step.weight is None for step in steps) or steps[-1].audience is not None:
        return False
    order = [1 if step.audience is not None else 2 if step.weight > 0 else 0 for step in steps]
    return order == sorted(order)


IN_ORDER = (
    "!has(self.steps) || !self.steps.exists(s, has(s.audience)) || (self.steps.all(s, has(s.weight)) && "
    "self.steps.map(s, has(s.audience) ? 1 : (s.weight > 0.0 ? 2 : 0)).isSorted() && "
    "!has(self.steps[self.steps.size() - 1].audience))"
)
"""The same in CEL."""

OUT_OF_ORDER = (
    "where a step has an audience every step says its weight, and steps with an audience come before those for "
    "everybody, of which there is at least one: promotion needs proof, and an audience gives none"
)


def _lists(spec: "ModelRolloutSpec") -> list[tuple[str, ...]]:
    """The rules of every audience."""
    strategy = spec.strategy
    canaries = (strategy.canary, strategy.shadow.canary if strategy.shadow is not None else None)
    written: list[Audience | None] = [step.audience for step in strategy.steps or ()]
    written += [step.audience for canary in canaries if canary is not None for step in canary.steps or ()]
    return [audience.rules for audience in written if audience is not None]


_STEPS = ("self.strategy.steps", "self.strategy.canary.steps", "self.strategy.shadow.canary.steps")


def _cel_all(promise: str) -> str:
    """That a promise in CEL about the audience of `s` holds for every step."""
    return " && ".join(f"(!{_has(steps)} || {steps}.all(s, !has(s.audience) || {promise}))" for steps in _STEPS)


def _has(path: str) -> str:
    parts = path.split(".")
    places = [".".join(parts[:length]) for length in range(3, len(parts) + 1)]
    return f"({' && '.join(f'has({place})' for place in places)})"


def _part_of(listed: Sequence[str] | None, spec: "ModelRolloutSpec") -> bool:
    return listed is None or all(set(rules) < set(listed) for rules in _lists(spec))


def _cel_part_of(listed: str) -> str:
    """That every audience has some of the rules that traffic lists, and not all."""
    some = f"(s.audience.rules.all(r, r in {listed}) && {listed}.exists(r, !(r in s.audience.rules)))"
    return f"!{_has(listed)} || ({_cel_all(some)})"


AUDIENCE_RULES = (
    Rule(
        f"has(self.traffic.istio) || (has(self.traffic.gatewayAPI) && !has(self.traffic.gatewayAPI.create)) || "
        f"({_cel_all('false')})",
        "an audience names rules of a route of yours: use traffic.gatewayAPI with httpRoute or grpcRoute, or "
        "traffic.istio, or leave audience out",
        lambda self: (
            self.traffic.istio is not None
            or (self.traffic.gateway_api is not None and self.traffic.gateway_api.create is None)
            or not _lists(self)
        ),
        "strategy",
    ),
    Rule(
        _cel_part_of("self.traffic.gatewayAPI.rules"),
        "the rules of an audience are some of traffic.gatewayAPI.rules, but not all of them, which would be everybody: "
        "list every rule that serves the model there, and name those for the audience alone",
        lambda self: self.traffic.gateway_api is None or _part_of(self.traffic.gateway_api.rules, self),
        "strategy",
    ),
    Rule(
        _cel_part_of("self.traffic.istio.routes"),
        "the rules of an audience are some of traffic.istio.routes, but not all of them, which would be everybody: "
        "list every route that serves the model there, and name those for the audience alone",
        lambda self: self.traffic.istio is None or _part_of(self.traffic.istio.routes, self),
        "strategy",
    ),
)
"""Rules of a spec about audiences."""
