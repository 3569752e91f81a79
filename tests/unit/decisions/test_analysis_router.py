"""A router that counts the versions under other names from some moment on: strata begin anew there."""

import json
from dataclasses import replace

import pytest

from modelrollout.decisions.analysis.looking import fold, initial, judge, state_from_checkpoint
from modelrollout.decisions.analysis.samples import CounterSamples
from modelrollout.decisions.analysis.state import AnalysisState, ComparedState
from modelrollout.decisions.observed import RouterSeries
from modelrollout.decisions.questions import Question
from tests.unit.decisions.analysis_histories import ERRORS, T0, Pod, gathered, history, question

BEFORE = RouterSeries("envoy_cluster_name", {"v7": "one", "v8": "two"})
AFTER = replace(BEFORE, patterns={"v7": "one", "v8": "rule/0/backend/1"})
RENAMED = 52
"""Seconds after the beginning, within a stratum of 5 s."""


def answered(end: float) -> CounterSamples:
    """What is found under the present name of v8: until it was renamed, it went by another one."""
    return history([Pod("v7", "a"), Pod("v8", "b", start=T0 + RENAMED)], end)


def seen(series: str = "cluster") -> tuple[AnalysisState, Question]:
    asked = question({**ERRORS, "series": series}, router=BEFORE)
    whole = history([Pod("v7", "a"), Pod("v8", "b")], RENAMED)
    return fold(initial(asked), asked, gathered(initial(asked), asked, whole, T0 + RENAMED), T0 + RENAMED), asked


def later(state: AnalysisState, asked: Question, *moments: float) -> AnalysisState:
    for at in moments:
        state = fold(state, asked, gathered(state, asked, answered(at), T0 + at), T0 + at)
    return state


def errors(state: AnalysisState) -> ComparedState:
    found = state.metrics["errors"]
    assert isinstance(found, ComparedState)
    return found


@pytest.mark.parametrize("restart", [False, True])
def test_no_stratum_has_one_version_by_its_new_name_and_the_other_alone(restart: bool) -> None:
    state, asked = seen()
    asked = replace(asked, router=AFTER)
    if restart:
        state = state_from_checkpoint(json.loads(json.dumps(state.checkpoint())), asked)
    before = errors(state)
    state = later(state, asked, 58, 75)
    assert errors(state).until == T0 + 70
    assert errors(state).lost == before.lost  # 50 to 55 had v7 alone, and 55 to 60 not all of v8: neither is counted
    assert errors(state).strata == before.strata + 2
    assert not judge(state, asked).traffic_lost


def test_names_that_stay_or_are_not_known_for_a_while_change_nothing() -> None:
    state, asked = seen()
    whole = history([Pod("v7", "a"), Pod("v8", "b")], 80)
    steady = fold(state, asked, gathered(state, asked, whole, T0 + 80), T0 + 80)
    for unknown in (None, RouterSeries("envoy_cluster_name", problem="it keeps sessions")):
        other = replace(asked, router=unknown)
        moved = fold(state, other, gathered(state, other, whole, T0 + 80), T0 + 80)
        assert errors(moved).strata == errors(steady).strata > errors(state).strata


def test_what_the_models_count_does_not_depend_on_the_router() -> None:
    state, asked = seen("pods")
    whole = history([Pod("v7", "a"), Pod("v8", "b")], 80)
    for router in (BEFORE, AFTER):
        now = replace(asked, router=router)
        assert errors(fold(state, now, gathered(state, now, whole, T0 + 80), T0 + 80)).until == T0 + 75
