"""Metrics: what is measured of both versions, in which role, and how much worse or better it may be."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from modelrollout.api.base import Model
from modelrollout.api.durations import Between, Duration
from modelrollout.api.effects import Effect, Limits, Margin, limits_of
from modelrollout.api.metric_kinds import (
    AgreementMetric,
    DistributionMetric,
    LatencyMetric,
    MeanMetric,
    PresetMetric,
    ProportionMetric,
    ThresholdMetric,
)
from modelrollout.api.rules import Rule, at_most_one, not_yet
from modelrollout.api.values import DnsLabel


class Role(StrEnum):
    """What a metric's verdict decides."""

    GUARDRAIL = "Guardrail"
    GOAL = "Goal"
    MONITOR = "Monitor"


class Better(StrEnum):
    """In which direction a metric is good."""

    LOWER = "Lower"
    HIGHER = "Higher"


class Series(StrEnum):
    """How the series of one version are told from those of another."""

    PODS = "pods"
    VERSION = "version"
    SERVICE = "service"
    WORKLOAD = "workload"
    CLUSTER = "cluster"


class MetricSlices(Model):
    """Judge the metric for groups of requests apart, too."""

    label: Annotated[str, Field(min_length=1, max_length=63, pattern=r"^[a-zA-Z_][a-zA-Z0-9_]*$")] = Field(
        description="Label of the series that tells the groups apart, for example country."
    )
    max_values: Annotated[int, Field(ge=1, le=100)] = Field(
        default=20, description="Groups judged apart; later ones are counted together as other. Default: 20."
    )
    min_samples: Annotated[int, Field(ge=1)] = Field(
        default=200, description="Answers of both versions that a group needs to be judged. Default: 200."
    )


_COMPARED = "(has(self.proportion) || has(self.latency))"
_RATIO_ABOVE = "(!has(self.margin.ratio) || self.margin.ratio > (has(self.acceptable) ? self.acceptable.ratio : 1.0))"
_DIFFERENCE_ABOVE = (
    "(!has(self.margin.difference) || "
    "self.margin.difference > (has(self.acceptable) ? self.acceptable.difference : 0.0))"
)
_LATER_KIND = "use proportion, latency or threshold"
_KINDS = {kind: kind for kind in ("proportion", "latency", "threshold", "mean", "distribution", "agreement", "preset")}


