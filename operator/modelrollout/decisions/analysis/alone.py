"""What is known of the stable version by itself: the baseline of a candidate that it never answers beside.

A blue/green run switches all traffic at once. Before that the candidate has no users, afterwards stable has none, so
there is no minute in which the two could be compared. What the watch holds the candidate to is stable's recent history:
the hours before the run and those of the preview, an explicitly weaker baseline.
"""

from dataclasses import replace
from typing import Any

from modelrollout.api import Metric
from modelrollout.api.status import Verdict
from modelrollout.decisions.analysis.limits import ASSUMED_DISPERSION, comparison
from modelrollout.decisions.analysis.samples import CounterSamples
from modelrollout.decisions.analysis.state import ComparedState
from modelrollout.decisions.analysis.strata import Grid, SeriesByName, Window, close
from modelrollout.decisions.findings import Finding
from modelrollout.decisions.kinds import Kind
from modelrollout.decisions.kinds.wording import finite
from modelrollout.decisions.questions import Question
from modelrollout.stats import Strata

_PAST = Grid(width=120.0, scrape=60.0)  # the past is fetched with one sample a minute


def with_history(
    state: ComparedState, metric: Metric, kind: Kind, question: Question, samples: CounterSamples
) -> ComparedState:
    """The state with stable's history before the run, where the samples bring it and it is not there yet."""
    if not question.alone or kind.one_sided or state.baseline is not None:
        return state
    state = replace(state, baseline=fresh(state, metric, question))
    counters = kind.named(metric, samples.past or CounterSamples(), state.frozen or ())
    times = [float(one.times[0]) for one in counters[kind.reference(metric)] if len(one.times)]
    if not times:
        return state
    delay = metric.label_delay.total_seconds() if metric.label_delay is not None else 0.0
    window = Window(kind.reference(metric), question.stable, question.stable, min(times), question.since - delay)
    return fed(state, metric, kind, closed(counters, _PAST, window, metric, kind, delay))


def closed(
    counters: SeriesByName, grid: Grid, window: Window, metric: Metric, kind: Kind, delay: float, warm_up: float = 0.0
) -> Strata:
    """The closed strata of a metric whose outcomes are counted `delay` seconds late."""
    return close(
        counters,
        grid,
        window,
        warm_up=warm_up,
        sums=kind.sums(metric),
        measured=kind.measured(metric),
        late=kind.late(metric),
        delay=delay,
    )


def fresh(state: ComparedState, metric: Metric, question: Question) -> Any:  # noqa: ANN401 - the test of the kind
    """A test that counts stable on both sides. Its evidence means nothing; what it has counted does."""
    return comparison(question.spec, metric, state.dispersion or ASSUMED_DISPERSION, state.frozen or ())


def fed(state: ComparedState, metric: Metric, kind: Kind, strata: Strata) -> ComparedState:
    """The state with these strata of stable added to its baseline."""
    baseline = type(state.baseline).from_state(state.baseline.state())
    counted = kind.counted(metric, strata.stable, state.frozen or ())
    for i in range(len(strata)):
        kind.update(baseline, counted, counted, i, float(strata.starts[i]))
    return replace(state, baseline=baseline)


def judge_preview(metric: Metric, kind: Kind, state: ComparedState, question: Question, finding: Finding) -> Finding:
    """What may be said before the switch: nothing of the candidate, and what it will be held to."""
    title = kind.title(metric, state.frozen or ())
    estimates, exposures = (
        (None, None) if state.baseline is None else (state.baseline.estimates, state.baseline.exposures)
    )
    value = None if estimates is None or estimates[1] is None else finite(estimates[1])
    held = ""
    if value is not None and exposures is not None:
        held = f"; after the switch it is held to {question.stable}'s {kind.text(metric, value)} of {exposures[1]:,.0f}"
    return replace(
        finding,
        verdict=Verdict.INCONCLUSIVE,
        reason="Preview",
        stable=value,
        limit=kind.limit(metric, value),
        stable_count=None if exposures is None or exposures[1] is None else int(exposures[1]),
        message=f"{title}: {question.candidate} has no users' traffic in the preview{held}",
    )
