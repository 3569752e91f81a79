"""Folds raw counters of both versions into the evidence of a metric that tests them."""

import math
from dataclasses import replace

import numpy as np

from modelrollout.api import Metric
from modelrollout.decisions.analysis.alone import closed, fed, with_history
from modelrollout.decisions.analysis.coverage import covered
from modelrollout.decisions.analysis.opening import opening
from modelrollout.decisions.analysis.prepare import grid_for, noticed, prepared
from modelrollout.decisions.analysis.samples import CounterSamples, Trouble
from modelrollout.decisions.analysis.slices import fold_slices
from modelrollout.decisions.analysis.state import ComparedState
from modelrollout.decisions.analysis.strata import Window, any_closed, close, horizon_of
from modelrollout.decisions.analysis.traffic import Weighted, with_share
from modelrollout.decisions.kinds import Kind, kind_of
from modelrollout.decisions.kinds.kind import Errors, row
from modelrollout.decisions.questions import Question
from modelrollout.stats import AgainstLimit, Strata
from modelrollout.stats.heterogeneity import Heterogeneity


def fold_compared(
    state: ComparedState, metric: Metric, question: Question, samples: CounterSamples, at: float, weighted: Weighted
) -> ComparedState:
    """The evidence with every stratum added that is closed by now and was not counted yet."""
    kind = kind_of(metric)
    if kind is None:
        raise ValueError(f"{metric.name} is of a kind that compares nothing")
    reference = kind.reference(metric)
    state = noticed(replace(state, trouble=None), metric, kind, question, kind.named(metric, samples))
    state = prepared(state, metric, kind, question, samples)
    if state.frozen is None or state.trouble is not None:
        return state
    frozen, state = state.frozen, with_history(state, metric, kind, question, samples)
    trouble = kind.unusable(metric, samples, frozen)
    if trouble is not None:
        return replace(state, trouble=trouble)
    counters = kind.named(metric, samples, frozen)
    grid = grid_for(state, question, counters[reference])
    horizon = horizon_of(counters[reference], grid, at) if grid is not None else None
    if grid is None or horizon is None:
        return state
    delay = metric.label_delay.total_seconds() if metric.label_delay is not None else 0.0
    state = replace(state, width=grid.width, scrape=grid.scrape)
    # Where nobody but the candidate answers (after a promotion), or it is judged by itself, it is its own other side,
    # so that its strata close.
    other = question.candidate if question.watching or kind.one_sided else question.stable
    since, opened = question.since if state.until is None else state.until, opening(question, metric)
    # A stratum counts from the last scrape before it.
    first = -math.inf if opened is None else opened + grid.width
    apart = question.audience or horizon - delay < first
    if not apart:
        since = max(since, first)
    window = Window(reference, question.candidate, other, since, horizon - delay)
    if state.until is not None and not question.watching and not any_closed(grid, window):
        return state
    if question.preview or apart:
        strata = closed(counters, grid, replace(window, candidate=question.stable), metric, kind, delay)
        passed = _counted(state, strata)
        if apart:  # left out, as if the run began when everybody's requests came
            return replace(passed, strata=state.strata, lost=state.lost)
        return passed if passed.baseline is None else fed(passed, metric, kind, strata)
    warm_up = question.spec.analysis.warm_up.total_seconds()
    strata = closed(counters, grid, window, metric, kind, delay, warm_up)
    state = _counted(state, strata)
    if question.watching:
        return _watched(state, metric, kind, question, strata)
    if state.share is not None:
        answers = kind.answers(metric)
        of_all = {answers: counters[answers]}
        same = not warm_up and answers == reference
        traffic = strata if same else close(of_all, grid, replace(window, reference=answers))
        state = with_share(state, traffic, answers, weighted)
    return _compared(state, metric, kind, question, strata)


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
    frozen = state.frozen or ()
    test = type(state.test).from_state(state.test.state())
    coverage, usable = covered(state, metric, kind, strata)
    candidate, stable = (kind.counted(metric, side, frozen) for side in (strata.candidate, strata.stable))
    scatter = None if state.scatter is None else Heterogeneity.from_state(state.scatter.state())
    step_since, seen_before, trouble = state.step_since, state.strata > len(strata), state.trouble
    dispersions: list[float] = []
    for i in range(len(strata)):
        start = float(strata.starts[i])
        if step_since != question.step_since and start >= question.step_since:
            if seen_before:
                test.restart(at=question.step_since)
            step_since = question.step_since
        if i < usable:
            try:
                kind.update(test, candidate, stable, i, start)
            except ValueError as error:  # a sum beyond its bounds, say: of no use, here or after a restart
                trouble = Trouble("ImpossibleData", f"{metric.name}: {error}")
            if scatter is not None:
                kind.observe(scatter, candidate, stable, i, start, frozen)
                test.raise_dispersion(float(scatter.raise_to or 1.0))
            dispersions.append(test.dispersion)
        seen_before = True
    exact = kind.identical(metric, strata.candidate)
    if exact is not None:
        state = replace(state, identical=(state.identical or 0.0) + float(np.nansum(exact)))
    state = replace(state, test=test, scatter=scatter, step_since=step_since, trouble=trouble, coverage=coverage)
    if state.slices is None:
        return state
    return replace(state, slices=fold_slices(state.slices, metric, kind, strata, dispersions, frozen))


def _watched(state: ComparedState, metric: Metric, kind: Kind, question: Question, strata: Strata) -> ComparedState:
    """A promoted version alone, against the limit that the former stable version's history gives."""
    if state.watch is None:
        errors = Errors(state.test.alpha, state.test.beta, state.test.dispersion)
        watch = kind.watch(metric, state.test if state.baseline is None else state.baseline, errors)
    else:
        watch = AgainstLimit.from_state(state.watch.state())
    if watch is None:
        return state
    counted = kind.counted(metric, strata.candidate, state.frozen or ())
    for i in range(len(strata)):
        watch.update(row(counted, i), start=float(strata.starts[i]))
    return replace(state, watch=watch, failed=state.failed or watch.verdict == "Fail")
