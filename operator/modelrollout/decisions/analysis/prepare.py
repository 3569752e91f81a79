"""What is settled before the first stratum of a metric: how its counts scatter, what its kind fixes, and its grid."""

from dataclasses import replace

from modelrollout.api import Metric
from modelrollout.decisions.analysis.limits import ASSUMED_DISPERSION, comparison, slice_comparison
from modelrollout.decisions.analysis.samples import CounterSamples, Trouble
from modelrollout.decisions.analysis.state import ComparedState
from modelrollout.decisions.analysis.strata import Grid, grid_of, newest_of
from modelrollout.decisions.kinds import Kind
from modelrollout.decisions.kinds.kind import Series
from modelrollout.decisions.questions import Question
from modelrollout.stats.heterogeneity import Heterogeneity


def noticed(
    state: ComparedState, metric: Metric, kind: Kind, question: Question, counters: dict[str, Series]
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


def _later(one: float | None, other: float | None) -> float | None:
    known = [moment for moment in (one, other) if moment is not None]
    return max(known, default=None)


def prepared(
    state: ComparedState, metric: Metric, kind: Kind, question: Question, samples: CounterSamples
) -> ComparedState:
    """The state with its tests as they stay for the whole run; as it was while the samples say too little for that.

    The dispersion is measured where the samples bring the past, else assumed.
    """
    if state.dispersion is not None and state.frozen is not None:
        return state
    if not any(samples.counters.values()):
        return state
    frozen = state.frozen
    if frozen is None:
        found = kind.freeze(metric, samples, (question.candidate, question.history or question.stable))
        if isinstance(found, Trouble):
            return replace(state, trouble=found)
        if found is None:
            return state
        frozen = found
    phi, measured = state.dispersion, state.measured
    if phi is None:
        scatter = kind.dispersion(metric, samples.past or CounterSamples(), question.history or question.stable, frozen)
        measured = scatter is not None and scatter.reason is None
        phi = scatter.value if scatter is not None else ASSUMED_DISPERSION
    return with_tests(replace(state, frozen=frozen, dispersion=phi, measured=measured), metric, question)


def with_tests(state: ComparedState, metric: Metric, question: Question) -> ComparedState:
    """The same with tests that know nothing yet."""
    phi, frozen = state.dispersion or ASSUMED_DISPERSION, state.frozen or ()
    slices = state.slices
    if slices is not None:
        slices = replace(slices, test=slice_comparison(question.spec, metric, phi, frozen))
    scatter = None if state.scatter is None else Heterogeneity()
    return replace(state, test=comparison(question.spec, metric, phi, frozen), slices=slices, scatter=scatter)


def grid_for(state: ComparedState, question: Question, reference: Series) -> Grid | None:
    """The metric's grid, None while no series has two samples."""
    if state.width is not None:
        return Grid(state.width, state.scrape)
    return grid_of(question.spec.analysis.interval.total_seconds(), reference)
