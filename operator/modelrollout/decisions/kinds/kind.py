"""What a kind of metric is: which counters it needs, and how their increases become the arguments of its test."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from modelrollout.api import Metric
from modelrollout.decisions.analysis_samples import CounterSamples
from modelrollout.stats import CounterSeries
from modelrollout.stats.counters import Floats

Counted = tuple[Floats, ...]
"""Arguments of a test's `update` for one side, one row per stratum."""


@dataclass(frozen=True, slots=True)
class WantedCounter:
    """A counter that must be asked for.

    Attributes:
        name: under which its series go into the samples.
        selector: as the spec has it, without what binds it to namespace and versions.
        suffix: of the metric's name, for the parts of a histogram.
        bound: the bucket at this bound alone.
    """

    name: str
    selector: str
    suffix: str = ""
    bound: Decimal | None = None


class Kind(ABC):
    """A kind of metric that compares two versions by counters."""

    @abstractmethod
    def wanted(self, metric: Metric) -> tuple[WantedCounter, ...]:
        """The counters to ask for."""

    @abstractmethod
    def reference(self, metric: Metric) -> str:
        """Name of the counter whose scrapes set the times, and which counts the exposures."""

    @abstractmethod
    def counted(self, metric: Metric, columns: Mapping[str, Floats]) -> Counted:
        """What one side's counters rose by, as its test wants it.

        Args:
            metric: of this kind.
            columns: what each counter rose by in each stratum, arrays of one shape.
        """

    def numerator(self, metric: Metric) -> str | None:
        """Name of the counter without which a version looks better than it may be; None where there is none."""
        return None

    def sums(self, metric: Metric) -> frozenset[str]:
        """Names of the counters that add up a quantity instead of counting."""
        return frozenset()

    def named(self, metric: Metric, samples: CounterSamples) -> dict[str, tuple[CounterSeries, ...]]:
        """The series of every counter that the kind works on, empty where the samples have none."""
        return {one.name: samples.counters.get(one.name, ()) for one in self.wanted(metric)}
