"""The reference of a version that serves, and whether it has left it: a pure fold over raw samples.

A look is a stratum of a fixed epoch grid, as wide as the time between two looks. The first looks become the reference,
which then stands in the status and does not move, so that slow changes add up. What came later is kept here alone: who
begins again folds the last looks from Prometheus, and so nothing is written while nothing changes.
"""

import copy
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import numpy as np

from modelrollout.api import Better, Metric, Role
from modelrollout.api.monitoring_status import Reference
from modelrollout.decisions.analysis.samples import CounterSamples, Sample, Samples, Trouble
from modelrollout.decisions.analysis.strata import Grid, Window, close
from modelrollout.decisions.kinds import Kind, kind_of
from modelrollout.decisions.kinds.distribution import DistributionKind
from modelrollout.decisions.kinds.histogram import MOST, by_bound, thinned
from modelrollout.decisions.kinds.shares import ShareKind, direction, worst_allowed, worst_likely
from modelrollout.decisions.kinds.wording import plain
from modelrollout.decisions.monitoring.findings import MonitoringEvidence, MonitoringFinding
from modelrollout.decisions.monitoring.monitored import Monitored
from modelrollout.stats.change import DistributionChange, ShareChange, scatter_of_distributions, scatter_of_shares
from modelrollout.stats.counters import Floats

LOOKS_KEPT = 30
"""Looks that are folded anew at most when somebody begins again: they bound the load, and cost delay alone."""

_GOAL_RATIO, _GOAL_FLOOR = 1.1, 0.002  # a Goal has no margin: so much worse than its reference is no change


@dataclass(frozen=True, slots=True)
class MetricState:
    """What is known of one metric.

    Attributes:
        until: end of the last look that was folded, seconds since the epoch.
        bounds: of the buckets of a distribution, once they are known.
        first: counts of the looks that will be the reference.
        reference: which came of them, or stood in the status.
        change: the evidence since then.
        deviation: what was to be said at the first alarm, empty before.

        trouble: why the last question was not answered, empty when it was.
    """

    until: float | None = None
    bounds: tuple[float, ...] = ()
    first: tuple[Floats, ...] = ()
    reference: Reference | None = None
    change: ShareChange | DistributionChange | None = None
    deviation: str = ""
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class MonitoringState:
    """What is known of all metrics; `run` says of which version, `unreachable` why nobody could be asked last."""

    run: str
    metrics: Mapping[str, MetricState] = field(default_factory=dict)
    unreachable: str = ""


def can_be_monitored(metric: Metric) -> bool:
    """Whether a version's answers alone say how it does."""
    kind = kind_of(metric)
    return isinstance(kind, DistributionKind) or (isinstance(kind, ShareKind) and metric.agreement is None)


def step_of(question: Monitored) -> float:
    """Seconds between two samples that are asked for."""
    return float(max(1, round(question.every / 24)))


def start_of_look(state: MonitoringState, question: Monitored, metric: Metric, at: float) -> float:
    """From when on samples of a metric are needed, seconds since the epoch."""
    known, reference = state.metrics.get(metric.name), question.references.get(metric.name)
    since, kept = question.asked.since, LOOKS_KEPT + question.looks
    if reference is not None:
        since, kept = reference.until.timestamp(), LOOKS_KEPT
    if known is not None and known.until is not None:
        since = known.until
    return max(since, at - kept * question.every)


def fold(state: MonitoringState, question: Monitored, samples: Samples, at: float) -> MonitoringState:
    """Add the looks that the samples complete.

    Args:
        state: so far; it stays as it is.
        question: of the same version.
        samples: what Prometheus said.
        at: the moment up to which it was asked, seconds since the epoch.
    """
    metrics = {}
    for metric in question.metrics:
        sample = samples.metrics.get(metric.name, Trouble("NotAsked", f"{metric.name} was not asked for"))
        known = state.metrics.get(metric.name, MetricState())
        since = start_of_look(state, question, metric, at)
        metrics[metric.name] = _folded(known, metric, question, sample, since, at)
    return MonitoringState(question.run, metrics, samples.unreachable)


def _folded(
    known: MetricState, metric: Metric, question: Monitored, sample: Sample, since: float, at: float
) -> MetricState:
    kind = kind_of(metric)
    if kind is None or not isinstance(sample, CounterSamples):
        return replace(known, trouble=sample.message if isinstance(sample, Trouble) else "it is no counter")
    reference = question.references.get(metric.name) or known.reference
    known = replace(known, reference=reference, bounds=_bounds(kind, reference, known, sample))
    trouble = _unusable(metric, kind, sample, known.bounds)
    if trouble:
        return replace(known, trouble=trouble)
    looks, until = _looks(known, metric, kind, question, sample, since, at)
    if until is not None and not len(looks):
        return replace(known, until=until, trouble="there were no answers in the last look")
    if not len(looks):
        return known
    known = replace(known, until=until, trouble="")
    for end, look in looks:
        known = _with_look(known, metric, kind, question, look, end)
    return known


def _unusable(metric: Metric, kind: Kind, sample: CounterSamples, bounds: tuple[float, ...]) -> str:
    if not any(sample.counters.values()):
        return "Prometheus has no series of it"
    if isinstance(kind, DistributionKind) and not math.isinf(bounds[-1]):
        return "its histogram has no bucket +Inf, so it has no total"
    trouble = kind.unusable(metric, sample, bounds)
    return "" if trouble is None else trouble.message


