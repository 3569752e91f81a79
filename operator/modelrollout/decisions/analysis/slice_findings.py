"""The slices of a metric that look worst, in numbers."""

from typing import Any

import numpy as np

from modelrollout.api import Metric, Role
from modelrollout.api.status import Verdict
from modelrollout.decisions.analysis.family import Needed
from modelrollout.decisions.analysis.state import ComparedState
from modelrollout.decisions.findings import SliceFinding
from modelrollout.decisions.kinds import Kind
from modelrollout.decisions.kinds.wording import finite
from modelrollout.stats.fixed_horizon import Sample

SHOWN = 3
"""Slices that a finding names; status has no room for more."""


def slice_findings(
    metric: Metric, kind: Kind, state: ComparedState, held_to: Needed, dispersion: float
) -> tuple[SliceFinding, ...]:
    """The worst slices that have enough answers, those that failed first.

    Of a guardrail only those with any evidence for failing; of a goal the others, too: who asks where the candidate is
    better wants to know it of every group.

    Args:
        metric: with slices, or without: then there is nothing to find.
        kind: of the metric.
        state: its evidence.
        held_to: log evidence that a Fail takes.
        dispersion: by which so many answers count as fewer in `samples`.
    """
    slices = state.slices
    if slices is None or metric.slices is None:
        return ()
    test = slices.test
    peaks = np.atleast_1d(slices.judged(metric.slices))
    names, enough = slices.names(len(peaks)), slices.enough(metric.slices)
    shown = enough if metric.role == Role.GOAL else peaks > 0
    needed = np.broadcast_to(held_to.slices.get(metric.name, -np.log(test.alpha)), peaks.shape)
    now = np.where(shown, np.atleast_1d(np.asarray(test.log_e_fail)) / needed, 0.0)
    ranked = sorted(
        (i for i in range(len(peaks)) if names[i] in slices.failed or shown[i]),
        key=lambda i: (names[i] not in slices.failed, -now[i], names[i]),
    )[:SHOWN]
    if not ranked:
        return ()
    candidate, stable = test.estimates
    interval, exposures = test.interval(), test.exposures
    return tuple(
        SliceFinding(
            value=names[i],
            verdict=Verdict.FAIL if names[i] in slices.failed else Verdict.INCONCLUSIVE,
            candidate=_at(candidate, i),
            stable=_at(stable, i),
            effect=_at(interval.estimate, i),
            low=_at(interval.low, i),
            high=_at(interval.high, i),
            effect_kind=test.effect_kind,
            evidence_fail=float(now[i]),
            candidate_count=int(_at(exposures[0], i) or 0),
            stable_count=int(_at(exposures[1], i) or 0),
            samples=effective(kind.samples(test, i), dispersion),
        )
        for i in ranked
    )


def effective(samples: tuple[Sample, Sample] | None, dispersion: float) -> tuple[Sample, Sample] | None:
    """The samples with as many values as would scatter so if they were independent."""
    if samples is None:
        return None
    candidate, stable = (side._replace(size=side.size / dispersion) for side in samples)
    return candidate, stable


def _at(values: Any, place: int) -> float | None:  # noqa: ANN401 - a number or an array, as tests give them
    return None if values is None else finite(np.atleast_1d(values)[place])
