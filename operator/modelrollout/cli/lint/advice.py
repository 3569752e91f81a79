"""Warnings about a valid spec: gates that cannot open in time, and metrics that cannot mean what they say."""

from collections.abc import Iterator, Sequence
from datetime import timedelta

from modelrollout.api import (
    Metric,
    ModelRollout,
    ModelRolloutSpec,
    ObjectMeta,
    Requirement,
    Role,
    Series,
    format_duration,
)
from modelrollout.api.values import in_words
from modelrollout.cli.lint.advised import Advice, end_of_run
from modelrollout.cli.lint.findings import Severity
from modelrollout.cli.lint.metrics import metric_advice
from modelrollout.decisions.analysis.strata import SETTLE
from modelrollout.decisions.steps import PlannedStep
from modelrollout.decisions.strategies import compile_steps, hold_place_of, place_of_step


def advice(spec: ModelRolloutSpec, requests_per_second: float | None = None) -> Iterator[Advice]:
    """All warnings, in the order of the spec's sections.

    Args:
        spec: a valid spec.
        requests_per_second: traffic of all versions together, when known.
    """
    yield from _versions(spec)
    steps = compile_steps(spec)
    if not spec.strategy.experiment:
        yield from _weights(
            f"spec.strategy.{spec.strategy.name}", [step.weight for step in steps if step.weight and not step.audience]
        )
    for place, step in enumerate(steps):
        yield from _deadline(spec, step, place_of_step(spec, place))
    yield from _holds(spec, steps)
    yield from _baseline(spec, steps)
    yield from _judged_nowhere(spec, steps)
    for place, metric in enumerate(spec.metrics):
        for field, message in metric_advice(metric):
            yield Advice(f"spec.metrics[{place}]{field}", message)
        if metric.series is Series.CLUSTER and not _counted_by_router(spec):
            yield Advice(
                f"spec.metrics[{place}].series",
                "what shifts the traffic counts nothing, so there is no data: let the models count (series: pods)",
            )
        if metric.gain is not None and (metric.gain.ratio == 1 or metric.gain.difference == 0):
            yield Advice(
                f"spec.metrics[{place}].gain",
                "any gain at all is asked for: the smaller it is, the longer its proof takes, and an equally good "
                f"candidate never has one: its run {end_of_run(spec)}",
                Severity.NOTE,
            )
    yield from _users(spec)
    yield from _roles(spec)
    if requests_per_second is not None:
        from modelrollout.cli.lint.clock import against_traffic

        yield from against_traffic(spec, requests_per_second)
    if not spec.watch:
        yield Advice(
            "spec.watch", "with 0s nobody watches the new version after its promotion, and undo is not offered"
        )
    if spec.paused:
        yield Advice("spec.paused", "nothing moves until this is false again")


def _counted_by_router(spec: ModelRolloutSpec) -> bool:
    from modelrollout.routers import series_of

    return series_of(ModelRollout(metadata=ObjectMeta(name="any", namespace="any"), spec=spec)) is not None


def _versions(spec: ModelRolloutSpec) -> Iterator[Advice]:
    if len(spec.versions) == 1:
        yield Advice("spec.versions", "with one version there is nothing to roll out: list the next one too")
    elif spec.initial_stable is not None and spec.initial_stable == spec.target:
        yield Advice("spec.initialStable", "the target is taken as already stable, so no run will start")


def _weights(field: str, weights: Sequence[int]) -> Iterator[Advice]:
    if not weights:
        return
    first, last = weights[0], weights[-1]
    if first > 250:
        yield Advice(
            field,
            f"the first step already gives {first / 10:g}% of the users to an untried version: begin with 1 to 5",
        )
    if last < 100:
        yield Advice(
            field,
            f"promotion goes from {last / 10:g}% to 100% at once: end with a larger step, for example 50",
        )


def _holds(spec: ModelRolloutSpec, steps: tuple[PlannedStep, ...]) -> Iterator[Advice]:
    """Holds that are too short to learn anything in, or too long to end; one that all steps share is named once."""
    named: set[str] = set()
    for place, step in enumerate(steps):
        field = hold_place_of(spec, place)
        if field in named:
            continue
        named.add(field)
        hold, interval = format_duration(step.hold), spec.analysis.interval
        judged = not step.audience and any(_gathered_in(step, metric) for metric in spec.metrics)
        if judged and step.hold < 2 * interval:
            yield Advice(
                field,
                f"{hold} is shorter than two analysis intervals ({format_duration(2 * interval)}): waiting for fresh "
                "evidence will make the step longer anyway",
            )
        # An experiment has a planned end of its own.
        if step.hold >= spec.progress_deadline and not spec.strategy.experiment:
            yield Advice(
                field,
                f"{hold} cannot end: progressDeadline, {format_duration(spec.progress_deadline)}, comes first, and "
                f"then the run {end_of_run(spec)}",
            )


