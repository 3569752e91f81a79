"""Proportions: the share of good or bad answers among all."""

from collections.abc import Mapping

import numpy as np

from modelrollout.api import Better, Metric, ProportionMetric
from modelrollout.decisions.analysis.samples import CounterSamples
from modelrollout.decisions.kinds.kind import Counted, Frozen, Series, WantedCounter
from modelrollout.decisions.kinds.shares import ShareKind
from modelrollout.stats.counters import Floats

TOTAL = "total"
REQUESTS = "requests"
BAD, GOOD = "bad", "good"


class ProportionKind(ShareKind):
    """`proportion`: (events, total) of good or of bad answers."""

    def wanted(self, metric: Metric) -> tuple[WantedCounter, ...]:
        """Numerator and what else the denominator takes, and all answers where that has only those with a label."""
        of = _of(metric)
        selectors = {BAD: of.bad, GOOD: of.good, TOTAL: of.total, REQUESTS: of.requests}
        return tuple(WantedCounter(name, text) for name, text in selectors.items() if text is not None)

    def named(self, metric: Metric, samples: CounterSamples, frozen: Frozen = ()) -> dict[str, Series]:
        """The denominator where nothing else counts all answers: the series of the bad and of the good ones."""
        found = super().named(metric, samples, frozen)
        return found if TOTAL in found else {**found, TOTAL: (*found[BAD], *found[GOOD])}

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
        if of.total is None:
            return frozenset({BAD, GOOD, TOTAL})
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
    return BAD if of.bad is not None else GOOD
