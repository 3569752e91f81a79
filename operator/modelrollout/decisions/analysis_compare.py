"""Folds raw counters of both versions into the evidence of a metric that compares them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from modelrollout.api import Metric
from modelrollout.decisions.analysis_limits import comparison, watch_test
from modelrollout.decisions.analysis_samples import CounterSamples
from modelrollout.decisions.analysis_state import ComparedState
from modelrollout.decisions.analysis_strata import Grid, SeriesByName, Window, close, grid_of, horizon_of, newest_of
from modelrollout.decisions.kinds import Kind, kind_of
from modelrollout.decisions.kinds.kind import Counted
from modelrollout.decisions.questions import Question
from modelrollout.stats import AgainstLimit, AnsweredShare, CounterSeries, Proportion, Strata, estimate_dispersion


@dataclass(frozen=True, slots=True)
class Weighted:
    """The candidate's share of the traffic, 0 to 1, and since when it has been that (seconds since the epoch)."""

    weight: float
    since: float


def fold_compared(
    state: ComparedState, metric: Metric, question: Question, samples: CounterSamples, at: float, weighted: Weighted
) -> ComparedState:
    """The evidence with every stratum added that is closed by now and was not counted yet.

    The dispersion is fixed before the first one: measured where the samples bring the past, else assumed.
    """
    kind = kind_of(metric)
    if kind is None:
        raise ValueError(f"{metric.name} is of a kind that compares nothing")
    counters, reference = kind.named(metric, samples), kind.reference(metric)
    state = _noticed(replace(state, trouble=None), metric, kind, question, counters)
    state = _dispersed(state, metric, kind, question, samples)
    grid = _grid(state, question, counters[reference])
    horizon = horizon_of(counters[reference], grid, at) if grid is not None else None
    if grid is None or horizon is None:
        return state
    state = replace(state, width=grid.width, scrape=grid.scrape)
    since = question.since if state.until is None else state.until
    warm_up = question.spec.analysis.warm_up.total_seconds()
    # After a promotion nobody but the candidate answers; it is its own other side then, so that its strata close.
    other = question.candidate if question.watching else question.stable
    when = Window(reference, question.candidate, other, since, horizon)
    strata = close(counters, grid, when, warm_up=warm_up, sums=kind.sums(metric))
    state = _counted(state, strata)
    if question.watching:
        return _watched(state, metric, kind, question, strata)
    if state.share is not None:
        answers = {reference: counters[reference]}
        all_answers = close(answers, grid, when) if warm_up else strata
        state = replace(state, share=_share(state.share, all_answers, reference, weighted))
    return _compared(state, metric, kind, question, strata)


def _noticed(
    state: ComparedState, metric: Metric, kind: Kind, question: Question, counters: SeriesByName
) -> ComparedState:
    """What the samples show beside counts: whose numerator has ever been there, and how new the data are."""
    newest = newest_of(counters[kind.reference(metric)], (question.candidate, question.stable))
    seen = {one.version for one in counters.get(kind.numerator(metric) or "", ())}
    return replace(
        state,
        seen=(state.seen[0] or question.candidate in seen, state.seen[1] or question.stable in seen),
        newest=(
            _later(state.newest[0], newest[question.candidate]),
            _later(state.newest[1], newest[question.stable]),
        ),
    )


def _dispersed(
    state: ComparedState, metric: Metric, kind: Kind, question: Question, samples: CounterSamples
) -> ComparedState:
    if state.dispersion is not None or not kind.named(metric, samples)[kind.reference(metric)]:
        return state
    past = kind.named(metric, samples.past or CounterSamples())
    total = past[kind.reference(metric)]
    events = next(many for name, many in past.items() if name != kind.reference(metric))
    found = estimate_dispersion(events, total, version=question.stable)
    test = comparison(question.spec, metric, found.value)
    return replace(state, test=test, dispersion=found.value, measured=found.reason is None)


def _later(one: float | None, other: float | None) -> float | None:
    known = [moment for moment in (one, other) if moment is not None]
    return max(known, default=None)


def _grid(state: ComparedState, question: Question, reference: Sequence[CounterSeries]) -> Grid | None:
    if state.width is not None:
        return Grid(state.width, state.scrape)
    return grid_of(question.spec.analysis.interval.total_seconds(), reference)


def _counted(state: ComparedState, strata: Strata) -> ComparedState:
    return replace(
        state,
        until=state.until if strata.checkpoint is None else strata.checkpoint,
        strata=state.strata + len(strata),
        lost=state.lost + strata.lost,
    )


def _compared(state: ComparedState, metric: Metric, kind: Kind, question: Question, strata: Strata) -> ComparedState:
    if not len(strata):
        return state
    test = Proportion.from_state(state.test.state())
    candidate, stable = (kind.counted(metric, side) for side in (strata.candidate, strata.stable))
    step_since, seen_before = state.step_since, state.strata > len(strata)
    for i in range(len(strata)):
        start = float(strata.starts[i])
        if step_since != question.step_since and start >= question.step_since:
            if seen_before:
                test.restart(at=question.step_since)
            step_since = question.step_since
        test.update(candidate=_row(candidate, i), stable=_row(stable, i), start=start)
        seen_before = True
    failed = state.failed or test.verdict == "Fail"
    return replace(state, test=test, step_since=step_since, failed=failed)


def _share(share: AnsweredShare, strata: Strata, reference: str, weighted: Weighted) -> AnsweredShare:
    """The answered share with the strata that lie wholly within the present weight."""
    if not len(strata):
        return share
    share = AnsweredShare.from_state(share.state())
    for start, candidate, stable in zip(
        strata.starts, strata.candidate[reference], strata.stable[reference], strict=True
    ):
        share.update(float(candidate), float(stable), weighted.weight if start >= weighted.since else None)
    return share


def _row(counted: Counted, stratum: int) -> Any:  # noqa: ANN401 - as many numbers as the test takes
    return tuple(column[stratum] for column in counted)


def _watched(state: ComparedState, metric: Metric, kind: Kind, question: Question, strata: Strata) -> ComparedState:
    watch = state.watch
    if watch is None:
        events, total = state.test.stable
        watch = watch_test(question.spec, metric, float(events), float(total), state.test.dispersion)
    else:
        watch = AgainstLimit.from_state(watch.state())
    if watch is None:
        return state
    candidate = kind.counted(metric, strata.candidate)
    for i in range(len(strata)):
        watch.update(_row(candidate, i), start=float(strata.starts[i]))
    return replace(state, watch=watch, failed=state.failed or watch.verdict == "Fail")
