"""Metrics: what is measured of both versions, in which role, and how much worse or better it may be."""

from typing import Annotated, Any

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from modelrollout.api.base import Model
from modelrollout.api.durations import Between, Duration
from modelrollout.api.effects import RATIO_MARGIN, SHARE_MARGIN, Effect, Limits, Margin, limits_of
from modelrollout.api.metric_kinds import (
    AgreementMetric,
    DistributionMetric,
    LatencyMetric,
    MeanMetric,
    PairedMetric,
    ProportionMetric,
    QuantileMetric,
    RateMetric,
    ThresholdMetric,
)
from modelrollout.api.metric_roles import Better, Role, Series
from modelrollout.api.metric_rules import DIRECTED, KINDS, METRIC_RULES, READY_MADE, is_any
from modelrollout.api.ready_made import PresetMetric, TemplateMetric
from modelrollout.api.rules import Rule
from modelrollout.api.values import DnsLabel


def _left_out(schema: dict[str, Any]) -> None:
    """No default for the API server to fill in: only so is it known whether somebody wrote the field."""
    schema.pop("default", None)


_NO_GROUPS = ("le", "namespace", "pod", "version")


class MetricSlices(Model):
    """Judge the metric for groups of requests apart, too."""

    label: Annotated[
        str,
        Field(min_length=1, max_length=63, pattern=r"^[a-zA-Z_][a-zA-Z0-9_]*$"),
        Rule(
            f"!(self in {list(_NO_GROUPS)})",
            "this label tells series or versions apart, not groups of requests: name one that both versions share, "
            "for example country",
            lambda label: label not in _NO_GROUPS,
        ),
    ] = Field(description="Label of the series that tells the groups apart, for example country.")
    max_values: Annotated[int, Field(ge=1, le=100)] = Field(
        default=20,
        description=(
            "Groups judged apart, the first ones seen; later ones are counted together as other. At most 100 over all "
            "metrics. Default: 20."
        ),
    )
    min_samples: Annotated[int, Field(ge=1)] = Field(
        default=200, description="Answers of both versions that a group needs to be judged. Default: 200."
    )


