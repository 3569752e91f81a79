"""The kinds of metrics: what is counted or measured, and in which series it is found."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from modelrollout.api.base import Model
from modelrollout.api.durations import Between, Duration
from modelrollout.api.rules import Rule, exactly_one
from modelrollout.api.selectors import HistogramSelector, Query, Selector
from modelrollout.api.values import Number, Share, ShortText


class HistogramUnit(StrEnum):
    """The unit of a latency histogram's bucket bounds."""

    SECONDS = "Seconds"
    MILLISECONDS = "Milliseconds"


class ProportionMetric(Model):
    """The share of answers that are good, or bad, among all."""

    RULES = (
        exactly_one(
            {"good": "good", "bad": "bad"}, "set exactly one of good and bad: the other is total minus the one you name"
        ),
    )

    good: Selector | None = Field(
        default=None, description='Selector of the counter of good answers: model_outcomes_total{correct="true"}.'
    )
    bad: Selector | None = Field(
        default=None, description='Selector of the counter of bad answers: http_requests_total{code=~"5.."}.'
    )
    total: Selector = Field(description="Selector of the counter of all answers. Good or bad ones are among them.")


class LatencyMetric(Model):
    """The share of requests that take longer than a bound."""

    histogram: HistogramSelector = Field(
        description="Selector of the histogram without its suffix _bucket, for example http_request_duration_seconds."
    )
    above: Annotated[Duration, Between("1us", "1h")] = Field(
        description="Requests slower than this count as slow, for example 250ms. It must be the bound of a bucket."
    )
    unit: HistogramUnit = Field(
        default=HistogramUnit.SECONDS,
        description=(
            "Unit of the bucket bounds (label le): Seconds (default), or Milliseconds as Envoy, Istio and Ray use."
        ),
    )


class ThresholdMetric(Model):
    """A query whose value must stay within bounds; it compares no versions and carries no statistical promise."""

    RULES = (
        Rule(
            "has(self.min) || has(self.max)",
            "set max, min or both: a threshold without a bound can never fail",
            lambda self: self.min is not None or self.max is not None,
        ),
        Rule(
            "!has(self.min) || !has(self.max) || self.min <= self.max",
            "min must not be larger than max",
            lambda self: self.min is None or self.max is None or self.min <= self.max,
            "min",
        ),
    )

    query: Query = Field(
        description=(
            "PromQL that gives one number for the candidate. Between double braces may stand namespace, version, "
            "service, port, workload, pods (a regular expression) and cluster, for example "
            'max(gpu_memory_used_ratio{pod=~"{{pods}}"}).'
        )
    )
    min: Number | None = Field(default=None, description="Smallest allowed value. Default: none.")
    max: Number | None = Field(default=None, description="Largest allowed value. Default: none.")
    consecutive: Annotated[int, Field(ge=1, le=100)] = Field(
        default=3,
        description="Checks in a row outside the bounds for a Fail, and inside them for a Pass. Default: 3.",
    )


class MeanMetric(Model):
    """The mean of a quantity, from counters of its sum and count."""

    sum: Selector = Field(description="Selector of the counter of the sum.")
    count: Selector = Field(description="Selector of the counter of the number.")
    sum_of_squares: Selector | None = Field(
        default=None, description="Selector of the counter of the sum of squares; it makes decisions far sooner."
    )


class DistributionMargin(Model):
    """The largest change of a distribution that may be promoted."""

    jensen_shannon: Share = Field(description="Largest Jensen-Shannon distance, from 0 (equal) to 1.")


class DistributionMetric(Model):
    """The distribution of a quantity, from a histogram; detects drift."""

    histogram: HistogramSelector = Field(description="Selector of the histogram without its suffix _bucket.")
    margin: DistributionMargin = Field(description="The largest change that may be promoted.")


class AgreementMetric(Model):
    """The share of requests to which candidate and stable give the same answer; needs a shadow."""

    min: Share = Field(description="Least share of equal answers that may be promoted, for example 0.98.")


class PresetMetric(Model):
    """A metric of a known model server or gateway, expanded into one of the other kinds."""

    name: ShortText = Field(description="Name of the preset, for example vllm/time-to-first-token.")
