"""Drift: how far the candidate's distribution of a quantity lies from stable's."""

from collections.abc import Mapping

from modelrollout.api import DistributionMetric, Metric
from modelrollout.decisions.analysis.samples import CounterSamples, Trouble
from modelrollout.decisions.findings import Finding
from modelrollout.decisions.kinds.bounds import INFINITE
from modelrollout.decisions.kinds.histogram import all_buckets, bucket_counts, common_bounds, lacking, named_buckets
from modelrollout.decisions.kinds.kind import Counted, Errors, Frozen, Kind, Series, WantedCounter
from modelrollout.decisions.kinds.wording import plain
from modelrollout.stats import Comparison, Distribution
from modelrollout.stats.counters import Floats


class DistributionKind(Kind):
    """`distribution`: answers per bucket; the buckets' bounds are fixed when both versions have shown theirs."""

    freezes = True
    no_baseline = "not judged after a promotion, for there is no other version's distribution to compare with"

    def wanted(self, metric: Metric) -> tuple[WantedCounter, ...]:
        """Every bucket."""
        return all_buckets(_of(metric).histogram)

    def reference(self, metric: Metric) -> str:
        """All answers."""
        return INFINITE

    def named(self, metric: Metric, samples: CounterSamples, frozen: Frozen = ()) -> dict[str, Series]:
        """The buckets that are told apart."""
        return named_buckets(samples, frozen)

    def freeze(self, metric: Metric, samples: CounterSamples, versions: tuple[str, str]) -> Frozen | Trouble | None:
        """The bounds that both versions have."""
        return common_bounds(metric, samples, versions)

    def unusable(self, metric: Metric, samples: CounterSamples, frozen: Frozen) -> Trouble | None:
        """A bucket that is gone."""
        return lacking(metric, samples, frozen)

    def counted(self, metric: Metric, columns: Mapping[str, Floats], frozen: Frozen) -> Counted:
        """Answers in each bucket."""
        return bucket_counts(columns, frozen)

    def test(self, metric: Metric, errors: Errors, frozen: Frozen, *, late_faults: bool) -> Comparison:
        """By Jensen-Shannon distance."""
        return Distribution(
            margin_distance=_of(metric).margin.jensen_shannon,
            alpha=errors.alpha,
            beta=errors.beta,
            dispersion=errors.dispersion,
            late_faults=late_faults,
        )

    def limit(self, metric: Metric, stable: float | None) -> float | None:
        """The margin."""
        return _of(metric).margin.jensen_shannon

    def inside(self, metric: Metric, test: Comparison) -> bool:
        """By the distance in the step's own data."""
        return float(test.step_effect) <= _of(metric).margin.jensen_shannon

    def sentence(self, metric: Metric, finding: Finding, stable: str, frozen: Frozen) -> str:
        """The distance, and over how many answers."""
        return (
            f"{metric.name} at a distance of {plain(finding.candidate)} over {finding.candidate_count or 0:,} and "
            f"{finding.stable_count or 0:,} answers, limit {plain(finding.limit)}"
        )


def _of(metric: Metric) -> DistributionMetric:
    if metric.distribution is None:
        raise ValueError(f"{metric.name} is no distribution")
    return metric.distribution
