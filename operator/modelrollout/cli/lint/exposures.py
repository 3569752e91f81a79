"""How many answers a gate needs: asked of the very test that will judge them, fed with good answers only."""

from modelrollout.api import Metric, ModelRolloutSpec, Role
from modelrollout.decisions.analysis.limits import ASSUMED_DISPERSION, dispersion_of
from modelrollout.rehearsal.power import expected_by
from modelrollout.rehearsal.streams.shares import ShareStream
from modelrollout.rehearsal.streams.stream import Value


def all_good(metric: Metric) -> ShareStream | None:
    """Two versions without any bad answer.

    None for goals (which need a difference to see), monitors, and kinds of metrics in which no answer is good by
    itself; `simulate` takes what one expects of those.
    """
    counts_bad = metric.proportion is not None or metric.latency is not None
    if not counts_bad or metric.role is not Role.GUARDRAIL:
        return None
    good = Value(1.0 if metric.better == "Higher" else 0.0)
    return ShareStream(metric, good, good)


def answers_to_pass(spec: ModelRolloutSpec, metric: Metric, weight: int) -> int | None:
    """Answers of the candidate, all good like those of the stable version, after which the metric passes.

    None where there is no such number; see `all_good`.

    Args:
        spec: the plan.
        metric: one of its metrics.
        weight: the candidate's share of the traffic, of 1000, above 0.
    """
    stream = all_good(metric)
    if stream is None:
        return None
    needed = expected_by(spec, stream, dispersion_of(spec) or ASSUMED_DISPERSION, "Pass", weight / 1000)
    return None if needed is None else round(needed)