class Metric(Model):
    """One question to Prometheus about both versions, and what its answer decides."""

    RULES = METRIC_RULES

    name: DnsLabel = Field(description="Name of the metric, unique in this list. Used in status and events.")
    role: Role = Field(
        default=Role.GUARDRAIL,
        json_schema_extra=_left_out,
        description=(
            "Guardrail (default): must not get worse; a Fail rolls back. Goal: must get better; a Fail blocks "
            "promotion and never rolls back. Monitor: shown, decides nothing. A preset or template may have another "
            "default."
        ),
    )
    better: Better | None = Field(
        default=None,
        description=(
            "Which direction is good, Lower or Higher. Required for proportion, latency, quantile, rate and mean; the "
            "other kinds say it themselves."
        ),
    )
    series: Series = Field(
        default=Series.PODS,
        json_schema_extra=_left_out,
        description=(
            "How a version is found in the series: pods (default, label pod is one of its pods), version (label "
            "version is its name), service (label service is its Service), workload (label workload is its workload) "
            "or cluster (the counters that the gateway or Istio keeps of its Service). A preset or template may have "
            "another default."
        ),
    )
    proportion: ProportionMetric | None = Field(
        default=None, description="Share of good or bad answers, compared with the stable version of the same minutes."
    )
    latency: LatencyMetric | None = Field(
        default=None, description="Share of slow requests, compared with the stable version of the same minutes."
    )
    quantile: QuantileMetric | None = Field(
        default=None,
        description="A quantile such as p99: the share of requests beyond stable's own, compared in the same minutes.",
    )
    rate: RateMetric | None = Field(
        default=None, description="Events per unit of exposure, such as out-of-memory errors per GPU hour."
    )
    mean: MeanMetric | None = Field(
        default=None, description="Mean of a quantity over answers or users, such as the order value per user."
    )
    distribution: DistributionMetric | None = Field(
        default=None, description="Drift: how far the candidate's distribution of a quantity lies from stable's."
    )
    agreement: AgreementMetric | None = Field(
        default=None, description="Share of requests that both versions answered equally, for a shadow."
    )
    paired: PairedMetric | None = Field(
        default=None,
        description=(
            "Who alone was wrong, candidate or stable, on requests that both answered, once their truth is known; for "
            "a shadow."
        ),
    )
    threshold: ThresholdMetric | None = Field(
        default=None, description="Any query with a fixed bound; not compared with the stable version."
    )
    preset: PresetMetric | None = Field(
        default=None,
        description=(
            "A ready-made metric of this package, for a known model server, gateway or the collector. What is written "
            "beside it (role, series, margin, gain, slices, ...) wins over what the preset says."
        ),
    )
    template: TemplateMetric | None = Field(
        default=None,
        description=(
            "A ready-made metric of your own: a MetricTemplate of this namespace, or a ClusterMetricTemplate. What is "
            "written beside it wins over what the template says."
        ),
    )
    acceptable: Effect | None = Field(
        default=None,
        description="A change that is no failure: evidence of worse than this fails. Default: as good as stable.",
    )
    margin: Margin | None = Field(
        default=None,
        description=(
            "The worst change that may be promoted: evidence of better than this passes. Default: {ratio: 1.5, "
            "floor: 0.002} for proportion and latency, {ratio: 1.5} for quantile and rate; a mean has no default."
        ),
    )
    gain: Effect | None = Field(
        default=None, description="For a Goal, the least improvement that passes, for example {difference: 0.01}."
    )
    slices: MetricSlices | None = Field(
        default=None,
        description=(
            "Judge groups of requests apart, too: a change that is bad for one group fails, with the allowed error "
            "shared among all. For proportion, latency, quantile, rate and mean."
        ),
    )
    label_delay: Annotated[Duration, Between("0s", "30d")] | None = Field(
        default=None,
        description=(
            "How long after an answer its outcome is counted in the numerator: answers and outcomes of the same "
            "requests are lined up by it. For proportion and mean. Default: none, both are counted together."
        ),
    )

    @model_serializer(mode="wrap")
    def _as_written(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Without the defaults that a preset or template would otherwise be overridden by when this is read again."""
        written: dict[str, Any] = handler(self)
        if is_any(self, *READY_MADE):
            for name in {"role", "series"} - self.model_fields_set:
                written.pop(name, None)
        return written

    @property
    def kind(self) -> str:
        """Name of the kind of metric that is set: proportion, latency, threshold, ..."""
        return next(kind for kind in KINDS if getattr(self, kind) is not None)

    @property
    def directed(self) -> bool:
        """Whether less or more is better, so that `limits` judges it: proportion, latency, quantile, rate or mean."""
        return is_any(self, *DIRECTED)

    @property
    def compared(self) -> bool:
        """Whether counters of both versions are tested against each other: every kind but threshold."""
        return self.directed or is_any(self, "distribution", "agreement")

    @property
    def paired_answers(self) -> bool:
        """Whether it compares both versions' answers to the same request."""
        return is_any(self, "agreement", "paired")

    def limits(self) -> Limits:
        """Both limits of a comparison with every default filled in.

        For a Goal both are its gain: the candidate fails when it is proven not to reach it.

        Raises:
            ValueError: for a kind that has bounds of its own.
        """
        if self.role == Role.GOAL and self.gain is not None:
            return Limits(self.gain, self.gain, 0.0)
        default = SHARE_MARGIN if is_any(self, "proportion", "latency", "paired") else RATIO_MARGIN
        if not self.directed or (self.margin is None and self.mean is not None):
            raise ValueError(f"{self.name} is no metric with a margin")
        return limits_of(self.acceptable, self.margin or default, default.floor or 0.0)
