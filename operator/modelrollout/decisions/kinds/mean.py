"""Means: a quantity over answers or users, and ratios of two sums with the user as the unit."""

from collections.abc import Mapping
from typing import Any

from modelrollout.api import MeanMetric, Metric
from modelrollout.decisions.analysis.samples import CounterSamples, Trouble
from modelrollout.decisions.findings import Finding
from modelrollout.decisions.kinds.kind import Counted, Errors, Frozen, Series, WantedCounter, limit_word
from modelrollout.decisions.kinds.quantities import QuantityKind, limits_of
from modelrollout.decisions.kinds.shares import direction
from modelrollout.stats import Comparison, Dispersion, Mean
from modelrollout.stats.counters import Floats
from modelrollout.stats.fixed_horizon import Sample
from modelrollout.stats.process_scatter import estimate_mean_dispersion
from modelrollout.stats.ratio_of_sums import RatioOfSums

SUM, COUNT, SQUARES = "sum", "count", "sumOfSquares"
PER_SUM, PER_SQUARES, PRODUCTS = "per.sum", "per.sumOfSquares", "sumOfProducts"


class MeanKind(QuantityKind):
    """`mean`: sum and count, where given with squares; with `per`, the ratio of two sums."""

    counts_answers = False  # values may be orders or users

    def wanted(self, metric: Metric) -> tuple[WantedCounter, ...]:
        """Sum and count, and what else the spec names."""
        of = _of(metric)
        selectors = {SUM: of.sum, COUNT: of.count, SQUARES: of.sum_of_squares}
        if of.per is not None:
            selectors |= {PER_SUM: of.per.sum, PER_SQUARES: of.per.sum_of_squares, PRODUCTS: of.per.sum_of_products}
        return tuple(
            WantedCounter(name, selector, may_fall=name != COUNT)
            for name, selector in selectors.items()
            if selector is not None
        )

    def reference(self, metric: Metric) -> str:
        """How many values there are."""
        return COUNT

    def late(self, metric: Metric) -> frozenset[str]:
        """What the outcome is part of."""
        return frozenset({SUM, SQUARES, PRODUCTS})

    def unusable(self, metric: Metric, samples: CounterSamples, frozen: Frozen) -> Trouble | None:
        """A version that counts values without adding them up: every value adds to every sum."""
        named = self.named(metric, samples)
        for version in {one.version for one in named[COUNT]}:
            for name in sorted(self.sums(metric)):
                if not _has(named[name], version):
                    return Trouble("CounterMissing", f"{metric.name}: {version} shows no series for {name}")
        return None

    def counted(self, metric: Metric, columns: Mapping[str, Floats], frozen: Frozen) -> Counted:
        """(sum, count), (sum, count, squares), or the six sums of a ratio."""
        names = (SUM, COUNT, SQUARES, PER_SUM, PER_SQUARES, PRODUCTS)
        return tuple(columns[name] for name in names if name in columns)

    def test(self, metric: Metric, errors: Errors, frozen: Frozen, *, late_faults: bool) -> Comparison:
        """A mean, or a ratio of sums."""
        of, limits = _of(metric), limits_of(metric, errors, late_faults=late_faults)
        if of.per is not None:
            return RatioOfSums(direction(metric), **limits)
        return Mean(direction(metric), minimum=of.min, maximum=of.max, **limits)

    def dispersion(self, metric: Metric, past: CounterSamples, version: str, frozen: Frozen) -> Dispersion | None:
        """By the version's processes against each other, where squares say how far single values scatter."""
        if _of(metric).sum_of_squares is None or _of(metric).per is not None:
            return None
        sums, counts, squares = (past.counters.get(name, ()) for name in (SUM, COUNT, SQUARES))
        return estimate_mean_dispersion(sums, counts, squares, version=version)

    def samples(self, test: Any, place: int = 0) -> tuple[Sample, Sample] | None:  # noqa: ANN401 - the kind's own test
        """Where the spec names a sum of squares."""
        return test.samples(place) if isinstance(test, Mean) else None

    def sentence(self, metric: Metric, finding: Finding, stable: str, frozen: Frozen) -> str:
        """The numbers in the quantity's own unit."""
        limit = "" if finding.limit is None else f", {limit_word(metric)} {self.text(metric, finding.limit)}"
        over = "users" if _of(metric).per is not None else "values"
        return (
            f"{metric.name} {self.text(metric, finding.candidate)} over {finding.candidate_count or 0:,} {over} "
            f"against {self.text(metric, finding.stable)} of {stable}{limit}"
        )


def _of(metric: Metric) -> MeanMetric:
    if metric.mean is None:
        raise ValueError(f"{metric.name} is no mean")
    return metric.mean


def _has(series: Series, version: str) -> bool:
    return any(one.version == version for one in series)
