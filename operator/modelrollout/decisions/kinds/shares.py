"""What all shares of answers have in common: limits, the test, the dispersion, and what is possible when alone."""

import math
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from modelrollout.api import Better, Metric, Role
from modelrollout.decisions.analysis.samples import CounterSamples
from modelrollout.decisions.kinds.kind import Counted, Errors, Frozen, Kind, Series, row
from modelrollout.decisions.kinds.wording import percent
from modelrollout.stats import AgainstLimit, Comparison, Dispersion, Proportion, estimate_dispersion
from modelrollout.stats.fixed_horizon import Sample
from modelrollout.stats.heterogeneity import Heterogeneity

_UPPER = 1.645  # standard normal quantile at 95 %


class ShareKind(Kind):
    """A kind that judges (events, total) of answers."""

    @abstractmethod
    def events(self, metric: Metric, samples: CounterSamples) -> Series:
        """The series of one of the two outcomes; which one does not matter to how they scatter."""

    def test(self, metric: Metric, errors: Errors, frozen: Frozen, *, late_faults: bool) -> Comparison:
        """Candidate against stable, by ratio of bad shares or difference of shares."""
        limits = metric.limits()
        goal = metric.role == Role.GOAL
        return Proportion(
            direction(metric),
            acceptable_ratio=None if goal else limits.acceptable.ratio,
            acceptable_difference=None if goal else limits.acceptable.difference,
            margin_ratio=None if goal else limits.margin.ratio,
            margin_difference=None if goal else limits.margin.difference,
            gain_ratio=limits.margin.ratio if goal else None,
            gain_difference=limits.margin.difference if goal else None,
            floor=limits.floor or None,
            alpha=errors.alpha,
            beta=errors.beta,
            dispersion=errors.dispersion,
            late_faults=late_faults,
        )

    def dispersion(self, metric: Metric, past: CounterSamples, version: str, frozen: Frozen) -> Dispersion | None:
        """By the version's processes against each other."""
        total: Sequence[Any] = self.named(metric, past)[self.reference(metric)]
        return estimate_dispersion(self.events(metric, past), total, version=version)

    def observe(
        self, scatter: Heterogeneity, candidate: Counted, stable: Counted, stratum: int, start: float, frozen: Frozen
    ) -> None:
        """Events and totals."""
        scatter.update(start, row(candidate, stratum), row(stable, stratum))

    def limit(self, metric: Metric, stable: float | None) -> float | None:
        """See `worst_allowed`."""
        return None if stable is None else worst_allowed(metric, stable)

    def inside(self, metric: Metric, test: Comparison) -> bool:
        """See `within`."""
        return within(metric, float(test.step_effect), float(test.step_estimates[0]))

    def watch(self, metric: Metric, test: Comparison, errors: Errors) -> AgainstLimit | None:
        """The candidate's share against the worst that could have been promoted, by what is known of stable."""
        share, total = test.estimates[1], test.exposures[1]
        if share is None or not total:
            return None
        return watch_test(metric, float(share), float(total), errors)

    def samples(self, test: Any, place: int = 0) -> tuple[Sample, Sample] | None:  # noqa: ANN401 - the kind's own test
        """An answer counts 1 or 0."""
        if test.estimates[1] is None:
            return None
        both = zip(test.estimates, test.exposures, strict=True)
        (mine, count), (theirs, others) = (tuple(float(np.atleast_1d(one)[place]) for one in side) for side in both)
        return (_of_share(mine, count), _of_share(theirs, others)) if count and others else None

    def text(self, metric: Metric, value: float | None) -> str:
        """In percent."""
        return percent(value)


def _of_share(share: float, count: float) -> Sample:
    return Sample(share, math.sqrt(share * (1 - share)), count)


def direction(metric: Metric) -> Literal["Lower", "Higher"]:
    """Which direction is good, as tests take it."""
    return "Higher" if metric.better == Better.HIGHER else "Lower"


def worst_allowed(metric: Metric, stable: float) -> float:
    """The worst share (as the metric counts it) that may be promoted next to this share of stable; between 0 and 1.

    For a Goal, the least share that counts as the gain.
    """
    limits = metric.limits()
    higher = metric.better == Better.HIGHER
    bad = 1 - stable if higher else stable
    if limits.margin.ratio is not None:
        worst = max(limits.margin.ratio * bad, limits.floor)
    else:
        difference = limits.margin.difference or 0.0
        worst = bad - difference if metric.role == Role.GOAL else bad + difference
    worst = min(1.0, max(0.0, worst))
    return 1 - worst if higher else worst


def within(metric: Metric, effect: float, candidate: float) -> bool:
    """Whether point estimates lie inside the margin (for a Goal: reach the gain).

    Args:
        metric: its limits are asked.
        effect: ratio of bad shares, or difference of the shares as counted; NaN where neither side has a bad answer.
        candidate: the candidate's share as counted.
    """
    limits = metric.limits()
    higher = metric.better == Better.HIGHER
    if limits.margin.ratio is not None:
        bad = 1 - candidate if higher else candidate
        return bad <= limits.floor or math.isnan(effect) or effect <= limits.margin.ratio
    worse = -effect if higher else effect
    difference = limits.margin.difference or 0.0
    return worse <= (-difference if metric.role == Role.GOAL else difference) + 1e-12


def worst_likely(metric: Metric, share: float, effective: float) -> float:
    """The bad end of what a share (as the metric counts it) may be, at 95 %.

    Args:
        metric: says which end is bad.
        share: as it was found.
        effective: answers behind it, divided by the dispersion; above 0.

    Source: E. B. Wilson, "Probable inference, the law of succession, and statistical inference", J. Am. Stat. Assoc. 22
    (1927) 209-212.
    """
    higher = metric.better == Better.HIGHER
    bad = 1 - share if higher else share
    z2 = _UPPER**2 / effective
    upper = (bad + z2 / 2 + math.sqrt(z2 * (bad * (1 - bad) + z2 / 4))) / (1 + z2)
    return 1 - upper if higher else upper


def watch_test(metric: Metric, share: float, total: float, errors: Errors) -> AgainstLimit:
    """The test of a promoted version that has nothing to be compared with any more.

    Its limit is the worst share that could have been promoted next to the upper end of what stable's share may have
    been: an explicitly weaker baseline, for the hour that follows is not the hour that was measured.

    Args:
        metric: its limits are asked.
        share: stable's share as counted.
        total: the answers behind it, above 0.
        errors: those of the comparison.

    """
    limit = worst_allowed(metric, worst_likely(metric, share, total / errors.dispersion))
    return AgainstLimit(
        direction(metric),
        limit=min(1 - 1e-6, max(1e-6, limit)),
        alpha=errors.alpha,
        beta=errors.beta,
        dispersion=errors.dispersion,
        late_faults=True,
    )
