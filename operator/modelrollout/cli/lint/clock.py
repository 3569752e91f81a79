"""Gates against the clock, with known traffic: what each needs, and what cannot come before its deadline."""

from collections.abc import Iterator
from datetime import timedelta

from modelrollout.api import ModelRolloutSpec, format_duration
from modelrollout.cli.figures import span
from modelrollout.cli.lint.advised import Advice, end_of_run
from modelrollout.cli.lint.exposures import all_good
from modelrollout.cli.lint.findings import Severity
from modelrollout.decisions.strategies import place_of_step
from modelrollout.rehearsal.simulation.gates import MetricGate, metric_gates, step_gates
from modelrollout.rehearsal.simulation.plan import Plan, Traffic, plan_of
from modelrollout.rehearsal.streams.stream import CannotSimulate


def against_traffic(spec: ModelRolloutSpec, requests_per_second: float) -> Iterator[Advice]:
    """What each gate needs, and which one a deadline shuts before it can open, at this traffic."""
    try:
        plan = plan_of(spec, Traffic(rate=requests_per_second))
    except CannotSimulate:  # a preview gets none of it
        return
    for gate, step in zip(step_gates(plan), plan.steps, strict=True):
        if not gate.reachable:
            yield Advice(
                place_of_step(spec, gate.number - 1),
                f"{step.samples} samples take {_rounded(gate.seconds)} at {step.weight / 10:g}% of "
                f"{requests_per_second:g} requests/s, and the deadline is {_rounded(gate.limit)}: the run "
                f"{end_of_run(spec)} before that",
            )
    streams = {place: stream for place, one in enumerate(spec.metrics) if (stream := all_good(one)) is not None}
    for place, found in zip(streams, metric_gates(plan, tuple(streams.values())), strict=True):
        if found.needed is not None:
            yield _proof(plan, found, found.needed, f"spec.metrics[{place}]")


def _proof(plan: Plan, gate: MetricGate, needed: float, field: str) -> Advice:
    """What the last step's Pass of a guardrail takes; evidence of the earlier steps counts too."""
    rates = plan.weights * plan.traffic.rate
    left = needed - float((plan.holds[:-1] * rates[:-1]).sum())
    takes = _rounded(max(0.0, left) / float(rates[-1]))
    said = (
        f"{gate.metric} needs about {needed:,.0f} good answers of the candidate to pass; "
        f"{'the earlier steps give them' if left <= 0 else f'the last step gives them within {takes}'}"
    )
    if gate.reachable:
        return Advice(field, said, Severity.NOTE)
    wider = ""
    if gate.margin is not None:
        value = gate.margin.difference if gate.margin.ratio is None else gate.margin.ratio
        floor = f" with floor {gate.margin.floor:.2g}" if gate.margin.floor else ""
        wider = f" ({'ratio' if gate.margin.ratio is not None else 'difference'} {value:.3g}{floor} would do)"
    rest = f", and the deadline is {_rounded(float(plan.limits[-1]))}: widen the margin{wider}"
    return Advice(field, f"{said}{rest}, or give it more time or weight, or {gate.rate:.3g} requests/s")


def _rounded(seconds: float) -> str:
    return span(seconds) if seconds >= 86400 else format_duration(timedelta(seconds=round(seconds)))
