"""Many comparisons in one run: which of them fail, so that the run as a whole keeps its promise.

Half of the run's allowance is for the guardrails and half for their slices; within each half Holm's step-down decides
on running maxima of the evidence, so a Fail stays one whatever comes later, and does not depend on when one looks.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from modelrollout.api import ModelRolloutSpec, Role
from modelrollout.decisions.analysis.limits import alpha_of, family_alpha, guardrails, planned_slices
from modelrollout.decisions.analysis.state import ComparedState, MetricState
from modelrollout.stats import StepDown, holm
from modelrollout.stats.counters import Floats


@dataclass(frozen=True, slots=True)
class Needed:
    """Log evidence that a Fail takes at present: of each metric, and of each slice of a metric."""

    metrics: Mapping[str, float] = field(default_factory=dict)
    slices: Mapping[str, Floats] = field(default_factory=dict)


def decided(spec: ModelRolloutSpec, metrics: Mapping[str, MetricState]) -> dict[str, MetricState]:
    """The same states with those marked as failed that fail by now."""
    result = dict(metrics)
    for name, (state, _, failed) in _metrics(spec, metrics).items():
        if failed and not state.failed:
            result[name] = replace(state, failed=True)
    for name, (state, outcome) in _slices(spec, metrics).items():
        before = result[name]
        if state.slices is None or not isinstance(before, ComparedState):
            continue
        names = state.slices.names(len(outcome.needed))
        new = [names[i] for i in np.flatnonzero(outcome.rejected) if names[i] not in state.slices.failed]
        if new:
            result[name] = replace(before, slices=replace(state.slices, failed=(*state.slices.failed, *new)))
    return result


def needed(spec: ModelRolloutSpec, metrics: Mapping[str, MetricState]) -> Needed:
    """What each comparison is held to."""
    return Needed(
        {name: bound for name, (_, bound, _) in _metrics(spec, metrics).items()},
        {name: outcome.needed for name, (_, outcome) in _slices(spec, metrics).items()},
    )


def _metrics(
    spec: ModelRolloutSpec, metrics: Mapping[str, MetricState]
) -> dict[str, tuple[ComparedState, float, bool]]:
    """By name: state, log evidence needed, and whether it is there."""
    found: dict[str, tuple[ComparedState, float, bool]] = {}
    compared = {name: one for name, one in metrics.items() if isinstance(one, ComparedState)}
    family = [one.name for one in guardrails(spec) if one.name in compared]
    if family:
        peaks = [float(compared[name].test.peak_log_e_fail) for name in family]
        outcome = holm(peaks, family_alpha(spec), planned=len(guardrails(spec)))
        for i, name in enumerate(family):
            found[name] = (compared[name], float(outcome.needed[i]), bool(outcome.rejected[i]))
    for metric in spec.metrics:
        if metric.name in compared and metric.role != Role.GUARDRAIL:
            state, bound = compared[metric.name], -math.log(alpha_of(spec, metric))
            found[metric.name] = (state, bound, float(state.test.peak_log_e_fail) >= bound)
    return found


def _slices(spec: ModelRolloutSpec, metrics: Mapping[str, MetricState]) -> dict[str, tuple[ComparedState, StepDown]]:
    """By name, guardrails with slices: state, and what the step-down makes of its part of the family."""
    members = [
        (one.name, state, state.slices.judged(one.slices))
        for one in guardrails(spec)
        if one.slices is not None
        and isinstance(state := metrics.get(one.name), ComparedState)
        and state.slices is not None
    ]
    if not members:
        return {}
    outcome = holm(
        np.concatenate([np.atleast_1d(peaks) for _, _, peaks in members]),
        family_alpha(spec),
        planned=planned_slices(spec),
    )
    found, at = {}, 0
    for name, state, peaks in members:
        part = slice(at, at + np.size(peaks))
        found[name] = (state, StepDown(outcome.rejected[part], outcome.needed[part]))
        at = part.stop
    return found