def _bounds(kind: Kind, reference: Reference | None, known: MetricState, sample: CounterSamples) -> tuple[float, ...]:
    if not isinstance(kind, DistributionKind):
        return ()
    if reference is not None:
        return (*reference.bounds, math.inf)
    return known.bounds or thinned(tuple(by_bound(sample)), MOST)


def _looks(
    known: MetricState, metric: Metric, kind: Kind, question: Monitored, sample: CounterSamples, since: float, at: float
) -> tuple[list[tuple[float, Floats]], float | None]:
    """End and counts of each look that is complete and has answers, and where the last complete one ended."""
    version, grid = question.asked.candidate, Grid(question.every, step_of(question))
    delay = metric.label_delay.total_seconds() if metric.label_delay is not None else 0.0
    counters = kind.named(metric, sample, known.bounds)
    window = Window(kind.reference(metric), version, version, since, at - delay)
    strata = close(counters, grid, window, late=kind.late(metric), delay=delay)
    if strata.checkpoint is None or strata.checkpoint <= since:
        return [], None
    if isinstance(kind, ShareKind) and metric.better == Better.HIGHER and not kind.events(metric, sample):
        return [], strata.checkpoint  # a signal that has died must not look like a model that has
    counted = kind.counted(metric, strata.candidate, known.bounds)
    rows = np.stack(counted, axis=-1) if isinstance(counted, tuple) else counted
    exposures = rows[:, 1] if isinstance(counted, tuple) else rows.sum(axis=1)
    ends = (float(end) for end in strata.ends[exposures > 0])
    return list(zip(ends, rows[exposures > 0], strict=True)), strata.checkpoint


def _with_look(
    known: MetricState, metric: Metric, kind: Kind, question: Monitored, look: Floats, end: float
) -> MetricState:
    if known.reference is None:
        known = replace(known, first=(*known.first, look))
        enough = len(known.first) >= question.looks
        return replace(known, reference=_reference(metric, known, end), first=()) if enough else known
    change = copy.deepcopy(known.change) if known.change is not None else _change(metric, known.reference)
    if isinstance(change, ShareChange):
        change.update(float(look[0]), float(look[1]))
    else:
        change.update(look)
    said = known.deviation
    if not said and change.log_value >= question.alarm:
        said = _deviation(metric, kind, known.reference, change, look)
    return replace(known, change=change, deviation=said)


def _reference(metric: Metric, known: MetricState, until: float) -> Reference:
    looks = np.stack(known.first)
    of_shares = not known.bounds
    scatter = scatter_of_shares(looks[:, 0], looks[:, 1]) if of_shares else scatter_of_distributions(looks)
    return Reference(
        metric=metric.name,
        until=datetime.fromtimestamp(until, UTC),
        dispersion=round(scatter, 4),
        bounds=[bound for bound in known.bounds if math.isfinite(bound)],
        counts=[float(count) for count in looks.sum(axis=0)],
    )


def _change(metric: Metric, reference: Reference) -> ShareChange | DistributionChange:
    if metric.distribution is None:
        return ShareChange(direction(metric), limit=limit_of(metric, reference), dispersion=reference.dispersion)
    return DistributionChange(
        np.array(reference.counts),
        acceptable_distance=metric.distribution.margin.jensen_shannon,
        dispersion=reference.dispersion,
    )


def limit_of(metric: Metric, reference: Reference) -> float:
    """The worst share, as the metric counts it, that is no change: what might be promoted beside the reference."""
    events, total = reference.counts
    worst = worst_likely(metric, events / total, total / reference.dispersion)
    if metric.role == Role.GOAL:
        higher = metric.better == Better.HIGHER
        bad = 1 - worst if higher else worst
        bad = max(_GOAL_RATIO * bad, bad + _GOAL_FLOOR)
        limit = 1 - bad if higher else bad
    else:
        limit = worst_allowed(metric, worst)
    return min(1 - 1e-6, max(1e-6, limit))


def judge(state: MonitoringState, question: Monitored) -> MonitoringEvidence:
    """What the looks so far say."""
    findings = tuple(_finding(state.metrics.get(one.name, MetricState()), one, question) for one in question.metrics)
    return MonitoringEvidence(question.run, findings, state.unreachable)


def _finding(known: MetricState, metric: Metric, question: Monitored) -> MonitoringFinding:
    new = known.reference if metric.name not in question.references else None
    if known.change is None or known.reference is None:
        return MonitoringFinding(metric.name, new, trouble=known.trouble)
    evidence = known.change.log_value / question.alarm
    return MonitoringFinding(metric.name, new, evidence, known.deviation, known.trouble)


def _deviation(
    metric: Metric, kind: Kind, reference: Reference, change: ShareChange | DistributionChange, look: Floats
) -> str:
    if isinstance(change, DistributionChange):
        limit = kind.limit(metric, None)
        return f"{metric.name} lies at a distance of {plain(change.distance)} from its reference, limit {plain(limit)}"
    events, total = reference.counts
    return (
        f"{kind.title(metric, ())} {kind.text(metric, float(look[0] / look[1]))} of {look[1]:,.0f} in the last look, "
        f"limit {kind.text(metric, limit_of(metric, reference))} by a reference of "
        f"{kind.text(metric, events / total)} of {total:,.0f}"
    )
