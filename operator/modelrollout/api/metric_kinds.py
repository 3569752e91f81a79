"""The kinds of metrics: what is counted or measured, and in which series it is found."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from modelrollout.api.base import Model
from modelrollout.api.durations import Between, Duration
from modelrollout.api.rules import Rule
from modelrollout.api.selectors import HistogramSelector, Query, Selector
from modelrollout.api.values import Number


class HistogramUnit(StrEnum):
    """The unit of a latency histogram's bucket bounds."""

    SECONDS = "Seconds"
    MILLISECONDS = "Milliseconds"


class ProportionMetric(Model):
    """The share of answers that are good, or bad, among all."""

    RULES = (
        Rule(
            "!has(self.total) || has(self.good) != has(self.bad)",
            "set exactly one of good and bad: the other is total minus the one you name",
            lambda self: self.total is None or (self.good is None) != (self.bad is None),
        ),
        Rule(
            "has(self.total) || (has(self.good) && has(self.bad))",
            "say what all answers are: set total, or both good and bad, whose sum they are then",
            lambda self: self.total is not None or (self.good is not None and self.bad is not None),
        ),
    )

    good: Selector | None = Field(
        default=None, description='Selector of the counter of good answers: model_outcomes_total{correct="true"}.'
    )
    bad: Selector | None = Field(
        default=None, description='Selector of the counter of bad answers: http_requests_total{code=~"5.."}.'
    )
    total: Selector | None = Field(
        default=None,
        description=(
            "Selector of the counter of all answers. Good or bad ones are among them. Default: good and bad together, "
            "for servers that count only these two."
        ),
    )
    requests: Selector | None = Field(
        default=None,
        description=(
            "Selector of the counter of all answers, labelled or not, where total counts only those whose outcome is "
            "known. Nothing is concluded while the labelled part differs between the versions. Default: total is all."
        ),
    )


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


class QuantileMetric(Model):
    """A quantile of a histogram, judged by the share of requests beyond stable's own."""

    histogram: HistogramSelector = Field(
        description="Selector of the histogram without its suffix _bucket, for example http_request_duration_seconds."
    )
    quantile: Annotated[Number, Field(ge=0.5, lt=1)] = Field(
        description=(
            "The quantile, from 0.5 to below 1, for example 0.99. Where it lies for the stable version is read from "
            "its history when the run begins and stays fixed; then the shares of requests beyond it are compared."
        )
    )
    unit: HistogramUnit = Field(
        default=HistogramUnit.SECONDS,
        description="Unit of the bucket bounds (label le): Seconds (default) or Milliseconds.",
    )


class RateMetric(Model):
    """Events per unit of exposure: per hour, per token, per request that may cause several."""

    events: Selector = Field(description="Selector of the counter of events, for example preemptions_total.")
    exposure: Selector = Field(
        description=(
            "Selector of the counter of what they are counted against, for example generation_tokens_total or a "
            "counter of GPU hours. An event need not belong to one unit of it."
        )
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
            "service, port, workload, pods and cluster (both regular expressions), for example "
            'max(gpu_memory_used_ratio{pod=~"{{pods}}"}).'
        )
    )
    min: Number | None = Field(default=None, description="Smallest allowed value. Default: none.")
    max: Number | None = Field(default=None, description="Largest allowed value. Default: none.")
    consecutive: Annotated[int, Field(ge=1, le=100)] = Field(
        default=3,
        description="Checks in a row outside the bounds for a Fail, and inside them for a Pass. Default: 3.",
    )


class MeanPer(Model):
    """The denominator of a ratio of two sums, such as requests in revenue per request, with users as the unit."""

    sum: Selector = Field(description="Selector of the counter of the denominator's sum over all units.")
    sum_of_squares: Selector = Field(description="Selector of the counter of the sum of its squares, unit by unit.")
    sum_of_products: Selector = Field(
        description="Selector of the counter of the sum of numerator times denominator, unit by unit."
    )


