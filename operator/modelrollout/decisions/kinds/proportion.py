"""Proportions: the share of good or bad answers among all."""

from collections.abc import Mapping

import numpy as np

from modelrollout.api import Better, Metric, ProportionMetric
from modelrollout.decisions.analysis_samples import CounterSamples
from modelrollout.decisions.kinds.kind import Counted, Frozen, Series, WantedCounter
from modelrollout.decisions.kinds.shares import ShareKind
from modelrollout.stats.counters import Floats

TOTAL = "total"
REQUESTS = "requests"


class ProportionKind(ShareKind):
    """`proportion`: (events, total) of good or of bad answers."""

    def wanted(self, metric: Metric) -> tuple[WantedCounter, ...]:
        """Numerator and denominator, and all answers where the denominator has only those with a label."""
        of = _of(metric)
        both = (WantedCounter(_events(of), of.bad or of.good or ""), WantedCounter(TOTAL, of.total))
        return both if of.requests is None else (*both, WantedCounter(REQUESTS, of.requests))

    def reference(self, metric: Metric) -> str:
        """All answers, or those whose outcome is known."""
        return TOTAL

    def answers(self, metric: Metric) -> str:
        """All answers."""
        return TOTAL if _of(metric).requests is None else REQUESTS

    def covered(self, metric: Metric) -> bool:
        """Where the spec names all answers beside those whose outcome is known."""
        return _of(metric).requests is not None

    def late(self, metric: Metric) -> frozenset[str]:
        """The numerator; where the denominator counts only what is known, it comes as late."""
        of = _of(metric)
        return frozenset({_events(of)} if of.requests is None else {_events(of), TOTAL})

    def counted(self, metric: Metric, columns: Mapping[str, Floats], frozen: Frozen) -> Counted:
        """(events, total)."""
        total = columns[TOTAL]
        # numerator and denominator of one instant can be a request apart in a busy process
        return np.minimum(columns[_events(_of(metric))], total), total

    def events(self, metric: Metric, samples: CounterSamples) -> Series:
        """The numerator."""
        return samples.counters.get(_events(_of(metric)), ())

    def numerator(self, metric: Metric) -> str | None:
        """Bad answers: only where fewer events are better does a version without its numerator look perfect."""
        return None if metric.better == Better.HIGHER else _events(_of(metric))


def _of(metric: Metric) -> ProportionMetric:
    if metric.proportion is None:
        raise ValueError(f"{metric.name} is no proportion")
    return metric.proportion


def _events(of: ProportionMetric) -> str:
    return "bad" if of.bad is not None else "good"
