"""How many answers a gate needs: asked of the very test that will judge them, fed with good answers only."""

import math

from modelrollout.api import Metric, ModelRolloutSpec, Role
from modelrollout.decisions.analysis_limits import ASSUMED_DISPERSION, comparison, dispersion_of

_FIRST, _GROWTH, _MOST = 10.0, 0.03, 10_000_000


def answers_to_pass(spec: ModelRolloutSpec, metric: Metric, weight: int) -> int | None:
    """Answers of the candidate, all good like those of the stable version, after which the metric passes, within 3 %.

    None where there is no such number: goals (which need a difference to see), monitors, and kinds of metrics in which
    no answer is good by itself; `simulate` takes what one expects of those.

    Args:
        spec: the plan.
        metric: one of its metrics.
        weight: the candidate's share of the traffic, of 1000.
    """
    counts_bad = metric.proportion is not None or metric.latency is not None
    if not counts_bad or metric.role is not Role.GUARDRAIL:
        return None
    test, answers = comparison(spec, metric, dispersion_of(spec) or ASSUMED_DISPERSION), 0.0
    needed = -math.log(spec.analysis.false_promotion)
    while answers < _MOST:
        more = max(_FIRST, answers * _GROWTH)
        good = more if metric.better == "Higher" else 0.0
        share = (1000 - weight) / weight
        test.update((good, more), (good * share, more * share))
        answers += more
        if float(test.log_e_pass) >= needed:
            return round(answers)
    return None
