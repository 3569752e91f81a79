"""Quantiles: the share of requests beyond stable's own quantile, which is fixed when the run begins."""

import math
from collections.abc import Mapping

import numpy as np

from modelrollout.api import HistogramUnit, Metric, QuantileMetric
from modelrollout.decisions.analysis.samples import CounterSamples, Trouble
from modelrollout.decisions.findings import Finding
from modelrollout.decisions.kinds.bounds import INFINITE
from modelrollout.decisions.kinds.histogram import (
    all_buckets,
    bucket_counts,
    common_bounds,
    lacking,
    name_of,
    named_buckets,
)
from modelrollout.decisions.kinds.kind import Counted, Errors, Frozen, Kind, Series, WantedCounter, row
from modelrollout.decisions.kinds.quantities import limits_of
from modelrollout.decisions.kinds.shares import direction, within
from modelrollout.stats import Comparison, Dispersion, estimate_dispersion
from modelrollout.stats.buckets import bounds_around
from modelrollout.stats.counters import Floats, process_increases
from modelrollout.stats.heterogeneity import Heterogeneity
from modelrollout.stats.quantile import Quantile

BEYOND = 10.0
"""Requests beyond its quantile that stable's history must have shown, else nobody knows where it lies."""

_PAST_BLOCK = 300.0  # seconds; the past is asked for a sample a minute
_SHOWN = 16  # bounds that are kept; the rest lies far from the quantile, and is counted together


class QuantileKind(Kind):
    """`quantile`: requests per bucket. Fixed are the number of tested bounds, these, and all bounds that are kept."""

    freezes = True
    history = True
    no_baseline = "not judged after a promotion, for there is no other version's quantile to compare with"

    def wanted(self, metric: Metric) -> tuple[WantedCounter, ...]:
        """Every bucket."""
        return all_buckets(_of(metric).histogram)

    def reference(self, metric: Metric) -> str:
        """All requests."""
        return INFINITE

    def named(self, metric: Metric, samples: CounterSamples, frozen: Frozen = ()) -> dict[str, Series]:
        """The buckets that are told apart."""
        return named_buckets(samples, _bounds(frozen))

    def freeze(self, metric: Metric, samples: CounterSamples, versions: tuple[str, str]) -> Frozen | Trouble | None:
        """Where stable's quantile lay before the run, and the bounds around it."""
        bounds = common_bounds(metric, samples, versions, most=None)
        if bounds is None or isinstance(bounds, Trouble):
            return bounds
        of, stable = _of(metric), versions[1]
        counts = _history(samples.past or CounterSamples(), bounds, stable)
        if counts.sum() * (1 - of.quantile) < BEYOND:
            return Trouble(
                "NoHistory",
                f"{metric.name}: {stable} has answered {counts.sum():,.0f} requests in the two and a half hours before "
                f"the run, too few to tell its p{100 * of.quantile:g}: wait with the run, or use latency with a bound",
            )
        tested = bounds_around(counts, bounds[:-1], of.quantile)
        middle = bounds.index(tested[len(tested) // 2])
        first = max(0, min(middle - _SHOWN // 2, len(bounds) - 1 - _SHOWN))
        return (float(len(tested)), *tested, *bounds[first : first + _SHOWN], math.inf)

    def unusable(self, metric: Metric, samples: CounterSamples, frozen: Frozen) -> Trouble | None:
        """A bucket that is gone."""
        return lacking(metric, samples, _bounds(frozen))

    def counted(self, metric: Metric, columns: Mapping[str, Floats], frozen: Frozen) -> Counted:
        """Requests in each bucket."""
        return bucket_counts(columns, _bounds(frozen))

    def test(self, metric: Metric, errors: Errors, frozen: Frozen, *, late_faults: bool) -> Comparison:
        """By the share of requests beyond the tested bounds."""
        limits = limits_of(metric, errors, late_faults=late_faults)
        # before the bounds are known the test only stands for the limits
        tested, bounds = (_tested(frozen), _bounds(frozen)[:-1]) if frozen else ((1.0,), (1.0,))
        return Quantile(direction(metric), quantile=_of(metric).quantile, bounds=bounds, tested=tested, **limits)

    def dispersion(self, metric: Metric, past: CounterSamples, version: str, frozen: Frozen) -> Dispersion | None:
        """Of the requests beyond the quantile, by the version's processes against each other."""
        tested = _tested(frozen)
        named = named_buckets(past, _bounds(frozen))
        return estimate_dispersion(named[name_of(tested[len(tested) // 2])], named[INFINITE], version=version)

    def observe(
        self, scatter: Heterogeneity, candidate: Counted, stable: Counted, stratum: int, start: float, frozen: Frozen
    ) -> None:
        """Requests beyond the middle one of the tested bounds."""
        tested = _tested(frozen)
        after = _bounds(frozen).index(tested[len(tested) // 2]) + 1
        sides = (
            (float(one[after:].sum()), float(one.sum())) for one in (row(candidate, stratum), row(stable, stratum))
        )
        scatter.update(start, *sides)

    def limit(self, metric: Metric, stable: float | None) -> float | None:
        """None: the margin is on the share of requests, not on the quantile that is shown."""
        return None

    def inside(self, metric: Metric, test: Comparison) -> bool:
        """By the share of requests beyond the middle bound in the step's own data."""
        return within(metric, float(test.step_effect), math.nan)

    def title(self, metric: Metric, frozen: Frozen) -> str:
        """With the quantile."""
        return f"{metric.name} (p{100 * _of(metric).quantile:g})"

    def text(self, metric: Metric, value: float | None) -> str:
        """With its unit."""
        if value is None:
            return "unknown"
        return f"{value:.4g} ms" if _of(metric).unit is HistogramUnit.MILLISECONDS else f"{value:.4g} s"

    def sentence(self, metric: Metric, finding: Finding, stable: str, frozen: Frozen) -> str:
        """Both quantiles, and the change of the share beyond the bound that is tested."""
        said = super().sentence(metric, finding, stable, frozen)
        if finding.effect is None or not frozen:
            return said
        tested = _tested(frozen)
        bound = self.text(metric, tested[len(tested) // 2])
        ratio = finding.effect_kind == "ratio"
        change = f"{finding.effect:.3g} times" if ratio else f"{100 * finding.effect:+.3g} points of"
        return f"{said}; {change} the share beyond {bound}"


def _of(metric: Metric) -> QuantileMetric:
    if metric.quantile is None:
        raise ValueError(f"{metric.name} is no quantile")
    return metric.quantile


def _tested(frozen: Frozen) -> Frozen:
    return frozen[1 : 1 + int(frozen[0])] if frozen else ()


def _bounds(frozen: Frozen) -> Frozen:
    return frozen[1 + int(frozen[0]) :] if frozen else ()


def _history(past: CounterSamples, bounds: Frozen, version: str) -> Floats:
    """The version's requests in each bucket before the run."""
    named = named_buckets(past, bounds)
    columns = {name: np.zeros(1) for name in named}
    for process in sorted({one.series for one in named[INFINITE] if one.version == version}):
        mine = {
            name: [one for one in many if (one.version, one.series) == (version, process)]
            for name, many in named.items()
        }
        _, rose = process_increases(mine, INFINITE, _PAST_BLOCK)
        for (name, _), amounts in rose.items():
            columns[name] += amounts.sum()
    counts: Floats = bucket_counts(columns, bounds)[0]
    return counts
