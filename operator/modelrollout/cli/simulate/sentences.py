"""What a simulation is worth saying in words: what cannot happen in time, what would help, and what was assumed."""

from collections.abc import Iterator

from modelrollout.api import Margin, Metric, Role
from modelrollout.cli.figures import count, share, span
from modelrollout.cli.simulate.run import Asked, Done
from modelrollout.decisions.analysis.limits import dispersion_of, planned_slices
from modelrollout.rehearsal.simulation.gates import MetricGate, StepGate
from modelrollout.rehearsal.simulation.rehearsal import MOST_MARGINS
from modelrollout.rehearsal.simulation.runs import Outcome


def warnings(asked: Asked, done: Done) -> Iterator[str]:
    """Gates that cannot open in time, and what would open them."""
    for gate in done.steps:
        if not gate.reachable:
            yield _step(gate, done)
    for one in done.metrics:
        if one.verdict is None:
            yield f"{one.metric}: the candidate lies between the limits, where no amount of data may decide"
        elif one.needed is None and one.verdict == "Pass":
            yield f"{one.metric} can never pass: nothing that it counts shows that the candidate is within its limits"
        elif one.needed is not None and not one.reachable:
            yield _metric(one, done)


def _step(gate: StepGate, done: Done) -> str:
    step = done.plan.steps[gate.number - 1]
    return (
        f"step {gate.number}: {step.samples:,} samples at {share(step.weight)} of {asked_rate(done)} take "
        f"{span(gate.seconds)}, and the deadline is {span(gate.limit)}: it needs {_rate(gate.rate)}, a larger weight, "
        "fewer samples or more time"
    )


def _rate(rate: float | None) -> str:
    if rate is None:
        return "more traffic"
    return f"{rate:.3g} requests/s" if rate < 1000 else f"{rate:,.0f} requests/s"


def _metric(gate: MetricGate, done: Done) -> str:
    what = "pass" if gate.verdict == "Pass" else "fail"
    said = (
        f"{gate.metric} needs about {count(round(gate.needed or 0))} answers of the candidate to {what}, and until the "
        f"last deadline there are {count(round(gate.available))}"
    )
    helps = [_rate(gate.rate) if gate.rate is not None else ""]
    helps.append(f"{span(gate.deadline)} in the last step" if gate.deadline is not None else "")
    helps.append(f"a margin of {_margin(gate.margin)}" if gate.margin is not None else "")
    return f"{said}: half of the runs would have them with " + ", or ".join(filter(None, helps))


def _margin(margin: Margin) -> str:
    if margin.ratio is None:
        return f"difference {margin.difference:.3g}"
    return f"ratio {margin.ratio:.3g}" + (f" and floor {margin.floor:.3g}" if margin.floor else "")


def asked_rate(done: Done) -> str:
    """The traffic in words."""
    return _rate(done.plan.traffic.rate)


def notes(asked: Asked, done: Done) -> Iterator[str]:
    """What was assumed."""
    plan, spec = done.plan, done.plan.spec
    if done.versions.assumed:
        yield f"taken to be typical, and equal on both sides: {', '.join(done.versions.assumed)}"
    if dispersion_of(spec) is None:
        yield (
            f"dispersion {plan.dispersion:g}: the spec has Auto, which the operator measures on stable's history "
            "(--dispersion to set it here)"
        )
    if any(step.approval for step in plan.steps):
        yield "approvals are taken to come at once"
    if planned_slices(spec):
        yield "slices are not simulated: half of the allowed wrong rollbacks is theirs"
    if any(one.kind == "rate" for one in _tested(done)):
        yield "events are counted per request: one unit of exposure each"
    if any(one.mean is not None and one.mean.per is not None for one in _tested(done)):
        yield "every unit of a ratio of sums is taken to have 1 in its denominator"
    for one in done.versions.streams:
        if one.by_strata and asked.power:
            yield (
                f"{one.metric.name} has neither sumOfSquares nor bounds: it learns from the number of scrapes, "
                "whatever the number of answers"
            )
    if done.rehearsal.candidate.outcomes[Outcome.HELD].share:
        yield "a run that is held would go on by itself if evidence came later; here it ends"
    deciding = [one for one in _tested(done) if one.role != Role.MONITOR]
    if asked.errors and len(deciding) > MOST_MARGINS:
        yield f"only the first {MOST_MARGINS} of {len(deciding)} margins were tried"


def _tested(done: Done) -> list[Metric]:
    return [one.metric for one in done.versions.streams]
