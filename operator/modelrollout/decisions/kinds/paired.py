"""Paired truth: of requests that both versions answered, those on which only one of them was wrong."""

from collections.abc import Mapping

import numpy as np

from modelrollout.api import Metric, PairedMetric, Role
from modelrollout.decisions.findings import Finding
from modelrollout.decisions.kinds.kind import Counted, Errors, Frozen, Kind, WantedCounter, limit_word
from modelrollout.decisions.kinds.shares import within, worst_allowed
from modelrollout.decisions.kinds.wording import percent
from modelrollout.stats import Comparison, PairedProportion
from modelrollout.stats.counters import Floats

CANDIDATE, STABLE, TOTAL = "onlyCandidateWrong", "onlyStableWrong", "total"


class PairedKind(Kind):
    """`paired`: pairs in which only the candidate was wrong, in which only stable was, and all pairs.

    Pairs on which both were right, or both wrong, say nothing about which is better: the others decide, which takes far
    fewer requests than two separate samples would.
    """

    one_sided = True
    no_baseline = "not judged after a promotion, for nobody answers the same requests any more"

    def wanted(self, metric: Metric) -> tuple[WantedCounter, ...]:
        """The two kinds of discordant pairs, and all pairs."""
        of = _of(metric)
        return (
            WantedCounter(CANDIDATE, of.only_candidate_wrong),
            WantedCounter(STABLE, of.only_stable_wrong),
            WantedCounter(TOTAL, of.total),
        )

    def reference(self, metric: Metric) -> str:
        """All pairs."""
        return TOTAL

    def counted(self, metric: Metric, columns: Mapping[str, Floats], frozen: Frozen) -> Counted:
        """(only the candidate wrong, only stable wrong, all)."""
        ours, theirs = columns[CANDIDATE], columns[STABLE]
        # counters of one instant can be a pair apart in a busy process
        return ours, theirs, np.maximum(columns[TOTAL], ours + theirs)

    def test(self, metric: Metric, errors: Errors, frozen: Frozen, *, late_faults: bool) -> Comparison:
        """By the ratio of discordant pairs."""
        limits, goal = metric.limits(), metric.role == Role.GOAL
        return PairedProportion(
            acceptable_ratio=None if goal else limits.acceptable.ratio,
            margin_ratio=None if goal else limits.margin.ratio,
            gain_ratio=limits.margin.ratio if goal else None,
            floor=limits.floor or None,
            alpha=errors.alpha,
            beta=errors.beta,
            dispersion=errors.dispersion,
            late_faults=late_faults,
        )

    def limit(self, metric: Metric, stable: float | None) -> float | None:
        """The worst share of pairs in which only the candidate may be wrong."""
        return None if stable is None else worst_allowed(metric, stable)

    def inside(self, metric: Metric, test: Comparison) -> bool:
        """By the step's own pairs."""
        return within(metric, float(test.step_effect), float(test.step_estimates[0]))

    def text(self, metric: Metric, value: float | None) -> str:
        """In percent."""
        return percent(value)

    def sentence(self, metric: Metric, finding: Finding, stable: str, frozen: Frozen) -> str:
        """Who alone was wrong how often."""
        mine, theirs = percent(finding.candidate), percent(finding.stable)
        limit = "" if finding.limit is None else f", {limit_word(metric)} {percent(finding.limit)}"
        pairs = f"{finding.candidate_count or 0:,} pairs"
        return f"{metric.name}: it alone was wrong in {mine} of {pairs}, {stable} alone in {theirs}{limit}"


def _of(metric: Metric) -> PairedMetric:
    if metric.paired is None:
        raise ValueError(f"{metric.name} compares no pairs")
    return metric.paired
