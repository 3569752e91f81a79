"""Latency: the share of requests that take longer than a bound."""

from collections.abc import Mapping

import numpy as np

from modelrollout.api import LatencyMetric, Metric
from modelrollout.decisions.analysis_samples import CounterSamples
from modelrollout.decisions.kinds.bounds import bound_of, is_bound
from modelrollout.decisions.kinds.kind import Counted, Kind, WantedCounter
from modelrollout.stats import CounterSeries
from modelrollout.stats.counters import Floats

ALL = "+Inf"
_FAST = "fast"


class LatencyKind(Kind):
    """`latency`: (slow, all) requests, from the histogram's bucket at the bound and its count."""

    def wanted(self, metric: Metric) -> tuple[WantedCounter, ...]:
        """The bucket of fast requests, and all requests."""
        of = _of(metric)
        bound = bound_of(of.above, of.unit)
        return (
            WantedCounter(f"{bound.normalize():f}", of.histogram, "_bucket", bound),
            WantedCounter(ALL, of.histogram, "_count"),
        )

    def reference(self, metric: Metric) -> str:
        """All requests."""
        return ALL

    def named(self, metric: Metric, samples: CounterSamples) -> dict[str, tuple[CounterSeries, ...]]:
        """Fast and all requests, however the samples write the bound."""
        of = _of(metric)
        bound = bound_of(of.above, of.unit)
        fast = (many for name, many in samples.counters.items() if is_bound(name, bound))
        return {_FAST: next(fast, ()), ALL: samples.counters.get(ALL, ())}

    def counted(self, metric: Metric, columns: Mapping[str, Floats]) -> Counted:
        """(slow, all)."""
        total = columns[ALL]
        return total - np.minimum(columns[_FAST], total), total


def _of(metric: Metric) -> LatencyMetric:
    if metric.latency is None:
        raise ValueError(f"{metric.name} is no latency")
    return metric.latency
