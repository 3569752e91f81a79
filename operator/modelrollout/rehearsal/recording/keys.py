"""Which counters the lines of a metric may have, and which a recording must have."""

from dataclasses import dataclass, replace

from modelrollout.api import Metric, ModelRolloutSpec
from modelrollout.decisions.analysis.samples import CounterSamples
from modelrollout.decisions.kinds import kind_of
from modelrollout.decisions.kinds.bounds import is_bound
from modelrollout.rehearsal.recording.builder import VALUE
from modelrollout.rehearsal.recording.recorded import Recording

BUCKETS = "buckets"
"""Key under which the buckets of a histogram stand, by their bounds."""

INFINITE = "+Inf"

_BUCKET_SUFFIX = "_bucket"


@dataclass(frozen=True, slots=True)
class Accepted:
    """What a line of the metric may have.

    Attributes:
        names: of its counters, or the threshold's value; empty for a histogram.
        sums: those of them that add up a quantity: they may be negative.
        buckets: it is a histogram: counters are its cumulative buckets.
    """

    names: tuple[str, ...] = ()
    sums: frozenset[str] = frozenset()
    buckets: bool = False

    @property
    def gauge(self) -> bool:
        """Whether the line gives a value and no counters."""
        return self.names == (VALUE,)

    def __str__(self) -> str:
        if self.buckets:
            return f'{BUCKETS}, for example {{"0.1": 41, "{INFINITE}": 60}}'
        return ", ".join(self.names)


def accepted(metric: Metric) -> Accepted:
    """What the lines of this metric may have."""
    kind = kind_of(metric)
    if kind is None:
        return Accepted((VALUE,))
    wanted = kind.wanted(metric)
    if any(one.suffix == _BUCKET_SUFFIX for one in wanted):
        return Accepted(buckets=True)
    return Accepted(tuple(one.name for one in wanted), kind.sums(metric))


def needed(spec: ModelRolloutSpec, recording: Recording) -> Recording:
    """The recording without the buckets that no metric of the spec looks at."""
    counters = dict(recording.counters)
    for metric in spec.metrics:
        kind, known = kind_of(metric), counters.get(metric.name)
        if kind is None or known is None or any(one.buckets for one in kind.wanted(metric)):
            continue
        bounds = [one.bound for one in kind.wanted(metric) if one.bound is not None]
        names = {one.name for one in kind.wanted(metric)}
        counters[metric.name] = {
            name: many
            for name, many in known.items()
            if name in names or any(is_bound(name, bound) for bound in bounds)
        }
    return replace(recording, counters=counters)


def lacking(metric: Metric, recording: Recording) -> str:
    """What a recording must have of a metric and has not, as a sentence; empty when it has all.

    Only the numerator may be missing: there may have been no event.
    """
    if metric.name not in recording.metrics():
        there = ", ".join(recording.metrics()) or "none"
        return f"nothing was recorded of the metric {metric.name}; metrics that were recorded: {there}"
    kind = kind_of(metric)
    if kind is None:
        return ""
    counters = recording.counters.get(metric.name, {})
    named = kind.named(metric, CounterSamples(counters))
    if all(many or name == kind.numerator(metric) for name, many in named.items()):
        return ""
    wanted = ", ".join(one.name for one in kind.wanted(metric))
    return f"{metric.name} needs the counters {wanted}; recorded were {', '.join(counters)}"
