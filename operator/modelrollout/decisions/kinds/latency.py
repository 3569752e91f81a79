"""Latency: the share of requests that take longer than a bound."""

from collections.abc import Mapping

import numpy as np

from modelrollout.api import LatencyMetric, Metric, format_duration
from modelrollout.decisions.analysis.samples import CounterSamples
from modelrollout.decisions.kinds.bounds import INFINITE, bound_of, is_bound
from modelrollout.decisions.kinds.kind import Counted, Frozen, Series, WantedCounter
from modelrollout.decisions.kinds.shares import ShareKind
from modelrollout.stats.counters import Floats

_FAST = "fast"


class LatencyKind(ShareKind):
    """`latency`: (slow, all) requests, from the histogram's bucket at the bound and its count."""

    def wanted(self, metric: Metric) -> tuple[WantedCounter, ...]:
        """The bucket of fast requests, and all requests."""
        of = _of(metric)
        bound = bound_of(of.above, of.unit)
        return (
            WantedCounter(f"{bound.normalize():f}", of.histogram, "_bucket", bound),
            WantedCounter(INFINITE, of.histogram, "_count"),
        )

    def reference(self, metric: Metric) -> str:
        """All requests."""
        return INFINITE

    def named(self, metric: Metric, samples: CounterSamples, frozen: Frozen = ()) -> dict[str, Series]:
        """Fast and all requests, however the samples write the bound."""
        return {_FAST: self.events(metric, samples), INFINITE: samples.counters.get(INFINITE, ())}

    def counted(self, metric: Metric, columns: Mapping[str, Floats], frozen: Frozen) -> Counted:
        """(slow, all)."""
        total = columns[INFINITE]
        return total - np.minimum(columns[_FAST], total), total

    def events(self, metric: Metric, samples: CounterSamples) -> Series:
        """Fast requests."""
        of = _of(metric)
        bound = bound_of(of.above, of.unit)
        return next((many for name, many in samples.counters.items() if is_bound(name, bound)), ())

    def title(self, metric: Metric, frozen: Frozen) -> str:
        """With the bound."""
        return f"{metric.name} (above {format_duration(_of(metric).above)})"


def _of(metric: Metric) -> LatencyMetric:
    if metric.latency is None:
        raise ValueError(f"{metric.name} is no latency")
    return metric.latency
