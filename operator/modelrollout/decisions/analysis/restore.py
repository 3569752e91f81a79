"""Reads the checkpoint that an earlier process left in the resource's status."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from modelrollout.api import Metric
from modelrollout.decisions.analysis.prepare import with_tests
from modelrollout.decisions.analysis.state import VERSION, AnalysisState, ComparedState, MetricState, ThresholdState
from modelrollout.decisions.questions import Question


def restored(checkpoint: object, question: Question, fresh: AnalysisState) -> AnalysisState:
    """The stored state where it can be read and fits the question, `fresh` where not, metric by metric."""
    if not isinstance(checkpoint, Mapping) or checkpoint.get("run") != question.run:
        return fresh
    stored = checkpoint.get("metrics")
    metrics = {
        name: _metric(
            stored.get(name) if isinstance(stored, Mapping) else None,
            one,
            question.spec.metric(name) if checkpoint.get("v") == VERSION else None,
            question,
        )
        for name, one in fresh.metrics.items()
    }
    state = replace(fresh, metrics=metrics)
    try:
        return replace(
            state,
            baseline=str(checkpoint["baseline"]),
            router=str(checkpoint.get("router", "")),
            share=float(checkpoint["share"]),
            weight_since=float(checkpoint["weightSince"]),
        )
    except (KeyError, TypeError, ValueError):
        return state


def _metric(stored: object, fresh: MetricState, metric: Metric | None, question: Question) -> MetricState:
    """One metric's state; `metric` is None where the checkpoint is of another version."""
    if not isinstance(stored, Mapping):
        return fresh
    try:
        if isinstance(fresh, ComparedState) and metric is not None:
            one = ComparedState.from_stored(stored, fresh)
            wanted = with_tests(replace(fresh, frozen=one.frozen, dispersion=one.dispersion), metric, question)
            if _same_tests(one, wanted) and _same_duties(one, fresh) and _fits(one, fresh):
                return one
        if isinstance(fresh, ThresholdState) and metric is not None:
            checks = ThresholdState.from_stored(stored)
            if _config(stored["test"]) == _config(fresh.test.state()):
                return checks
    except (KeyError, TypeError, ValueError, IndexError, AttributeError):
        pass  # a form of another version: folded anew from the run's beginning
    return _only_failures(stored, fresh) if isinstance(fresh, ComparedState) else fresh


def _only_failures(stored: Mapping[str, Any], fresh: ComparedState) -> ComparedState:
    """Nothing but that the metric had failed, and which of its slices."""
    slices, known = fresh.slices, stored.get("slices")
    if slices is not None and isinstance(known, Mapping) and isinstance(known.get("failed"), list):
        slices = replace(slices, failed=tuple(map(str, known["failed"])))
    return replace(fresh, failed=stored.get("failed") is True, slices=slices)


def _same_tests(stored: ComparedState, wanted: ComparedState) -> bool:
    """Whether the stored evidence is that of the limits that the spec has now."""
    pairs = [(stored.test, wanted.test)]
    if stored.slices is not None and wanted.slices is not None:
        pairs.append((stored.slices.test, wanted.slices.test))
    return all(_config(one.state()) == _config(other.state()) for one, other in pairs)


def _same_duties(stored: ComparedState, fresh: ComparedState) -> bool:
    """Whether the metric keeps the same tests beside its own as it did."""
    duties = ("share", "split", "coverage", "slices", "scatter")
    return all((getattr(stored, name) is None) == (getattr(fresh, name) is None) for name in duties)


def _config(state: object) -> object:
    """The limits of a test; its dispersion may have been measured since."""
    config = state.get("config") if isinstance(state, Mapping) else None
    return {key: value for key, value in config.items() if key != "dispersion"} if isinstance(config, Mapping) else None


def _fits(stored: ComparedState, fresh: ComparedState) -> bool:
    """Whether the stored dispersion is the one that the spec now gives, if it gives one."""
    return fresh.dispersion is None or stored.dispersion == fresh.dispersion
