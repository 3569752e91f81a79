"""Which test a metric of the spec stands for: its limits, its share of the allowed errors, its dispersion."""

import math
from typing import Literal

from modelrollout.api import AUTO, Metric, ModelRolloutSpec, Role
from modelrollout.stats import AgainstLimit, Proportion

ASSUMED_DISPERSION = 2.0
"""Taken for `dispersion: Auto` where stable's history is too short to measure it."""

_UPPER = 1.645  # standard normal quantile at 95 %


def alpha_of(spec: ModelRolloutSpec, metric: Metric) -> float:
    """The chance of a false Fail that this metric may use up.

    The run's allowance is split in advance over the guardrails that compare versions, so that they keep it together
    (Bonferroni). Goals and monitors never roll back, and thresholds carry no such promise: they take no part.
    """
    if metric.role != Role.GUARDRAIL:
        return spec.analysis.false_rollback
    sharing = sum(1 for one in spec.metrics if one.compared and one.role == Role.GUARDRAIL)
    return spec.analysis.false_rollback / max(1, sharing)


def dispersion_of(spec: ModelRolloutSpec) -> float | None:
    """By what the log evidence is divided, None where that is to be measured."""
    value = spec.analysis.dispersion
    return None if value == AUTO else float(value)


def comparison(spec: ModelRolloutSpec, metric: Metric, phi: float) -> Proportion:
    """The test of a proportion or latency metric, before any data; `phi` is the dispersion.

    Raises:
        ValueError: limits that no test can hold; the message says which.
    """
    limits = metric.limits()
    better: Literal["Lower", "Higher"] = "Higher" if metric.better == "Higher" else "Lower"
    alpha, beta = alpha_of(spec, metric), spec.analysis.false_promotion
    if metric.role == Role.GOAL:
        return Proportion(
            better,
            gain_ratio=limits.margin.ratio,
            gain_difference=limits.margin.difference,
            alpha=alpha,
            beta=beta,
            dispersion=phi,
            late_faults=True,
        )
    return Proportion(
        better,
        acceptable_ratio=limits.acceptable.ratio,
        acceptable_difference=limits.acceptable.difference,
        margin_ratio=limits.margin.ratio,
        margin_difference=limits.margin.difference,
        floor=limits.floor or None,
        alpha=alpha,
        beta=beta,
        dispersion=phi,
        late_faults=True,
    )


def worst_allowed(metric: Metric, stable: float) -> float:
    """The worst share (as the metric counts it) that may be promoted next to this share of stable; between 0 and 1.

    For a Goal, the least share that counts as the gain.
    """
    limits = metric.limits()
    higher = metric.better == "Higher"
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
    higher = metric.better == "Higher"
    if limits.margin.ratio is not None:
        bad = 1 - candidate if higher else candidate
        return bad <= limits.floor or math.isnan(effect) or effect <= limits.margin.ratio
    worse = -effect if higher else effect
    difference = limits.margin.difference or 0.0
    return worse <= (-difference if metric.role == Role.GOAL else difference) + 1e-12


def watch_test(spec: ModelRolloutSpec, metric: Metric, events: float, total: float, phi: float) -> AgainstLimit | None:
    """The test of a promoted version that has nothing to be compared with any more, None without history.

    Its limit is the worst share that could have been promoted next to the upper end of what stable's share may have
    been: an explicitly weaker baseline, for the hour that follows is not the hour that was measured.

    Source of the upper end: E. B. Wilson, "Probable inference, the law of succession, and statistical inference",
    J. Am. Stat. Assoc. 22 (1927) 209-212; the count is divided by the dispersion.
    """
    if total <= 0:
        return None
    higher = metric.better == "Higher"
    effective = total / phi
    share = (total - events if higher else events) / total
    z2 = _UPPER**2 / effective
    upper = (share + z2 / 2 + math.sqrt(z2 * (share * (1 - share) + z2 / 4))) / (1 + z2)
    limit = worst_allowed(metric, 1 - upper if higher else upper)
    return AgainstLimit(
        "Higher" if higher else "Lower",
        limit=min(1 - 1e-6, max(1e-6, limit)),
        alpha=alpha_of(spec, metric),
        beta=spec.analysis.false_promotion,
        dispersion=phi,
        late_faults=True,
    )
