"""The evidence of a run as a pure fold over raw samples, and the judgement of it.

Live, after a restart of the operator, and over recorded samples it is the same path: `fold` adds the strata that are
closed and not yet counted, `judge` looks at the result. Neither knows what time it is but from the samples.
"""

import hashlib
import math
from dataclasses import replace

from modelrollout.api import Metric, Series
from modelrollout.api.status import Verdict
from modelrollout.decisions.analysis.alone import fresh
from modelrollout.decisions.analysis.begin import initial
from modelrollout.decisions.analysis.compare import fold_compared
from modelrollout.decisions.analysis.family import Needed, decided, needed
from modelrollout.decisions.analysis.findings import judge_compared
from modelrollout.decisions.analysis.prepare import with_tests
from modelrollout.decisions.analysis.restore import restored
from modelrollout.decisions.analysis.samples import CounterSamples, Sample, Samples, Trouble, ValueSample
from modelrollout.decisions.analysis.state import ELSEWHERE, AnalysisState, ComparedState, MetricState, ThresholdState
from modelrollout.decisions.analysis.strata import SETTLE, Grid, start_of_window
from modelrollout.decisions.analysis.threshold import fold_threshold, judge_threshold
from modelrollout.decisions.analysis.traffic import OF_USERS, Weighted, lost, split_of
from modelrollout.decisions.findings import Evidence, Finding
from modelrollout.decisions.kinds import kind_of
from modelrollout.decisions.questions import Question

__all__ = ["fold", "initial", "judge", "next_look", "state_from_checkpoint", "wants_past", "window_start"]


def state_from_checkpoint(checkpoint: object, question: Question) -> AnalysisState:
    """Where folding goes on after a restart.

    What cannot be read (another version, another run, a metric that is another one now) begins anew, and is folded from
    the run's beginning again; only that it had failed is remembered.
    """
    return restored(checkpoint, question, initial(question))


def window_start(state: AnalysisState, question: Question, metric: Metric) -> float:
    """From when on raw samples of a compared metric are needed for the next fold, seconds since the epoch."""
    one = state.metrics.get(metric.name)
    grid = Grid(one.width, one.scrape) if isinstance(one, ComparedState) and one.width is not None else None
    until = one.until if isinstance(one, ComparedState) else None
    analysis = question.spec.analysis
    if isinstance(one, ComparedState) and until is not None and _baseline_changed(state, question):
        until = max(until, question.step_since)
    warm_up, since = analysis.warm_up.total_seconds(), question.since
    if question.opened is not None:  # nothing before it counts
        since, until = max(since, question.opened), None if until is None else max(until, question.opened)
    return start_of_window(grid, until, since, analysis.interval.total_seconds(), warm_up)


def wants_past(state: AnalysisState, question: Question, metric: Metric) -> bool:
    """Whether the counters before the run are needed: how they scatter, where a quantile lies, or as the baseline."""
    one = state.metrics.get(metric.name)
    kind = kind_of(metric)
    if kind is None or not isinstance(one, ComparedState):
        return False
    as_baseline = question.alone and not kind.one_sided and one.baseline is None
    return one.dispersion is None or (kind.history and one.frozen is None) or as_baseline


def fold(state: AnalysisState, question: Question, samples: Samples, until: float) -> AnalysisState:
    """Add what the samples hold beyond what was counted already.

    Args:
        state: the evidence so far; it stays as it is.
        question: of the same run. A later `step_since` begins the step's own counts anew; another `baseline` makes all
            comparisons so far void, and counting goes on from `step_since`. Where the `router` counts the versions
            under other names than before, strata of its series begin anew at `until`. Before it has `arrived` no
            stratum is held against the weight.
        samples: what Prometheus said.
        until: the moment up to which it was asked, seconds since the epoch.
    """
    if state.run != question.run:
        state = initial(question)
    if _baseline_changed(state, question):
        state = _without_comparisons(state, question)
    router = _names(question) or state.router
    if state.router and router != state.router:
        state = _from_now_on(state, question, until)
    share, weight_since = question.share if question.arrived else ELSEWHERE, state.weight_since
    if ELSEWHERE in (share, state.share):
        weight_since = until
    elif share != state.share:
        # A new step says when its weight began; any other change is only known to have come before now.
        weight_since = question.step_since if question.step_since > weight_since else until
    weighted = Weighted(question.share, weight_since, OF_USERS if question.spec.strategy.sticky_header else 1.0)
    metrics = dict(state.metrics)
    for metric in question.spec.metrics:
        known, sample = metrics.get(metric.name), samples.metrics.get(metric.name)
        if known is not None and sample is not None:
            metrics[metric.name] = _folded(known, metric, question, sample, until, weighted)
    metrics = decided(question.spec, metrics)
    return AnalysisState(
        run=question.run,
        baseline=question.baseline or state.baseline,
        router=router,
        share=share,
        weight_since=weight_since,
        at=until,
        unreachable=samples.unreachable,
        metrics=metrics,
    )