class Metric(Model):
    """One question to Prometheus about both versions, and what its answer decides."""

    RULES = (
        at_most_one(_KINDS, "set exactly one kind of metric, for example proportion"),
        Rule(
            " || ".join(f"has(self.{kind})" for kind in _KINDS),
            "say what is measured: set proportion, latency or threshold",
            lambda self: any(getattr(self, kind) is not None for kind in _KINDS),
        ),
        *(not_yet(kind, kind, _LATER_KIND) for kind in ("mean", "distribution", "agreement", "preset")),
        not_yet("slices", "slices", "add a metric with a label matcher for each group that matters"),
        not_yet("labelDelay", "label_delay", "publish good and total together, at one fixed age of the label, instead"),
        Rule(
            "has(self.better) || has(self.threshold) || has(self.distribution) || has(self.agreement) || "
            "has(self.preset)",
            "say which direction is good: better: Lower or better: Higher",
            lambda self: (
                self.better is not None
                or any(kind is not None for kind in (self.threshold, self.distribution, self.agreement, self.preset))
            ),
        ),
        Rule(
            "!has(self.better) || !(has(self.threshold) || has(self.distribution) || has(self.agreement))",
            "better goes with metrics that compare a share or a mean: leave it out, this kind says itself what is good",
            lambda self: (
                self.better is None or all(kind is None for kind in (self.threshold, self.distribution, self.agreement))
            ),
            "better",
        ),
        Rule(
            "!has(self.better) || ((!has(self.proportion) || !has(self.proportion.bad) || self.better == 'Lower') && "
            "(!has(self.proportion) || !has(self.proportion.good) || self.better == 'Higher') && "
            "(!has(self.latency) || self.better == 'Lower'))",
            "fewer bad or slow answers are better: Lower; more good answers are better: Higher",
            lambda self: self.better is None or self.better == self._natural_better(),
            "better",
        ),
        Rule(
            f"self.role != 'Goal' || !{_COMPARED} || has(self.gain)",
            "a Goal needs a gain, the least improvement that counts, for example gain: {difference: 0.01}",
            lambda self: self.role != Role.GOAL or not self.compared or self.gain is not None,
        ),
        Rule(
            "self.role != 'Goal' || !has(self.margin)",
            "a Goal has a gain instead of a margin: say how much better it must get, or make it a Guardrail",
            lambda self: self.role != Role.GOAL or self.margin is None,
            "margin",
        ),
        Rule(
            "self.role != 'Goal' || !has(self.acceptable)",
            "acceptable belongs to a Guardrail: a Goal has only a gain",
            lambda self: self.role != Role.GOAL or self.acceptable is None,
            "acceptable",
        ),
        Rule(
            "self.role == 'Goal' || !has(self.gain)",
            "gain belongs to a Goal: set role: Goal, or use margin",
            lambda self: self.role == Role.GOAL or self.gain is None,
            "gain",
        ),
        Rule(
            f"{_COMPARED} || has(self.mean) || has(self.preset) || "
            "(!has(self.margin) && !has(self.acceptable) && !has(self.gain))",
            "margin, acceptable and gain compare two versions: this kind of metric has bounds of its own instead",
            lambda self: (
                self.compared
                or self.mean is not None
                or self.preset is not None
                or (self.margin is None and self.acceptable is None and self.gain is None)
            ),
        ),
        Rule(
            "!has(self.gain) || !has(self.gain.ratio) || self.gain.ratio <= 1.0",
            "a gain is a ratio of bad answers: at most 1, for example 0.5 for half as many",
            lambda self: self.gain is None or self.gain.ratio is None or self.gain.ratio <= 1,
            "gain",
        ),
        Rule(
            "!has(self.acceptable) || (has(self.margin) && has(self.margin.ratio) == has(self.acceptable.ratio) && "
            "has(self.margin.difference) == has(self.acceptable.difference))",
            "acceptable needs a margin in the same form: both a ratio, or both a difference",
            lambda self: (
                self.acceptable is None
                or (self.margin is not None and (self.margin.ratio is None) == (self.acceptable.ratio is None))
            ),
            "acceptable",
        ),
        Rule(
            "!has(self.acceptable) || !has(self.acceptable.ratio) || self.acceptable.ratio >= 1.0",
            "acceptable cannot demand an improvement: a ratio of at least 1, or a Goal with a gain",
            lambda self: self.acceptable is None or self.acceptable.ratio is None or self.acceptable.ratio >= 1,
            "acceptable",
        ),
        Rule(
            "!has(self.margin) || (has(self.acceptable) && (has(self.acceptable.ratio) != has(self.margin.ratio) || "
            "has(self.acceptable.difference) != has(self.margin.difference))) || "
            f"({_RATIO_ABOVE} && {_DIFFERENCE_ABOVE})",
            "margin must be worse than acceptable (by default equal: a ratio above 1 or a difference above 0), "
            "else no amount of data can decide",
            lambda self: self._margin_above_acceptable(),
            "margin",
        ),
    )

    name: DnsLabel = Field(description="Name of the metric, unique in this list. Used in status and events.")
    role: Role = Field(
        default=Role.GUARDRAIL,
        description=(
            "Guardrail (default): must not get worse; a Fail rolls back. Goal: must get better; a Fail blocks "
            "promotion and never rolls back. Monitor: shown, decides nothing."
        ),
    )
    better: Better | None = Field(
        default=None,
        description=(
            "Which direction is good, Lower or Higher. Required, except for threshold, distribution and agreement."
        ),
    )
    series: Series = Field(
        default=Series.PODS,
        description=(
            "How a version is found in the series: pods (default, label pod is one of its pods), version (label "
            "version is its name), service (label service is its Service), workload (label workload is its workload) "
            "or cluster (the gateway's own counters of its Service)."
        ),
    )
    proportion: ProportionMetric | None = Field(
        default=None, description="Share of good or bad answers, compared with the stable version of the same minutes."
    )
    latency: LatencyMetric | None = Field(
        default=None, description="Share of slow requests, compared with the stable version of the same minutes."
    )
    threshold: ThresholdMetric | None = Field(
        default=None, description="Any query with a fixed bound; not compared with the stable version."
    )
    mean: MeanMetric | None = Field(
        default=None, description="Mean of a quantity. Not yet supported: use proportion, latency or threshold."
    )
    distribution: DistributionMetric | None = Field(
        default=None, description="Drift of a distribution. Not yet supported: use proportion, latency or threshold."
    )
    agreement: AgreementMetric | None = Field(
        default=None, description="Equal answers in a shadow. Not yet supported: use proportion, latency or threshold."
    )
    preset: PresetMetric | None = Field(
        default=None, description="A ready-made metric. Not yet supported: use proportion, latency or threshold."
    )
    acceptable: Effect | None = Field(
        default=None,
        description="A change that is no failure: evidence of worse than this fails. Default: as good as stable.",
    )
    margin: Margin | None = Field(
        default=None,
        description=(
            "The worst change that may be promoted: evidence of better than this passes. "
            "Default: {ratio: 1.5, floor: 0.002}."
        ),
    )
    gain: Effect | None = Field(
        default=None, description="For a Goal, the least improvement that passes, for example {difference: 0.01}."
    )
    slices: MetricSlices | None = Field(
        default=None, description="Judge groups of requests apart. Not yet supported: add a metric for each group."
    )
    label_delay: Annotated[Duration, Between("0s", "30d")] | None = Field(
        default=None,
        description="Delay of labels in raw data by event time. Not yet supported: publish good and total together.",
    )

    @property
    def kind(self) -> str:
        """Name of the kind of metric that is set: proportion, latency, threshold, ..."""
        return next(kind for kind in _KINDS if getattr(self, kind) is not None)

    @property
    def compared(self) -> bool:
        """Whether candidate and stable are compared as shares (proportion or latency)."""
        return self.proportion is not None or self.latency is not None

    def limits(self) -> Limits:
        """Both limits of a comparison with every default filled in.

        For a Goal both are its gain: the candidate fails when it is proven not to reach it.
        """
        if self.role == Role.GOAL and self.gain is not None:
            return Limits(self.gain, self.gain, 0.0)
        return limits_of(self.acceptable, self.margin)

    def _natural_better(self) -> Better | None:
        if self.latency is not None:
            return Better.LOWER
        if self.proportion is not None:
            return Better.LOWER if self.proportion.bad is not None else Better.HIGHER
        return self.better

    def _margin_above_acceptable(self) -> bool:
        if self.margin is None:
            return True
        if self.acceptable is not None and (self.acceptable.ratio is None) != (self.margin.ratio is None):
            return True  # said by the rule about the form
        limits = limits_of(self.acceptable, self.margin)
        if limits.margin.ratio is not None and limits.acceptable.ratio is not None:
            return limits.margin.ratio > limits.acceptable.ratio
        return (limits.margin.difference or 0.0) > (limits.acceptable.difference or 0.0)
