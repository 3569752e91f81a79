"""Which test a metric of the spec stands for, and its share of the allowed errors."""

from typing import Any

from modelrollout.api import AUTO, Metric, ModelRolloutSpec, Role
from modelrollout.decisions.kinds import kind_of
from modelrollout.decisions.kinds.kind import Errors, Frozen
from modelrollout.decisions.kinds.shares import within, worst_allowed

__all__ = [
    "ASSUMED_DISPERSION",
    "alpha_of",
    "comparison",
    "dispersion_of",
    "family_alpha",
    "planned_slices",
    "slice_comparison",
    "within",
    "worst_allowed",
]

ASSUMED_DISPERSION = 2.0
"""Taken for `dispersion: Auto` where stable's history is too short to measure it."""


def guardrails(spec: ModelRolloutSpec) -> tuple[Metric, ...]:
    """The guardrails that are tested; thresholds carry no such promise and take no part."""
    return tuple(one for one in spec.metrics if one.role == Role.GUARDRAIL and kind_of(one) is not None)


def planned_slices(spec: ModelRolloutSpec) -> int:
    """How many slices of guardrails may come to be judged, those counted together as other among them."""
    return sum(one.slices.max_values + 1 for one in guardrails(spec) if one.slices is not None)


def family_alpha(spec: ModelRolloutSpec) -> float:
    """The part of the run's allowance that all guardrails have together, and all slices have once more.

    It is split in advance, half and half; without slices the guardrails have all of it.
    """
    return spec.analysis.false_rollback / (2 if planned_slices(spec) else 1)


def alpha_of(spec: ModelRolloutSpec, metric: Metric) -> float:
    """The chance of a false Fail that this metric by itself may use up.

    The guardrails share theirs, so that they keep it together; more of it is left to the others when one of them has
    failed (see `family`). Goals and monitors never roll back: each has the whole allowance.
    """
    if metric.role != Role.GUARDRAIL:
        return spec.analysis.false_rollback
    return family_alpha(spec) / max(1, len(guardrails(spec)))


def dispersion_of(spec: ModelRolloutSpec) -> float | None:
    """By what the log evidence is divided, None where that is to be measured."""
    value = spec.analysis.dispersion
    return None if value == AUTO else float(value)


def comparison(spec: ModelRolloutSpec, metric: Metric, phi: float, frozen: Frozen = ()) -> Any:  # noqa: ANN401
    """The test of a metric before any data: a `TwoSided`, or a `OneSided` where only the candidate is counted.

    Args:
        spec: the run's plan.
        metric: one that compares.
        phi: the dispersion.
        frozen: what was fixed before the first stratum.

    Raises:
        ValueError: limits that no test can hold, or a metric that compares nothing; the message says which.
    """
    return _test(metric, Errors(alpha_of(spec, metric), spec.analysis.false_promotion, phi), frozen, late_faults=True)


def slice_comparison(spec: ModelRolloutSpec, metric: Metric, phi: float, frozen: Frozen = ()) -> Any:  # noqa: ANN401
    """The same for all slices of a metric at once, without restarts for late faults.

    Raises:
        ValueError: as `comparison`.
    """
    shared = metric.role == Role.GUARDRAIL and planned_slices(spec)
    most = metric.slices.max_values + 1 if metric.slices is not None else 1
    alpha = family_alpha(spec) / shared if shared else spec.analysis.false_rollback / most
    return _test(metric, Errors(alpha, spec.analysis.false_promotion, phi), frozen, late_faults=False)


def _test(metric: Metric, errors: Errors, frozen: Frozen, *, late_faults: bool) -> Any:  # noqa: ANN401
    kind = kind_of(metric)
    if kind is None:
        raise ValueError(f"{metric.name} is of a kind that compares nothing")
    return kind.test(metric, errors, frozen, late_faults=late_faults)