def _folded(
    known: MetricState, metric: Metric, question: Question, sample: Sample, until: float, weighted: Weighted
) -> MetricState:
    match known, sample:
        case Trouble(), _:
            return known
        case _, Trouble():
            return replace(known, trouble=sample)
        case ComparedState(), CounterSamples():
            return replace(fold_compared(known, metric, question, sample, until, weighted), hint=sample.hint)
        case ThresholdState(), ValueSample() if metric.threshold is not None:
            return fold_threshold(known, metric.threshold, question, sample, until)
        case _:
            return replace(known, trouble=Trouble("WrongType", f"{metric.name} was answered with another kind of data"))


def _baseline_changed(state: AnalysisState, question: Question) -> bool:
    return bool(state.baseline and question.baseline and state.baseline != question.baseline)


def _without_comparisons(state: AnalysisState, question: Question) -> AnalysisState:
    """The stable version became another one: what was compared with the old one is void. A Fail stays one."""
    metrics = dict(state.metrics)
    for name, old in state.metrics.items():
        metric = question.spec.metric(name)
        if isinstance(old, ComparedState) and metric is not None:
            until = question.step_since if old.until is None else max(old.until, question.step_since)
            kept = replace(old, until=until, seen=(old.seen[0], False), step_since=None, strata=0, lost=0, watch=None)
            changed = with_tests(kept, metric, question)
            if old.baseline is not None:
                changed = replace(changed, baseline=fresh(changed, metric, question))
            metrics[name] = changed
    return replace(state, metrics=metrics)


def _names(question: Question) -> str:
    """Short for the names under which the router counts the two versions, empty where they are not known."""
    router = question.router
    if router is None or router.problem:
        return ""
    names = (router.label, *(router.patterns.get(one, "") for one in (question.candidate, question.stable)))
    return hashlib.sha256("\n".join(names).encode()).hexdigest()[:12]


def _from_now_on(state: AnalysisState, question: Question, now: float) -> AnalysisState:
    """Other series are counted: a stratum in which they changed would have requests of the one and not of the other."""
    metrics = dict(state.metrics)
    for name, old in state.metrics.items():
        metric = question.spec.metric(name)
        if isinstance(old, ComparedState) and metric is not None and metric.series is Series.CLUSTER:
            metrics[name] = replace(old, until=now if old.until is None else max(old.until, now))
    return replace(state, metrics=metrics)


def judge(state: AnalysisState, question: Question) -> Evidence:
    """What the evidence says as of the moment up to which Prometheus was asked last."""
    at = state.at if state.at is not None else -math.inf
    held_to = needed(question.spec, state.metrics)
    findings = tuple(
        _judged(state.metrics.get(metric.name), metric, question, at, held_to) for metric in question.spec.metrics
    )
    compared = [one for one in state.metrics.values() if isinstance(one, ComparedState)]
    counting = next((one for one in compared if one.share is not None), compared[0] if compared else None)
    return Evidence(
        run=question.run,
        step=question.step,
        findings=findings,
        until=state.until,
        answers=_answers(counting, question),
        traffic_lost=() if question.watching else lost(state.metrics),
        split=None if counting is None else split_of(counting),
        unreachable=state.unreachable,
        checkpoint=state.checkpoint(),
    )


def _judged(known: MetricState | None, metric: Metric, question: Question, at: float, held_to: Needed) -> Finding:
    if isinstance(known, ComparedState):
        return _with_hint(judge_compared(metric, known, question, at, held_to), known.hint)
    if isinstance(known, ThresholdState) and metric.threshold is not None:
        return judge_threshold(metric, metric.threshold, known, question, at)
    trouble = known if isinstance(known, Trouble) else Trouble("NotAsked", f"{metric.name} was not asked for yet")
    return Finding(metric.name, metric.role, Verdict.ERROR, trouble.reason, trouble.message)


def _with_hint(finding: Finding, hint: str) -> Finding:
    """A finding that lacks data says why, where somebody knows."""
    if not hint or finding.verdict is not Verdict.INCONCLUSIVE:
        return finding
    reason = "TelemetryProblem" if finding.reason in ("NotYet", "NoData") else finding.reason
    return replace(finding, reason=reason, message=f"{finding.message}; {hint}")


def _answers(state: ComparedState | None, question: Question) -> dict[str, int]:
    if state is None or state.step_since != question.step_since:
        return {}
    candidate, stable = state.test.step_exposures
    return {question.candidate: int(candidate), question.stable: int(stable or 0)}


def next_look(state: AnalysisState, question: Question, now: float) -> float:
    """When asking again can bring something new: just after the next stratum closes, seconds since the epoch.

    At most one analysis interval away; looking earlier does no harm.
    """
    interval = question.spec.analysis.interval.total_seconds()
    closing = [
        _next_close(one.width, one.scrape, now)
        for one in state.metrics.values()
        if isinstance(one, ComparedState) and one.width is not None
    ]
    return min([now + interval, *closing])


def _next_close(width: float, scrape: float, now: float) -> float:
    settle = scrape + SETTLE
    return (math.floor((now - settle) / width + 1e-6) + 1) * width + settle
