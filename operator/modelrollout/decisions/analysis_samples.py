"""What Prometheus said for a question: raw samples per metric, or why not. Made by `metrics`, folded here."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from modelrollout.stats import CounterSeries


@dataclass(frozen=True, slots=True)
class CounterSamples:
    """Raw cumulative counters of both versions, for a proportion or a latency metric.

    Attributes:
        events: the numerator's series.
        total: the denominator's series.
        complement: the numerator counts the other answers (fast ones, where slow ones are judged).
        past: the same counters before the run, for measuring how they scatter; None when it was not asked for.
    """

    events: tuple[CounterSeries, ...] = ()
    total: tuple[CounterSeries, ...] = ()
    complement: bool = False
    past: "CounterSamples | None" = None


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