class MeanMetric(Model):
    """The mean of a quantity, from counters of its sum and count."""

    RULES = (
        Rule(
            "has(self.min) == has(self.max)",
            "set min and max together: the smallest and the largest single value that can occur",
            lambda self: (self.min is None) == (self.max is None),
        ),
        Rule(
            "!has(self.min) || !has(self.max) || self.min < self.max",
            "min must be smaller than max",
            lambda self: self.min is None or self.max is None or self.min < self.max,
            "min",
        ),
        Rule(
            "!has(self.per) || has(self.sumOfSquares)",
            "per needs sumOfSquares: without it nobody can say how far the ratio scatters from unit to unit",
            lambda self: self.per is None or self.sum_of_squares is not None,
            "sumOfSquares",
        ),
        Rule(
            "!has(self.per) || !(has(self.min) || has(self.max))",
            "min and max bound the values of a mean: leave them out with per",
            lambda self: self.per is None or (self.min is None and self.max is None),
            "min",
        ),
    )

    sum: Selector = Field(description="Selector of the counter of the sum, for example order_value_sum.")
    count: Selector = Field(
        description=(
            "Selector of the counter of how many values the sum has: answers, or users where those are the unit."
        )
    )
    sum_of_squares: Selector | None = Field(
        default=None,
        description=(
            "Selector of the counter of the sum of squares of the single values. With it, decisions come far sooner. "
            "Without it and without min and max, how far values scatter is only learnt from scrape to scrape, which "
            "takes several times as long."
        ),
    )
    min: Number | None = Field(
        default=None, description="Smallest single value that can occur; goes with max. Default: unknown."
    )
    max: Number | None = Field(
        default=None, description="Largest single value that can occur; goes with min. Default: unknown."
    )
    per: MeanPer | None = Field(
        default=None,
        description=(
            "Judge the ratio of two sums instead, such as clicks per request, with count counting the units (users) "
            "both sums run over. Needs sumOfSquares."
        ),
    )


class DistributionMargin(Model):
    """The largest change of a distribution that may be promoted."""

    jensen_shannon: Annotated[Number, Field(gt=0, lt=1)] = Field(
        description="Largest Jensen-Shannon distance, above 0 (equal) and below 1 (nothing in common): 0.05 is small."
    )


class DistributionMetric(Model):
    """The distribution of a quantity, from a histogram; detects drift."""

    histogram: HistogramSelector = Field(
        description="Selector of the histogram without its suffix _bucket, for example model_score."
    )
    margin: DistributionMargin = Field(
        description="The largest change that may be promoted; evidence of a larger one fails."
    )


class AgreementMetric(Model):
    """The share of requests to which candidate and stable give the same answer."""

    agreed: Selector = Field(
        description=(
            "Selector of the candidate's counter of answers equal to stable's: shadow_answers_total{agreed=\"true\"}."
        )
    )
    total: Selector = Field(description="Selector of the candidate's counter of all answers that were compared.")
    min: Annotated[Number, Field(gt=0, lt=1)] = Field(
        description="Least share of equal answers that may be promoted, above 0 and below 1, for example 0.98."
    )
    identical: Selector | None = Field(
        default=None,
        description=(
            "Selector of the candidate's counter of answers that were exactly stable's, without any tolerance: "
            "model_shadow_identical_total. Where a thousand of them are all there are, the condition "
            "CandidateIndistinguishable says that most likely nobody deployed the new model. Decides nothing."
        ),
    )


class PairedMetric(Model):
    """Of requests that both versions answered and whose truth is known, those on which only one of them was wrong."""

    only_candidate_wrong: Selector = Field(
        description=(
            "Selector of the candidate's counter of pairs in which only it was wrong: "
            'model_pair_outcomes_total{stable="right",candidate="wrong"}.'
        )
    )
    only_stable_wrong: Selector = Field(
        description=(
            "Selector of the candidate's counter of pairs in which only stable was wrong: "
            'model_pair_outcomes_total{stable="wrong",candidate="right"}.'
        )
    )
    total: Selector = Field(description="Selector of the candidate's counter of all pairs whose truth is known.")
