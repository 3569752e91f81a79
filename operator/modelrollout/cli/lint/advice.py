"""Warnings about a valid spec: gates that cannot open in time, and metrics that cannot mean what they say."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from modelrollout.api import DeadlinePolicy, Metric, ModelRolloutSpec, Requirement, Role, format_duration
from modelrollout.cli.lint.findings import Severity
from modelrollout.cli.lint.metrics import metric_advice
from modelrollout.decisions.steps import PlannedStep, compile_steps


@dataclass(frozen=True, slots=True)
class Advice:
    """A warning, or a note, about one field of the spec."""

    field: str
    message: str
    severity: Severity = Severity.WARNING


def advice(spec: ModelRolloutSpec, requests_per_second: float | None = None) -> Iterator[Advice]:
    """All warnings, in the order of the spec's sections.

    Args:
        spec: a valid spec.
        requests_per_second: traffic of all versions together, when known.
    """
    yield from _versions(spec)
    steps = compile_steps(spec)
    yield from _weights(steps)
    for place, step in enumerate(steps):
        yield from _deadline(spec, step, f"spec.strategy.canary{_place_of_step(spec, place)}")
    yield from _holds(spec, steps)
    for place, metric in enumerate(spec.metrics):
        for field, message in metric_advice(metric):
            yield Advice(f"spec.metrics[{place}]{field}", message)
    yield from _roles(spec)
    if requests_per_second is not None:
        yield from _clock(spec, steps, requests_per_second)
    if not spec.watch:
        yield Advice(
            "spec.watch", "with 0s nobody watches the new version after its promotion, and undo is not offered"
        )
    if spec.paused:
        yield Advice("spec.paused", "nothing moves until this is false again")


def _versions(spec: ModelRolloutSpec) -> Iterator[Advice]:
    if len(spec.versions) == 1:
        yield Advice("spec.versions", "with one version there is nothing to roll out: list the next one too")
    elif spec.initial_stable is not None and spec.initial_stable == spec.target:
        yield Advice("spec.initialStable", "the target is taken as already stable, so no run will start")


def _weights(steps: tuple[PlannedStep, ...]) -> Iterator[Advice]:
    first, last = steps[0].weight, steps[-1].weight
    if first > 250:
        yield Advice(
            "spec.strategy.canary",
            f"the first step already gives {first / 10:g}% of the users to an untried version: begin with 1 to 5",
        )
    if last < 100:
        yield Advice(
            "spec.strategy.canary",
            f"promotion goes from {last / 10:g}% to 100% at once: end with a larger step, for example 50",
        )


def _holds(spec: ModelRolloutSpec, steps: tuple[PlannedStep, ...]) -> Iterator[Advice]:
    """Holds that are too short to learn anything in, or too long to end; one that all steps share is named once."""
    canary = spec.strategy.canary
    shared = canary is not None and canary.steps is None
    for place, step in enumerate(steps[:1] if shared else steps):
        field = f"spec.strategy.canary{'' if shared else _place_of_step(spec, place)}.hold"
        hold, interval = format_duration(step.hold), spec.analysis.interval
        if spec.metrics and step.hold < 2 * interval:
            yield Advice(
                field,
                f"{hold} is shorter than two analysis intervals ({format_duration(2 * interval)}): waiting for fresh "
                "evidence will make the step longer anyway",
            )
        if step.hold >= spec.progress_deadline:
            yield Advice(
                field,
                f"{hold} cannot end: progressDeadline, {format_duration(spec.progress_deadline)}, comes first, and "
                f"then the run {_end(spec)}",
            )


def _deadline(spec: ModelRolloutSpec, step: PlannedStep, field: str) -> Iterator[Advice]:
    """A threshold that must pass needs its checks in a row before the step's deadline."""
    if step.deadline is None or step.require is not Requirement.PASS:
        return
    for metric in spec.metrics:
        if metric.threshold is None or metric.role is Role.MONITOR:
            continue
        least = metric.threshold.consecutive * spec.analysis.interval
        if least > step.deadline:
            yield Advice(
                field,
                f"the {step.weight / 10:g}% step needs Pass of {metric.name}, which takes "
                f"{metric.threshold.consecutive} checks ({format_duration(least)}), but its deadline is "
                f"{format_duration(step.deadline)}: out of reach",
            )


def _place_of_step(spec: ModelRolloutSpec, place: int) -> str:
    canary = spec.strategy.canary
    if canary is None:
        return ""
    if canary.steps is not None:
        return f".steps[{place}]"
    return f".weights[{place}]" if canary.weights is not None else ".increment"


def _roles(spec: ModelRolloutSpec) -> Iterator[Advice]:
    if not spec.metrics:
        yield Advice(
            "spec.metrics", "nothing compares the versions: only restarts, lost traffic and readiness are guarded"
        )
    elif all(metric.role is not Role.GUARDRAIL for metric in spec.metrics):
        yield Advice("spec.metrics", "no metric is a Guardrail: nothing that is measured can take a bad version back")


def _clock(spec: ModelRolloutSpec, steps: tuple[PlannedStep, ...], requests_per_second: float) -> Iterator[Advice]:
    for place, step in enumerate(steps):
        limit = min(step.deadline or spec.progress_deadline, spec.progress_deadline)
        takes = _seconds(step.samples, step, requests_per_second)
        if takes > limit:
            yield Advice(
                f"spec.strategy.canary{_place_of_step(spec, place)}",
                f"{step.samples} samples take {_rounded(takes)} at {step.weight / 10:g}% of {requests_per_second:g} "
                f"requests/s, and the deadline is {format_duration(limit)}: the run {_end(spec)} before that",
            )
    for place, metric in enumerate(spec.metrics):
        yield from _proof(spec, steps, f"spec.metrics[{place}]", metric, requests_per_second)


def _proof(
    spec: ModelRolloutSpec, steps: tuple[PlannedStep, ...], field: str, metric: Metric, requests_per_second: float
) -> Iterator[Advice]:
    """What the last step's Pass of a guardrail takes; evidence of the earlier steps counts too."""
    from modelrollout.cli.lint.exposures import answers_to_pass

    last = steps[-1]
    needed = answers_to_pass(spec, metric, last.weight)
    if needed is None:
        return
    earlier = sum(step.hold.total_seconds() * step.weight / 1000 * requests_per_second for step in steps[:-1])
    takes = _seconds(max(0.0, needed - earlier), last, requests_per_second)
    limit = min(last.deadline or spec.progress_deadline, spec.progress_deadline)
    said = (
        f"{metric.name} needs about {needed:,} good answers of the candidate to pass; "
        f"{'the earlier steps give them' if not takes else f'the last step gives them within {_rounded(takes)}'}"
    )
    if takes > limit:
        rest = f", and the deadline is {format_duration(limit)}: widen the margin, or give it more time or weight"
        yield Advice(field, said + rest)
    else:
        yield Advice(field, said, Severity.NOTE)


def _seconds(answers: float, step: PlannedStep, requests_per_second: float) -> timedelta:
    return timedelta(seconds=answers * 1000 / (step.weight * requests_per_second))


def _rounded(span: timedelta) -> str:
    return format_duration(timedelta(seconds=round(span.total_seconds())))


def _end(spec: ModelRolloutSpec) -> str:
    return "is rolled back" if spec.on_deadline is DeadlinePolicy.ROLLBACK else "waits for a person"
