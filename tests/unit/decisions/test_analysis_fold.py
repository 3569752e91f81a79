"""One path for live, restart and backtest: chunks of samples, and restarts between them, change nothing."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelrollout.decisions.analysis.looking import fold, initial, judge, next_look, state_from_checkpoint
from modelrollout.decisions.analysis.samples import Samples
from modelrollout.decisions.analysis.state import ComparedState
from tests.unit.decisions.analysis_histories import T0, Pod, cut, folded, gathered, history, question

LENGTH = 120

moments = st.lists(st.integers(1, LENGTH - 1), max_size=12, unique=True).map(sorted)
pods = st.builds(
    lambda late, gone, resets, offset: [
        Pod("v7", "a", offset=offset),
        Pod("v7", "b", start=T0 + late),
        Pod("v8", "c", bad=0.02, end=T0 + gone),
        Pod("v8", "d", resets=resets, start=T0 - 20),
    ],
    st.integers(-250, 100),
    st.integers(20, 200),
    st.lists(st.floats(0, LENGTH), max_size=2).map(sorted).map(tuple),
    st.floats(0, 0.9),
)


@pytest.mark.slow
@settings(max_examples=40)
@given(pods, moments, st.sampled_from(["0s", "30s"]), st.sampled_from([1.0, 2.0, 5.0]), st.booleans())
def test_any_chunks_and_any_restarts_give_the_evidence_of_one_fold(pods, moments, warm_up, scrape, restart):
    asked = question(analysis={"warmUp": warm_up})
    whole = history(pods, LENGTH, scrape)
    at_once = folded(initial(asked), asked, whole, LENGTH)
    state = initial(asked)
    for moment in [*moments, LENGTH]:
        if restart:
            state = state_from_checkpoint(json.loads(json.dumps(state.checkpoint())), asked)
        state = folded(state, asked, whole, moment)
    assert judge(state, asked) == judge(at_once, asked)


@pytest.mark.slow
@settings(max_examples=20)
@given(moments, st.integers(20, 90), st.booleans())
def test_steps_begin_at_the_same_stratum_whatever_the_chunks(moments, step_at, restart):
    first = question(weight=50)
    second = question(weight=500, step=1, step_since=T0 + step_at)
    whole = history([Pod("v7", "a"), Pod("v8", "b", bad=0.03)], LENGTH)
    at_once = folded(folded(initial(first), first, whole, step_at), second, whole, LENGTH)
    state = initial(first)
    for moment in sorted({*moments, step_at, LENGTH}):
        if restart:
            state = state_from_checkpoint(json.loads(json.dumps(state.checkpoint())), first)
        state = folded(state, first if moment <= step_at else second, whole, moment)
    assert judge(state, second) == judge(at_once, second)


def test_folding_leaves_the_old_state_as_it_was():
    asked = question()
    whole = history([Pod("v7", "a"), Pod("v8", "b")], 60)
    before = folded(initial(asked), asked, whole, 30)
    said = judge(before, asked)
    folded(before, asked, whole, 60)
    assert judge(before, asked) == said


def test_the_same_samples_twice_count_once():
    asked = question()
    whole = history([Pod("v7", "a"), Pod("v8", "b")], 60)
    once = folded(initial(asked), asked, whole, 60)
    twice = fold(once, asked, gathered(initial(asked), asked, whole, T0 + 60), T0 + 60)
    assert judge(twice, asked) == judge(once, asked)


def test_a_checkpoint_is_small_json_and_of_a_known_version():
    asked = question()
    state = folded(initial(asked), asked, history([Pod("v7", "a"), Pod("v8", "b")], 60), 60)
    checkpoint = judge(state, asked).checkpoint
    assert checkpoint["v"] == 3
    assert checkpoint["until"] == T0 + 55
    assert len(json.dumps(checkpoint)) < 1800


def test_an_unknown_checkpoint_folds_from_the_beginning_of_the_run_to_the_same_evidence():
    asked = question()
    whole = history([Pod("v7", "a"), Pod("v8", "b")], 60)
    live = folded(initial(asked), asked, whole, 20, 40, 60)
    checkpoint = {**live.checkpoint(), "v": 1}
    again = folded(state_from_checkpoint(checkpoint, asked), asked, whole, 60)
    assert judge(again, asked) == judge(live, asked)


def test_garbage_in_the_checkpoint_is_no_evidence_and_no_crash():
    asked = question()
    live = folded(initial(asked), asked, history([Pod("v7", "a"), Pod("v8", "b")], 60), 60).checkpoint()
    broken = [None, 7, {}, {"v": 1, "run": asked.run}, {**live, "metrics": {"errors": {"test": {"v": 1}}}}]
    for checkpoint in broken:
        assert state_from_checkpoint(checkpoint, asked).metrics["errors"].strata == 0


def test_a_failure_is_remembered_even_if_the_evidence_behind_it_can_no_longer_be_read():
    asked = question()
    whole = history([Pod("v7", "a"), Pod("v8", "b", bad=0.3)], 60)
    checkpoint = folded(initial(asked), asked, whole, 60).checkpoint()
    checkpoint["metrics"]["errors"]["test"]["v"] = 99
    state = folded(state_from_checkpoint(checkpoint, asked), asked, whole, 2)
    assert judge(state, asked).findings[0].verdict == "Fail"


def test_the_checkpoint_of_another_run_is_not_taken_over():
    asked = question()
    state = folded(initial(asked), asked, history([Pod("v7", "a"), Pod("v8", "b")], 60), 60)
    other = question(run="v8-abc-2")
    assert state_from_checkpoint(state.checkpoint(), other).metrics["errors"].strata == 0


def test_a_prometheus_that_lags_closes_strata_late_and_loses_none():
    asked = question()
    whole = history([Pod("v7", "a"), Pod("v8", "b")], 120)
    state = initial(asked)
    for moment in range(5, 121, 5):  # what is asked for at a moment ends 30 s before it
        window = {"errors": cut(gathered(state, asked, whole, T0 + moment).metrics["errors"], 0, T0 + moment - 30)}
        state = fold(state, asked, Samples(T0 + moment, window), T0 + moment)
    metric = state.metrics["errors"]
    assert isinstance(metric, ComparedState)
    assert (metric.lost, metric.until) == (0, T0 + 85)


def test_the_next_look_comes_right_after_the_next_stratum_closes():
    asked = question()
    state = folded(initial(asked), asked, history([Pod("v7", "a"), Pod("v8", "b")], 60), 60)
    assert next_look(state, asked, T0 + 60) == T0 + 62
    assert next_look(state, asked, T0 + 62) == T0 + 67
