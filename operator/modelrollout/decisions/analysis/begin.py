"""The state of a run of which nothing is known yet: a test for every metric that one can be made of."""

from collections.abc import Mapping
from dataclasses import replace

from modelrollout.api import Metric, ModelRolloutSpec
from modelrollout.decisions.analysis.limits import ASSUMED_DISPERSION, comparison, dispersion_of, slice_comparison
from modelrollout.decisions.analysis.samples import Trouble
from modelrollout.decisions.analysis.slices import SliceState
from modelrollout.decisions.analysis.state import AnalysisState, ComparedState, MetricState, ThresholdState
from modelrollout.decisions.analysis.threshold import threshold_test
from modelrollout.decisions.kinds import kind_of
from modelrollout.decisions.questions import Question
from modelrollout.stats import AnsweredShare, Coverage, SampleRatio
from modelrollout.stats.heterogeneity import Heterogeneity


def initial(question: Question) -> AnalysisState:
    """The state of a run of which nothing is known yet."""
    metrics = {metric.name: _initial(question, metric) for metric in question.spec.metrics}
    for place, (name, counting) in enumerate(_counting_traffic(question.spec, metrics).items()):
        # Where users are split, their requests are not: one user more or less moves them by all of its own.
        tested = place == 0 and not question.spec.strategy.sticky_header
        split = SampleRatio(dispersion=counting.test.dispersion) if tested else None
        metrics[name] = replace(counting, share=AnsweredShare(), split=split)
    return AnalysisState(
        run=question.run,
        baseline=question.baseline,
        share=question.share,
        weight_since=question.step_since,
        metrics=metrics,
    )


def _counting_traffic(spec: ModelRolloutSpec, metrics: Mapping[str, MetricState]) -> dict[str, ComparedState]:
    """The metrics by which answers are counted: those of both versions, a late one only where there is no other."""
    usable = [
        (metric, one)
        for metric in spec.metrics
        if (kind := kind_of(metric)) is not None
        and isinstance(one := metrics[metric.name], ComparedState)
        and kind.counts_answers
        and not kind.one_sided
    ]
    prompt = {metric.name: one for metric, one in usable if metric.label_delay is None}
    return prompt or {metric.name: one for metric, one in usable[:1]}


def _initial(question: Question, metric: Metric) -> MetricState:
    try:
        if metric.threshold is not None:
            return ThresholdState(threshold_test(metric.threshold))
        kind = kind_of(metric)
        if kind is None:
            return Trouble("NotSupported", f"{metric.name} is of a kind that this operator cannot judge")
        phi = dispersion_of(question.spec)
        known = ASSUMED_DISPERSION if phi is None else phi
        test = comparison(question.spec, metric, known)
        slices = None if metric.slices is None else SliceState(slice_comparison(question.spec, metric, known))
        return ComparedState(
            test,
            None if kind.freezes else (),
            dispersion=phi,
            scatter=Heterogeneity() if phi is None else None,
            slices=slices,
            coverage=Coverage(dispersion=known) if kind.covered(metric) else None,
        )
    except ValueError as error:
        return Trouble("InvalidMetric", f"{metric.name} cannot be judged: {error}")
