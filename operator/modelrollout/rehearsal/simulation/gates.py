"""Which gates cannot open in time, worked out without chance, and what would open them."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from modelrollout.api import Margin, Metric, ModelRolloutSpec, Role
from modelrollout.decisions.analysis.strata import SETTLE
from modelrollout.rehearsal.power import expected_by, verdict_of
from modelrollout.rehearsal.simulation.plan import Plan
from modelrollout.rehearsal.streams.stream import CannotSimulate, Stream, Verdict

_HALVINGS = 7
_LARGEST_FLOOR = 0.09


@dataclass(frozen=True, slots=True)
class StepGate:
    """Whether a step's samples can come before its deadline.

    Attributes:
        number: of the step, from 1.
        seconds: that the samples take at this rate, about, until they are counted.
        limit: seconds until the deadline.
        rate: smallest rate at which they come in time, requests per second; None where counting alone takes longer.
    """

    number: int
    seconds: float
    limit: float
    rate: float | None

    @property
    def reachable(self) -> bool:
        """Whether they come in time."""
        return self.seconds <= self.limit


@dataclass(frozen=True, slots=True)
class MetricGate:
    """Whether a metric's verdict can come before the last step's deadline.

    Attributes:
        metric: its name.
        verdict: the one that the true values lead to; None where neither can be expected.
        needed: answers of the candidate after which half of the runs have it, about; None for never or unknown.
        available: answers of the candidate until the last deadline, when no step before it is left late.
        seconds: until half of the runs have it, from the first traffic.
        rate: rate at which half of the runs would have it in time; None where it is in time or nothing helps.
        deadline: seconds that the last step needs for it at this rate; None likewise.
        margin: margin with which half of the runs would have it in time; None likewise.
    """

    metric: str
    verdict: Verdict | None
    needed: float | None
    available: float
    seconds: float | None
    rate: float | None = None
    deadline: float | None = None
    margin: Margin | None = None

    @property
    def reachable(self) -> bool:
        """Whether half of the runs have it in time."""
        return self.needed is not None and self.needed <= self.available


def step_gates(plan: Plan) -> tuple[StepGate, ...]:
    """Of all steps, in order."""
    late = _counted_after(plan)
    gates = []
    for place, (samples, weight, limit) in enumerate(zip(plan.samples, plan.weights, plan.limits, strict=True)):
        seconds = float(samples / (weight * plan.traffic.rate)) + (late if samples else 0.0)
        rate = float(samples / (weight * (limit - late))) if limit > late else None
        gates.append(StepGate(place + 1, seconds, float(limit), rate))
    return tuple(gates)


def _counted_after(plan: Plan) -> float:
    """Seconds from an answer until it is counted, on average: its stratum, its settling, the next look.

    Another half of a stratum goes by before the first one begins that lies in the step.
    """
    return plan.grid.width + plan.grid.scrape + SETTLE + plan.interval / 2


def metric_gates(plan: Plan, streams: tuple[Stream, ...]) -> Iterator[MetricGate]:
    """Of all deciding metrics whose need can be worked out."""
    rates = plan.weights * plan.traffic.rate
    earlier = float((plan.holds[:-1] * rates[:-1]).sum())
    for stream in streams:
        if stream.metric.role == Role.MONITOR or not stream.averages:
            continue
        available = earlier + float(plan.limits[-1] * rates[-1])
        verdict = verdict_of(plan.spec, stream, plan.dispersion, float(plan.weights[-1]))
        needed = None if verdict is None else _needed(plan, plan.spec, stream, verdict)
        if needed is None:
            yield MetricGate(stream.metric.name, verdict, None, available, None)
            continue
        seconds = _seconds(plan, needed)
        if needed <= available:
            yield MetricGate(stream.metric.name, verdict, needed, available, seconds)
            continue
        yield MetricGate(
            stream.metric.name,
            verdict,
            needed,
            available,
            seconds,
            rate=plan.traffic.rate * needed / available,
            deadline=(needed - earlier) / float(rates[-1]),
            margin=_wider(plan, stream, available) if verdict == "Pass" else None,
        )


def _seconds(plan: Plan, needed: float) -> float:
    """When so many answers of the candidate are there, if every step is left after its hold."""
    passed = 0.0
    for hold, rate in zip(plan.holds[:-1], plan.weights[:-1] * plan.traffic.rate, strict=True):
        if needed <= hold * rate:
            return passed + needed / float(rate)
        passed, needed = passed + float(hold), needed - float(hold * rate)
    return passed + needed / float(plan.weights[-1] * plan.traffic.rate)


def _needed(plan: Plan, spec: ModelRolloutSpec, stream: Stream, verdict: Verdict) -> float | None:
    return expected_by(spec, stream, plan.dispersion, verdict, float(plan.weights[-1]))


def _wider(plan: Plan, stream: Stream, available: float) -> Margin | None:
    """The smallest margin, to a few percent, with which the metric would be expected to pass in time."""
    metric = stream.metric
    limits = metric.limits() if metric.role == Role.GUARDRAIL and metric.directed else None
    if limits is None:
        return None
    ratio = limits.margin.ratio is not None
    start = (limits.margin.ratio or 0.0) - 1 if ratio else (limits.margin.difference or 0.0)
    floor = limits.floor
    low, high = 1.0, min(16.0, _LARGEST_FLOOR / floor if floor else 16.0)
    if high <= low:
        return None

    def with_margin(factor: float) -> Metric:
        value = start * factor
        margin = Margin(ratio=1 + value, floor=floor * factor) if ratio else Margin(difference=value)
        return metric.model_copy(update={"margin": margin})

    def passes(factor: float) -> bool:
        changed = with_margin(factor)
        try:
            needed = _needed(plan, plan.spec, type(stream)(changed, stream.stable, stream.candidate), "Pass")
        except (ValueError, CannotSimulate):
            return False
        return needed is not None and needed <= available

    if not passes(high):
        return None
    for _ in range(_HALVINGS):
        middle = math.sqrt(low * high)
        low, high = (low, middle) if passes(middle) else (middle, high)
    return with_margin(math.ceil(high * 20) / 20).margin
