"""The ModelRollout: which versions of a model there are, which one should serve, and how to get there."""

from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from modelrollout.api.audiences import AUDIENCE_RULES
from modelrollout.api.base import API_VERSION, Model
from modelrollout.api.durations import Between, Duration
from modelrollout.api.experiment_rules import EXPERIMENT_RULES
from modelrollout.api.gates import Gate
from modelrollout.api.metadata import ObjectMeta
from modelrollout.api.metrics import Metric
from modelrollout.api.monitoring import Monitoring
from modelrollout.api.policies import (
    Analysis,
    DeadlinePolicy,
    DeletionPolicy,
    Exclusivity,
    Prometheus,
    PromoteTogether,
    PromotionPolicy,
    RevertPolicy,
    RevisionPolicy,
    RollbackPolicy,
    Scale,
)
from modelrollout.api.replicas import RATIO_RULES
from modelrollout.api.rules import Rule, at_most_one
from modelrollout.api.status import ModelRolloutStatus
from modelrollout.api.strategies import Strategy
from modelrollout.api.telemetry import Telemetry
from modelrollout.api.traffic import Traffic
from modelrollout.api.values import DnsLabel
from modelrollout.api.versions import Version

# Names derived from it, such as <name>-modelrollout, must still be labels of at most 63 characters.
NAME_LENGTH = Rule(
    "self.metadata.name.size() <= 50",
    "the name of a ModelRollout has at most 50 characters, because other names are made from it",
    lambda rollout: len(rollout.metadata.name) <= 50,
    "metadata",
)


MOST_SLICES = 100
"""Groups kept apart over all metrics: the evidence of each is stored in the status."""


