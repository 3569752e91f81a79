"""Rates: events per unit of exposure."""

from collections.abc import Mapping

from modelrollout.api import Better, Metric, RateMetric
from modelrollout.decisions.analysis.samples import CounterSamples
from modelrollout.decisions.findings import Finding
from modelrollout.decisions.kinds.kind import Counted, Errors, Frozen, WantedCounter, limit_word, row
from modelrollout.decisions.kinds.quantities import QuantityKind, limits_of
from modelrollout.decisions.kinds.shares import direction
from modelrollout.decisions.kinds.wording import plain
from modelrollout.stats import Comparison, Dispersion
from modelrollout.stats.counters import Floats
from modelrollout.stats.heterogeneity import Heterogeneity
from modelrollout.stats.process_scatter import estimate_rate_dispersion
from modelrollout.stats.rate import Rate

EVENTS, EXPOSURE = "events", "exposure"


class RateKind(QuantityKind):
    """`rate`: (events, exposure), where an event need not belong to one unit of exposure."""

    counts_answers = False

    def wanted(self, metric: Metric) -> tuple[WantedCounter, ...]:
        """Events and exposure."""
        of = _of(metric)
        return (WantedCounter(EVENTS, of.events), WantedCounter(EXPOSURE, of.exposure))

    def reference(self, metric: Metric) -> str:
        """The exposure."""
        return EXPOSURE

    def measured(self, metric: Metric) -> frozenset[str]:
        """The exposure: hours need not be whole."""
        return frozenset({EXPOSURE})

    def numerator(self, metric: Metric) -> str | None:
        """Events: only where fewer are better does a version without them look perfect."""
        return None if metric.better == Better.HIGHER else EVENTS

    def counted(self, metric: Metric, columns: Mapping[str, Floats], frozen: Frozen) -> Counted:
        """(events, exposure)."""
        return columns[EVENTS], columns[EXPOSURE]

    def test(self, metric: Metric, errors: Errors, frozen: Frozen, *, late_faults: bool) -> Comparison:
        """By the ratio of the rates."""
        limits = limits_of(metric, errors, late_faults=late_faults)
        floor = metric.limits().floor or None
        return Rate(
            direction(metric), floor=floor, **{key: at for key, at in limits.items() if not key.endswith("difference")}
        )

    def dispersion(self, metric: Metric, past: CounterSamples, version: str, frozen: Frozen) -> Dispersion | None:
        """By the version's processes against each other."""
        events, exposure = (past.counters.get(name, ()) for name in (EVENTS, EXPOSURE))
        return estimate_rate_dispersion(events, exposure, version=version)

    def observe(
        self, scatter: Heterogeneity, candidate: Counted, stable: Counted, stratum: int, start: float, frozen: Frozen
    ) -> None:
        """The candidate's events beyond those that its part of the exposure would bring, of all there are."""
        (events, exposure), (others, rest) = row(candidate, stratum), row(stable, stratum)
        every = events + others
        if exposure > 0 and rest > 0 and every > 0:
            share = exposure / (exposure + rest)
            told = every * share * (1 - share)
            scatter.add(start, score=events - every * share, information=told, variance=told, events=every)

    def sentence(self, metric: Metric, finding: Finding, stable: str, frozen: Frozen) -> str:
        """Events per unit of exposure."""
        limit = "" if finding.limit is None else f", {limit_word(metric)} {plain(finding.limit)}"
        return (
            f"{metric.name} {plain(finding.candidate)} per unit over {finding.candidate_count or 0:,} units against "
            f"{plain(finding.stable)} of {stable}{limit}"
        )


def _of(metric: Metric) -> RateMetric:
    if metric.rate is None:
        raise ValueError(f"{metric.name} is no rate")
    return metric.rate
