"""What Prometheus said for a question: raw samples per metric, or why not. Made by `metrics`, folded here."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from modelrollout.stats import CounterSeries


@dataclass(frozen=True, slots=True)
class CounterSamples:
    """Raw cumulative counters of both versions, for a metric that compares them.

    | kind               | names of the counters                                                           |
    |--------------------|---------------------------------------------------------------------------------|
    | proportion         | bad or good and total, or bad and good; where wanted requests                   |
    | latency, quantile, | one for each bucket, cumulative, named by its bound as Prometheus writes it     |
    | distribution       | ("0.25", "+Inf")                                                                |
    | mean               | sum, count, where wanted sumOfSquares, per.sum, per.sumOfSquares, sumOfProducts |
    | rate               | events, exposure                                                                |
    | agreement          | agreed, total, where wanted identical                                           |
    | paired             | onlyCandidateWrong, onlyStableWrong, total                                      |

    Attributes:
        counters: the series of each counter, by its name.
        past: the same counters before the run, for measuring how they scatter; None when it was not asked for.
        hint: why they do not grow, in the words of whoever counts them; empty where they do or nobody says.
    """

    counters: Mapping[str, tuple[CounterSeries, ...]] = field(default_factory=dict)
    past: "CounterSamples | None" = None
    hint: str = ""


@dataclass(frozen=True, slots=True)
class ValueSample:
    """The candidate's value for a threshold; None where the query found nothing or gave NaN."""

    value: float | None


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a metric could not be asked for: one CamelCase word, and a sentence for people."""

    reason: str
    message: str


Sample = CounterSamples | ValueSample | Trouble


@dataclass(frozen=True, slots=True)
class Samples:
    """All that was gathered at one moment.

    Attributes:
        at: the moment for which Prometheus was asked, seconds since the epoch.
        metrics: what came back, by the metric's name.
        unreachable: why nothing could be asked at all, empty when something answered.
    """

    at: float
    metrics: Mapping[str, Sample] = field(default_factory=dict)
    unreachable: str = ""
