"""Traffic by numbers of pods: what it takes, and which rollouts it cannot serve."""

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from modelrollout.api.base import Model
from modelrollout.api.durations import Between, Duration
from modelrollout.api.rules import Rule
from modelrollout.api.values import TOTAL_WEIGHT, DnsLabel, weight_of

if TYPE_CHECKING:
    from modelrollout.api.rollout import ModelRolloutSpec


class ReplicaRatio(Model):
    """One Service over the pods of all versions: each version's share of the ready pods is its share of the traffic."""

    service: DnsLabel = Field(
        description=(
            "Name of the Service that clients use. It is no version's own; its selector is set to that of the Service "
            "of the version that serves, and while a candidate takes part to the labels that both have in common."
        )
    )
    total: Annotated[int, Field(ge=2, le=1000)] = Field(
        description=(
            "Replicas of all versions together while a candidate takes part; no weight can be finer than one of them: "
            "with 10 the weights are multiples of 10 percent. The operator sets the replicas of both versions."
        )
    )
    scale_down_delay: Annotated[Duration, Between("5s", "30d")] = Field(
        default=timedelta(minutes=30),
        description=(
            "How long the replicas of a version stay after it lost all traffic; while it is watched for undo in any "
            "case. Default: 30m."
        ),
    )


def _whole(spec: "ModelRolloutSpec") -> bool:
    ratio, canary = spec.traffic.replicas, spec.strategy.canary
    if ratio is None or canary is None:
        return True
    return all(weight_of(step.weight) * ratio.total % TOTAL_WEIGHT == 0 for step in canary.step_list())


def _cel_whole(percent: str) -> str:
    """That a percentage of all replicas is a whole number of them."""
    return f"int(({percent}) * 10.0 + 0.5) * self.traffic.replicas.total % {TOTAL_WEIGHT} == 0"


_CANARY = "self.strategy.canary"
# The last weight of an increment, as Canary.max says.
_LAST = f"has({_CANARY}.max) ? {_CANARY}.max : ({_CANARY}.increment > 50.0 ? {_CANARY}.increment : 50.0)"

RATIO_RULES = (
    Rule(
        "!has(self.traffic.replicas) || has(self.strategy.canary)",
        "numbers of pods make a canary: use strategy.canary, or traffic.service to switch all traffic at once",
        lambda self: self.traffic.replicas is None or self.strategy.canary is not None,
        "strategy",
    ),
    Rule(
        "!has(self.traffic.replicas) || !has(self.strategy.canary) || ("
        f"(!has({_CANARY}.weights) || {_CANARY}.weights.all(w, {_cel_whole('w')})) && "
        f"(!has({_CANARY}.steps) || {_CANARY}.steps.all(s, {_cel_whole('s.weight')})) && "
        f"(!has({_CANARY}.increment) || ({_cel_whole(f'{_CANARY}.increment')} && {_cel_whole(_LAST)})))",
        "a weight of the canary is no whole number of pods: with traffic.replicas.total 10 weights are multiples of 10 "
        "percent, with 20 of 5 percent; change the weights, or total",
        _whole,
        "strategy",
    ),
    Rule(
        "!has(self.traffic.replicas) || !has(self.scale) || self.scale.mode == 'None'",
        "traffic.replicas sets the replicas of both versions itself: leave scale out",
        lambda self: self.traffic.replicas is None or self.scale is None or self.scale.mode == "None",
        "scale",
    ),
    Rule(
        "!has(self.traffic.replicas) || self.versions.all(v, v.workload.kind != 'InferenceService')",
        "KServe sets the replicas of an InferenceService, so they cannot be its share of the traffic: use "
        "traffic.gatewayAPI",
        lambda self: (
            self.traffic.replicas is None or all(one.workload.kind != "InferenceService" for one in self.versions)
        ),
        "versions",
    ),
)
"""Rules of a spec that shifts traffic by numbers of pods."""
