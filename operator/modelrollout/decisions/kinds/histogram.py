"""Whole histograms: buckets by their bounds, whatever way these are written."""

import math
from collections.abc import Iterable, Mapping

import numpy as np

from modelrollout.api import Metric
from modelrollout.decisions.analysis.samples import CounterSamples, Trouble
from modelrollout.decisions.kinds.bounds import INFINITE, number_of
from modelrollout.decisions.kinds.kind import Frozen, Series, WantedCounter
from modelrollout.stats.counters import Floats

MOST = 32
"""Buckets that are told apart; of a finer histogram neighbours are counted together, to keep what is stored small."""


def all_buckets(histogram: str) -> tuple[WantedCounter, ...]:
    """Every bucket of a histogram."""
    return (WantedCounter("", histogram, "_bucket", buckets=True),)


def by_bound(samples: CounterSamples) -> dict[float, Series]:
    """The series of each bucket, by its bound; the last is infinite."""
    found: dict[float, Series] = {}
    for text, series in samples.counters.items():
        bound = number_of(text)
        if bound is not None and not math.isnan(bound):
            found[bound] = (*found.get(bound, ()), *series)
    return dict(sorted(found.items()))


def name_of(bound: float) -> str:
    """The name of a bucket's counter."""
    return INFINITE if math.isinf(bound) else repr(bound)


def named_buckets(samples: CounterSamples, bounds: Frozen) -> dict[str, Series]:
    """The series of the buckets at these bounds (of all, without any), and of the infinite one."""
    known = by_bound(samples)
    return {name_of(bound): known.get(bound, ()) for bound in (*(bounds or known), math.inf)}


def common_bounds(
    metric: Metric, samples: CounterSamples, versions: Iterable[str], most: int | None = MOST
) -> Frozen | Trouble | None:
    """The bounds that both versions have, thinned out to `most` of them.

    None while one of the versions shows nothing, a Trouble where they differ.
    """
    known = {version: _bounds(samples, version) for version in versions}
    if not all(known.values()):
        return None
    one, other = known.values()
    if one != other:
        strange = ", ".join(f"{bound:g}" for bound in sorted(one ^ other)[:3])
        return Trouble(
            "BucketsDiffer",
            f"{metric.name}: the versions' histograms have other buckets ({strange}, ...), so they cannot be compared: "
            "give both the same bounds",
        )
    if math.inf not in one:
        return Trouble("NoInfiniteBucket", f"{metric.name}: the histogram has no bucket {INFINITE}, so it has no total")
    bounds = tuple(sorted(one))
    return bounds if most is None else thinned(bounds, most)


def lacking(metric: Metric, samples: CounterSamples, bounds: Frozen) -> Trouble | None:
    """Why these samples lack a bucket that is counted, None when none does."""
    for version in {one.version for series in samples.counters.values() for one in series}:
        gone = set(bounds) - _bounds(samples, version)
        if gone:
            return Trouble(
                "BucketsDiffer",
                f"{metric.name}: {version} has no bucket at {min(gone):g}, where there was one when the run began",
            )
    return None


def _bounds(samples: CounterSamples, version: str) -> set[float]:
    return {bound for bound, series in by_bound(samples).items() if any(one.version == version for one in series)}


def thinned(bounds: Frozen, most: int) -> Frozen:
    """At most so many of the bounds, the last one among them."""
    if len(bounds) <= most:
        return bounds
    kept = np.unique(np.linspace(0, len(bounds) - 1, most).round().astype(int))
    return tuple(bounds[i] for i in kept)


def bucket_counts(columns: Mapping[str, Floats], bounds: Frozen) -> Floats:
    """Requests in each bucket alone, on a new last axis."""
    cumulative = np.stack([columns[name_of(bound)] for bound in bounds], axis=-1)
    # buckets of one instant can be a request apart in a busy process
    cumulative = np.maximum.accumulate(cumulative, axis=-1)
    result: Floats = np.diff(cumulative, axis=-1, prepend=0.0)
    return result