class ModelRolloutSpec(Model):
    """What is wanted. A change of `target`, or of what the target's workload runs, starts a run."""

    RULES = (
        at_most_one(
            {"target": "target", "candidates": "candidates"},
            "set exactly one of target and candidates: target declares the winner, candidates lets it be chosen",
        ),
        Rule(
            "has(self.target) || has(self.candidates)",
            "say which version should serve all traffic: set target to the name of one of versions",
            lambda self: self.target is not None or self.candidates is not None,
        ),
        Rule(
            "!(has(self.strategy.shadow) || (has(self.strategy.steps) && self.strategy.steps.exists(s, has(s.mirror))))"
            " || has(self.traffic.gatewayAPI) || has(self.traffic.istio)",
            "requests can only be copied by traffic.gatewayAPI or traffic.istio: use one of them, or a strategy "
            "without copies",
            lambda self: not self.strategy.mirrors or bool(self.traffic.gateway_api or self.traffic.istio),
            "strategy",
        ),
        Rule(
            "!has(self.traffic.service) || has(self.strategy.blueGreen)",
            "a Service's selector knows all or nothing: use strategy.blueGreen, or a router that splits traffic",
            lambda self: self.traffic.service is None or self.strategy.blue_green is not None,
            "strategy",
        ),
        Rule(
            "!has(self.strategy.blueGreen) || !has(self.strategy.blueGreen.preview) || has(self.traffic.gatewayAPI)",
            "a preview by header needs a route: use traffic.gatewayAPI, or leave preview out and reach the candidate "
            "at its version's own Service",
            lambda self: (
                not (self.strategy.blue_green and self.strategy.blue_green.preview)
                or self.traffic.gateway_api is not None
            ),
            "strategy",
        ),
        *RATIO_RULES,
        Rule(
            "!has(self.strategy.steps) || self.strategy.steps.all(s, !has(s.metrics) || "
            "s.metrics.all(n, self.metrics.exists(m, m.name == n)))",
            "metrics of a step must be names of entries of spec.metrics",
            lambda self: all(
                self.metric(name) is not None for step in self.strategy.steps or () for name in step.metrics or ()
            ),
            "strategy",
        ),
        *AUDIENCE_RULES,
        *EXPERIMENT_RULES,
        Rule(
            "!has(self.target) || self.versions.exists(v, v.name == self.target)",
            "target must be the name of one of versions",
            lambda self: self.target is None or self.version(self.target) is not None,
            "target",
        ),
        Rule(
            "!has(self.initialStable) || self.versions.exists(v, v.name == self.initialStable)",
            "initialStable must be the name of one of versions",
            lambda self: self.initial_stable is None or self.version(self.initial_stable) is not None,
            "initialStable",
        ),
        Rule(
            "self.versions.all(v, self.versions.exists_one(w, w.name == v.name))",
            "every version needs a name of its own",
            lambda self: _distinct([version.name for version in self.versions]),
            "versions",
        ),
        Rule(
            "self.versions.all(v, self.versions.exists_one(w, w.service.name == v.service.name))",
            "every version needs a Service of its own, else traffic cannot tell them apart",
            lambda self: _distinct([version.service.name for version in self.versions]),
            "versions",
        ),
        Rule(
            "self.versions.all(v, self.versions.exists_one(w, "
            "w.workload.name == v.workload.name && w.workload.kind == v.workload.kind))",
            "every version needs a workload of its own: both stay up side by side during a run",
            lambda self: _distinct([(version.workload.kind, version.workload.name) for version in self.versions]),
            "versions",
        ),
        Rule(
            "self.metrics.all(m, self.metrics.exists_one(n, n.name == m.name))",
            "every metric needs a name of its own",
            lambda self: _distinct([metric.name for metric in self.metrics]),
            "metrics",
        ),
        Rule(
            f"self.metrics.map(m, has(m.slices) ? m.slices.maxValues : 0).sum() <= {MOST_SLICES}",
            f"the slices of all metrics together keep at most {MOST_SLICES} groups apart: lower slices.maxValues, "
            "which is 20 where it is not written",
            lambda self: sum(one.slices.max_values for one in self.metrics if one.slices is not None) <= MOST_SLICES,
            "metrics",
        ),
        Rule(
            "!has(self.monitoring) || !has(self.monitoring.metrics) || "
            "self.monitoring.metrics.all(n, self.metrics.exists(m, m.name == n))",
            "monitoring names a metric that is not there: use the name of one of metrics",
            lambda self: (
                self.monitoring is None or all(self.metric(name) is not None for name in self.monitoring.metrics or ())
            ),
            "monitoring",
        ),
        Rule(
            "self.gates.all(g, self.gates.exists_one(h, h.name == g.name))",
            "every gate needs a name of its own",
            lambda self: _distinct([gate.name for gate in self.gates]),
            "gates",
        ),
        Rule(
            "!has(self.telemetry) || !has(self.telemetry.score) || "
            "self.telemetry.score.references.all(r, self.versions.exists(v, v.name == r.version))",
            "a reference of telemetry.score names no version: use the name of one of versions",
            lambda self: (
                self.telemetry is None
                or self.telemetry.score is None
                or all(self.version(one.version) is not None for one in self.telemetry.score.references)
            ),
            "telemetry",
        ),
    )

    hypothesis: Annotated[str, Field(min_length=1, max_length=1024)] | None = Field(
        default=None,
        description="What you expect, in your words; shown beside the verdict: v8 halves false alarms.",
    )
    versions: tuple[Version, ...] = Field(
        min_length=1,
        max_length=16,
        description=(
            "Every version that may get traffic, the serving one included; each with a workload and a Service of its "
            "own. Nothing is copied or redeployed: at promotion only the traffic moves."
        ),
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]},
    )
    target: DnsLabel | None = Field(
        default=None,
        description=(
            "Name of the version that should serve all traffic. Changing it starts a run; setting it back withdraws "
            "the run and returns the traffic at once."
        ),
    )
    candidates: tuple[DnsLabel, ...] | None = Field(
        default=None,
        min_length=1,
        max_length=16,
        description=(
            "Versions of which the best is chosen, for strategy.abTest and strategy.bandit. Changing the list, or what "
            "one of them runs, starts an experiment; its winner holds until then."
        ),
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )
    initial_stable: DnsLabel | None = Field(
        default=None,
        description=(
            "Name of the version to take as stable when the rollout first sees the route and several versions have "
            "weight there. Read only then. Default: the one version with all the weight."
        ),
    )
    traffic: Traffic = Field(description="Who shifts the traffic: exactly one router.")
    strategy: Strategy = Field(description="How the traffic is shifted: exactly one strategy.")
    gates: tuple[Gate, ...] = Field(
        default=(),
        max_length=10,
        description=(
            "What the candidate must pass, one after the other, before it gets any traffic: warm-up requests, golden "
            "requests with their answers, Jobs of your own. One that fails ends the run."
        ),
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]},
    )
    watch: Annotated[Duration, Between("0s", "30d")] = Field(
        default=timedelta(minutes=15),
        description=(
            "After a promotion: how long the guardrails go on and the old version stays ready for undo. Default: 15m."
        ),
    )
    monitoring: Monitoring | None = Field(
        default=None,
        description=(
            "What goes on after the watch, as long as a version serves: it is compared with its own beginnings, and "
            "its model's age with a limit. Traffic is never moved by it. Default: nothing."
        ),
    )
    metrics: tuple[Metric, ...] = Field(
        default=(),
        max_length=30,
        description=(
            "What is measured of both versions and what it decides. Restarts of the candidate, lost traffic and "
            "missing endpoints are guarded even without any."
        ),
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]},
    )
    prometheus: Prometheus | None = Field(
        default=None, description="Where the metrics are asked for. Default: the operator's own setting."
    )
    analysis: Analysis = Field(
        default_factory=Analysis,
        description="How often the evidence is looked at, and which errors are allowed in judging it.",
        json_schema_extra={"default": {}},
    )
    telemetry: Telemetry | None = Field(
        default=None,
        description="What the collector reads from requests and answers, and publishes as counters for metrics.",
    )
    progress_deadline: Annotated[Duration, Between("1s", "365d")] = Field(
        default=timedelta(hours=6),
        description=(
            "Longest time without a change of step; then onDeadline decides. It stands still while paused or waiting "
            "for an approval. Default: 6h."
        ),
    )
    on_deadline: DeadlinePolicy = Field(
        default=DeadlinePolicy.ROLLBACK,
        description=(
            "What happens when a deadline passes. Rollback (default): traffic back to stable, outcome NoEvidence, the "
            "version is not held as rejected. Hold: keep the weight, say so and wait for a person."
        ),
    )
    on_new_revision: RevisionPolicy = Field(
        default=RevisionPolicy.RESTART,
        description=(
            "When the candidate's workload changes what it runs during a run. Restart (default): a new run from the "
            "first step. FinishFirst: the run goes on with it; what was promoted then shows as UnprovenChange."
        ),
    )
    scale: Scale | None = Field(
        default=None, description="Whether the operator scales the workloads. Default: it does not."
    )
    exclusivity: Exclusivity | None = Field(
        default=None,
        description="Experiments that must not overlap. Default: runs of different rollouts do not mind each other.",
    )
    promote_together: PromoteTogether | None = Field(
        default=None,
        description="Rollouts whose candidates are promoted together with this one. Default: it waits for nobody.",
    )
    rollback: RollbackPolicy = Field(
        default=RollbackPolicy.AUTO,
        description=(
            "When a guardrail fails. Auto (default): traffic back to stable at once. Hold: keep the weight, alert and "
            "wait for a person's Abort or Promote."
        ),
    )
    promotion: PromotionPolicy = Field(
        default=PromotionPolicy.AUTO,
        description=(
            "When the last step has passed. Auto (default): promote. Manual: wait for a person's Approve command."
        ),
    )
    revert: RevertPolicy = Field(
        default=RevertPolicy.FAST,
        description=(
            "When target is set back to the version that served before, which is unchanged and ready. Fast (default): "
            "all traffic goes back in one write, as with Undo. Trial: it is tried step by step like any other."
        ),
    )
    deletion_policy: DeletionPolicy = Field(
        default=DeletionPolicy.RETURN_TO_STABLE,
        description=(
            "When the ModelRollout is deleted during a run. ReturnToStable (default): traffic back to stable, if that "
            "is ready. Leave: weights stay as they are."
        ),
    )
    paused: bool = Field(
        default=False,
        description=("Hold the present weight; guardrails stay on. Wins over the Resume command. Default: false."),
    )

    def version(self, name: str) -> Version | None:
        """The version of that name, or None."""
        return next((version for version in self.versions if version.name == name), None)

    def metric(self, name: str) -> Metric | None:
        """The metric of that name, or None."""
        return next((metric for metric in self.metrics if metric.name == name), None)

    def prometheus_address(self, default: str) -> str:
        """Base address of Prometheus: the one written here, else `default`, the operator's setting."""
        return (self.prometheus and self.prometheus.address) or default


def _distinct(values: list[object]) -> bool:
    return len(set(values)) == len(values)


class ModelRollout(BaseModel):
    """A ModelRollout as read from the API server."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="ignore")

    api_version: Literal["modelrollout.io/v1alpha1"] = API_VERSION
    kind: Literal["ModelRollout"] = "ModelRollout"
    metadata: ObjectMeta
    spec: ModelRolloutSpec
    status: ModelRolloutStatus = Field(default_factory=ModelRolloutStatus)

    @model_validator(mode="after")
    def _hold_name_length(self) -> Self:
        return NAME_LENGTH.check(self)
