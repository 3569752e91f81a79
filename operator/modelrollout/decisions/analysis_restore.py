"""Reads the checkpoint that an earlier process left in the resource's status."""

from collections.abc import Mapping
from dataclasses import replace

from modelrollout.decisions.analysis_state import VERSION, AnalysisState, ComparedState, MetricState, ThresholdState
from modelrollout.decisions.questions import Question


def restored(checkpoint: object, question: Question, fresh: AnalysisState) -> AnalysisState:
    """The stored state where it can be read and fits the question, `fresh` where not, metric by metric."""
    if not isinstance(checkpoint, Mapping) or checkpoint.get("run") != question.run:
        return fresh
    stored = checkpoint.get("metrics")
    metrics = {
        name: _metric(stored.get(name) if isinstance(stored, Mapping) else None, one, checkpoint.get("v") == VERSION)
        for name, one in fresh.metrics.items()
    }
    state = replace(fresh, metrics=metrics)
    try:
        return replace(
            state,
            baseline=str(checkpoint["baseline"]),
            weight=int(checkpoint["weight"]),
            weight_since=float(checkpoint["weightSince"]),
        )
    except (KeyError, TypeError, ValueError):
        return state


def _metric(stored: object, fresh: MetricState, known_version: bool) -> MetricState:
    if not isinstance(stored, Mapping):
        return fresh
    try:
        if isinstance(fresh, ComparedState) and known_version:
            one = ComparedState.from_stored(stored)
            same = _config(stored["test"]) == _config(fresh.test.state())
            if same and (one.share is None) == (fresh.share is None) and _fits(one, fresh):
                return one
        if isinstance(fresh, ThresholdState) and known_version:
            checks = ThresholdState.from_stored(stored)
            if _config(stored["test"]) == _config(fresh.test.state()):
                return checks
    except (KeyError, TypeError, ValueError, IndexError, AttributeError):
        pass  # a form of another version: folded anew from the run's beginning
    failed = stored.get("failed") is True
    return replace(fresh, failed=failed) if isinstance(fresh, ComparedState) else fresh


def _config(state: object) -> object:
    """The limits of a test; its dispersion may have been measured since."""
    config = state.get("config") if isinstance(state, Mapping) else None
    return {key: value for key, value in config.items() if key != "dispersion"} if isinstance(config, Mapping) else None


def _fits(stored: ComparedState, fresh: ComparedState) -> bool:
    """Whether the stored dispersion is the one that the spec now gives, if it gives one."""
    return fresh.dispersion is None or stored.dispersion == fresh.dispersion