def _gathered_in(step: PlannedStep, metric: Metric) -> bool:
    """Whether evidence by that metric can come in the step: in a preview by a threshold alone."""
    return metric.threshold is not None or not step.preview


def _baseline(spec: ModelRolloutSpec, steps: tuple[PlannedStep, ...]) -> Iterator[Advice]:
    """A watch whose guardrails may have nothing to hold the candidate to: it never answers beside stable."""
    if not spec.watch or not all(step.preview for step in steps):
        return
    least = _certainly_counted(spec)
    held = [one.name for one in spec.metrics if one.role is Role.GUARDRAIL and _share(one)]
    if held and sum((step.hold for step in steps), timedelta()) < least:
        yield Advice(
            hold_place_of(spec, 0),
            f"{format_duration(steps[0].hold)} may be too short to count what stable answers in the preview, and then "
            "the watch holds the candidate to stable's past alone; where stable began to serve a moment ago there is "
            "none, and "
            f"{in_words(held)} can take nothing back: hold for {format_duration(least)} or longer",
        )


def _judged_nowhere(spec: ModelRolloutSpec, steps: tuple[PlannedStep, ...]) -> Iterator[Advice]:
    """Metrics that compare two versions which never answer side by side, and can be held to no past either."""
    if not all(step.preview for step in steps):
        return
    for place, metric in enumerate(spec.metrics):
        if metric.threshold is None and metric.role is not Role.MONITOR and not _share(metric):
            yield Advice(
                f"spec.metrics[{place}]",
                f"{metric.name} is judged nowhere: the candidate never answers beside stable, and only shares "
                "(proportion, latency) are held to the past: guard it by a threshold, or compare the versions in a "
                "canary or a shadow first",
            )


def _share(metric: Metric) -> bool:
    """Whether a version that is alone is held to what the one before it showed."""
    return metric.proportion is not None or metric.latency is not None


def _until_counted(spec: ModelRolloutSpec) -> timedelta:
    """How long it takes until any answer is counted: its stratum is two intervals, and it has to settle."""
    return 3 * spec.analysis.interval


def _certainly_counted(spec: ModelRolloutSpec) -> timedelta:
    """How long it takes at most until something is: the stratum has to begin, too, and it has to be looked at."""
    return 2 * _until_counted(spec) + timedelta(seconds=SETTLE)


def _deadline(spec: ModelRolloutSpec, step: PlannedStep, field: str) -> Iterator[Advice]:
    """Deadlines that another one makes void, and those before which nothing can be counted or checked."""
    if step.deadline is None:
        return
    written = format_duration(step.deadline)
    if step.deadline > spec.progress_deadline:
        yield Advice(
            field,
            f"its deadline of {written} has no effect: progressDeadline, {format_duration(spec.progress_deadline)}, "
            "comes first",
        )
    counts = any(metric.threshold is None for metric in spec.metrics)
    least = _until_counted(spec)
    if counts and step.samples and step.deadline < least:
        yield Advice(
            field,
            f"its deadline of {written} is over before any of the step's answers can be counted, which takes more than "
            f"{format_duration(least)}: the run {end_of_run(spec)}",
        )
    for metric in spec.metrics:
        if metric.threshold is None or metric.role is Role.MONITOR or step.require is not Requirement.PASS:
            continue
        needed = metric.threshold.consecutive * spec.analysis.interval
        if needed > step.deadline:
            yield Advice(
                field,
                f"the {step.weight / 10:g}% step needs Pass of {metric.name}, which takes "
                f"{metric.threshold.consecutive} checks ({format_duration(needed)}), but its deadline is "
                f"{written}: out of reach",
            )


def _users(spec: ModelRolloutSpec) -> Iterator[Advice]:
    """What does not go together with users who are kept on one version."""
    header = spec.strategy.sticky_header
    if not header:
        return
    for place, metric in enumerate(spec.metrics):
        if metric.compared and metric.mean is None:
            yield Advice(
                f"spec.metrics[{place}]",
                "users are split, and this counts their requests as if each were split by itself: versions that are "
                "equal may fail; use mean with sums over users, or be sure that a user brings one request or two",
            )
    unit = spec.telemetry.unit if spec.telemetry is not None else None
    if unit is not None and (unit.header or "").lower() != header.lower():
        yield Advice(
            "spec.telemetry.unit",
            f"users are kept by {header}, and the collector adds up by something else: its users are split, too",
        )


def _roles(spec: ModelRolloutSpec) -> Iterator[Advice]:
    if not spec.metrics:
        yield Advice(
            "spec.metrics", "nothing compares the versions: only restarts, lost traffic and readiness are guarded"
        )
    elif all(metric.role is not Role.GUARDRAIL for metric in spec.metrics):
        yield Advice("spec.metrics", "no metric is a Guardrail: nothing that is measured can take a bad version back")
