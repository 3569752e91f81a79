"""What means and rates have in common: limits on a quantity that is no share, as a ratio or as a difference."""

import math
from typing import Any

from modelrollout.api import Better, Metric, Role
from modelrollout.decisions.kinds.kind import Errors, Kind
from modelrollout.stats import Comparison


class QuantityKind(Kind):
    """A kind that judges a quantity of both versions."""

    no_baseline = "not judged after a promotion, for there is nobody left to compare with; guard it by a threshold"

    def limit(self, metric: Metric, stable: float | None) -> float | None:
        """The worst value that may be promoted; for a Goal, the least that counts as the gain."""
        if stable is None:
            return None
        limits, higher = metric.limits(), metric.better == Better.HIGHER
        ratio, difference = limits.margin.ratio, limits.margin.difference or 0.0
        if ratio is not None:
            return max(stable / ratio if higher else stable * ratio, 0.0 if higher else limits.floor)
        worse = -difference if metric.role == Role.GOAL else difference
        return stable - worse if higher else stable + worse

    def inside(self, metric: Metric, test: Comparison) -> bool:
        """By the step's own effect; without one (nothing happened on either side) nothing is outside."""
        limits, higher = metric.limits(), metric.better == Better.HIGHER
        effect, candidate = float(test.step_effect), float(test.step_estimates[0])
        if math.isnan(effect) or (limits.floor and candidate <= limits.floor):
            return True
        ratio, difference = limits.margin.ratio, limits.margin.difference or 0.0
        if ratio is not None:
            return effect >= (1 - 1e-12) / ratio if higher else effect <= ratio * (1 + 1e-12)
        worse = -effect if higher else effect
        return worse <= (-difference if metric.role == Role.GOAL else difference) + 1e-12 * max(1.0, abs(difference))


def limits_of(metric: Metric, errors: Errors, *, late_faults: bool) -> dict[str, Any]:
    """The arguments that tests of quantities share."""
    limits, goal = metric.limits(), metric.role == Role.GOAL
    zone = {"gain": limits.margin} if goal else {"acceptable": limits.acceptable, "margin": limits.margin}
    return {
        **{f"{name}_ratio": effect.ratio for name, effect in zone.items()},
        **{f"{name}_difference": effect.difference for name, effect in zone.items()},
        "alpha": errors.alpha,
        "beta": errors.beta,
        "dispersion": errors.dispersion,
        "late_faults": late_faults,
    }
