"""What a kind of metric is: its counters, its test, how the former feed the latter, and how it is said to people."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from modelrollout.api import Metric
from modelrollout.decisions.analysis.samples import CounterSamples, Trouble
from modelrollout.decisions.findings import Finding
from modelrollout.decisions.kinds.wording import plain
from modelrollout.stats import AgainstLimit, Comparison, CounterSeries, Dispersion
from modelrollout.stats.counters import Floats
from modelrollout.stats.fixed_horizon import Sample
from modelrollout.stats.heterogeneity import Heterogeneity

Series = tuple[CounterSeries, ...]
Frozen = tuple[float, ...]
"""What a kind fixes before the first stratum, from what was seen until then; it is kept in the checkpoint."""

Counted = tuple[Floats, ...] | Floats
"""One side's arguments of a test's `update`; the strata on the first axis of each array."""


@dataclass(frozen=True, slots=True)
class WantedCounter:
    """A counter that must be asked for.

    Attributes:
        name: under which its series go into the samples; with `buckets`, each goes under its own bound instead.
        selector: as the spec has it, without what binds it to namespace and versions.
        suffix: of the metric's name, for the parts of a histogram.
        bound: the bucket at this bound alone.
        buckets: every bucket.
        may_fall: it adds up a quantity that may be negative.
    """

    name: str
    selector: str
    suffix: str = ""
    bound: Decimal | None = None
    buckets: bool = False
    may_fall: bool = False


@dataclass(frozen=True, slots=True)
class Errors:
    """The errors that a test may make, and by what its log evidence is divided."""

    alpha: float
    beta: float
    dispersion: float


class Kind(ABC):
    """A kind of metric that judges a version by counters, compared with another version's or with a limit.

    Attributes:
        one_sided: only the candidate is counted.
        counts_answers: the reference counter counts answers, and not time, tokens or users.
        freezes: it fixes something before the first stratum (see `freeze`).
        history: for that it has to look at stable's past.
        no_baseline: why a promoted version that is alone is not judged.
    """

    one_sided = False
    counts_answers = True
    freezes = False
    history = False
    no_baseline = "nothing to compare with yet"

    # --- data --------------------------------------------------------------------------------------------------

    @abstractmethod
    def wanted(self, metric: Metric) -> tuple[WantedCounter, ...]:
        """The counters to ask for."""

    @abstractmethod
    def reference(self, metric: Metric) -> str:
        """Name of the counter whose scrapes set the times, and which counts the exposures."""

    @abstractmethod
    def counted(self, metric: Metric, columns: Mapping[str, Floats], frozen: Frozen) -> Counted:
        """What one side's counters rose by, as its test wants it.

        Args:
            metric: of this kind.
            columns: what each counter of `named` rose by in each stratum, arrays of one shape.
            frozen: what was fixed before the first stratum.
        """

    def identical(self, metric: Metric, columns: Mapping[str, Floats]) -> Floats | None:
        """How many of the candidate's answers were exactly stable's, in each stratum; None where nobody knows."""
        return None

    def numerator(self, metric: Metric) -> str | None:
        """Name of the counter without which a version looks better than it may be; None where there is none."""
        return None

    def answers(self, metric: Metric) -> str:
        """Name of the counter of all answers, whether their outcome is known or not."""
        return self.reference(metric)

    def covered(self, metric: Metric) -> bool:
        """Whether the reference counter counts only answers with a label, and `answers` all of them."""
        return False

    def sums(self, metric: Metric) -> frozenset[str]:
        """Names of the counters that add up a quantity instead of counting: they may fall by themselves."""
        return frozenset(one.name for one in self.wanted(metric) if one.may_fall)

    def measured(self, metric: Metric) -> frozenset[str]:
        """Names of the counters that need not be whole numbers, though they never fall but by a reset."""
        return frozenset()

    def late(self, metric: Metric) -> frozenset[str]:
        """Names of the counters that count an answer only `labelDelay` after it was given."""
        return frozenset()

    def named(self, metric: Metric, samples: CounterSamples, frozen: Frozen = ()) -> dict[str, Series]:
        """The series of every counter that the kind works on, empty where the samples have none."""
        return {one.name: samples.counters.get(one.name, ()) for one in self.wanted(metric)}

    def unusable(self, metric: Metric, samples: CounterSamples, frozen: Frozen) -> Trouble | None:
        """Why these samples cannot be compared with what was fixed before the first stratum, None when they can."""
        return None

    # --- test --------------------------------------------------------------------------------------------------

    def freeze(self, metric: Metric, samples: CounterSamples, versions: tuple[str, str]) -> Frozen | Trouble | None:
        """What has to be fixed before the first stratum: None while the samples cannot say it yet.

        Args:
            metric: of this kind.
            samples: with the past, where it was asked for.
            versions: candidate and stable.

        Returns:
            What is to be frozen, or why there can never be anything.
        """
        return ()

    @abstractmethod
    def test(self, metric: Metric, errors: Errors, frozen: Frozen, *, late_faults: bool) -> Comparison:
        """The test before any data.

        Raises:
            ValueError: limits that no test can hold; the message says which.
        """

    def update(self, test: Any, candidate: Counted, stable: Counted, stratum: int, start: float) -> None:  # noqa: ANN401
        """Feed a test with one stratum of what `counted` gave."""
        if self.one_sided:
            test.update(row(candidate, stratum), start=start)
        else:
            test.update(candidate=row(candidate, stratum), stable=row(stable, stratum), start=start)

    def dispersion(self, metric: Metric, past: CounterSamples, version: str, frozen: Frozen) -> Dispersion | None:
        """How far a version's past counts scatter; None where nobody can say, so that it must be assumed."""
        return None

    def observe(  # noqa: B027 - what leaves it out says so by that
        self, scatter: Heterogeneity, candidate: Counted, stable: Counted, stratum: int, start: float, frozen: Frozen
    ) -> None:
        """Show one stratum of what `counted` gave to what measures the dispersion within the run.

        A kind whose strata cannot say it leaves this out: its dispersion stays what it was before the run.
        """

    def watch(self, metric: Metric, test: Comparison, errors: Errors) -> AgainstLimit | None:
        """The test of a promoted version that is alone now, None where its past says nothing about a limit."""
        return None

    # --- what people see ---------------------------------------------------------------------------------------

    @abstractmethod
    def limit(self, metric: Metric, stable: float | None) -> float | None:
        """The worst value of the candidate that may be promoted beside this one of stable."""

    @abstractmethod
    def inside(self, metric: Metric, test: Comparison) -> bool:
        """Whether the point estimates of the step's own data lie inside the margin (for a Goal: reach the gain)."""

    def samples(self, test: Any, place: int = 0) -> tuple[Sample, Sample] | None:  # noqa: ANN401 - the kind's own test
        """Mean, deviation and size of candidate and stable, pooled over the run; None where the kind has none.

        Args:
            test: of this kind.
            place: which of its comparisons, where it has several.
        """
        return None

    def title(self, metric: Metric, frozen: Frozen) -> str:
        """The metric's name, and what of it is judged."""
        return metric.name

    def text(self, metric: Metric, value: float | None) -> str:
        """A value in its unit; "unknown" without data."""
        return plain(value)

    def sentence(self, metric: Metric, finding: Finding, stable: str, frozen: Frozen) -> str:
        """The numbers of a finding; `stable` is the name of that version."""
        against = "" if self.one_sided else f" against {self.text(metric, finding.stable)} of {stable}"
        limit = "" if finding.limit is None else f", {limit_word(metric)} {self.text(metric, finding.limit)}"
        count = finding.candidate_count or 0
        return f"{self.title(metric, frozen)} {self.text(metric, finding.candidate)} of {count:,}{against}{limit}"

    def expected(self, stable: float | None, count: float) -> float:
        """How much of the numerator that many exposures should bring, if the candidate is like stable."""
        return (stable or 0.0) * count


def row(counted: Counted, stratum: int) -> Any:  # noqa: ANN401 - as many numbers as the test takes
    """The arguments of one stratum."""
    return tuple(one[stratum] for one in counted) if isinstance(counted, tuple) else counted[stratum]


def limit_word(metric: Metric) -> str:
    """What the limit of a metric is called."""
    return "goal" if metric.role == "Goal" else "limit"
