"""Proportions: the share of good or bad answers among all."""

from collections.abc import Mapping

import numpy as np

from modelrollout.api import Better, Metric, ProportionMetric
from modelrollout.decisions.kinds.kind import Counted, Kind, WantedCounter
from modelrollout.stats.counters import Floats

TOTAL = "total"


class ProportionKind(Kind):
    """`proportion`: (events, total) of good or of bad answers."""

    def wanted(self, metric: Metric) -> tuple[WantedCounter, ...]:
        """Numerator and denominator."""
        of = _of(metric)
        return (WantedCounter(_events(of), of.bad or of.good or ""), WantedCounter(TOTAL, of.total))

    def reference(self, metric: Metric) -> str:
        """All answers."""
        return TOTAL

    def counted(self, metric: Metric, columns: Mapping[str, Floats]) -> Counted:
        """(events, total)."""
        total = columns[TOTAL]
        # numerator and denominator of one instant can be a request apart in a busy process
        return np.minimum(columns[_events(_of(metric))], total), total

    def numerator(self, metric: Metric) -> str | None:
        """Bad answers: only where fewer events are better does a version without its numerator look perfect."""
        return None if metric.better == Better.HIGHER else _events(_of(metric))


def _of(metric: Metric) -> ProportionMetric:
    if metric.proportion is None:
        raise ValueError(f"{metric.name} is no proportion")
    return metric.proportion


def _events(of: ProportionMetric) -> str:
    return "bad" if of.bad is not None else "good"
