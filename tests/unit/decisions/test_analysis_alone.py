"""Evidence of a blue/green run: two versions that never answer side by side."""

from dataclasses import replace

import pytest

from modelrollout.decisions.analysis.looking import fold, initial, judge, state_from_checkpoint
from modelrollout.decisions.analysis.samples import CounterSamples, Samples
from modelrollout.decisions.analysis.state import AnalysisState
from modelrollout.decisions.questions import Question
from tests.unit.decisions.analysis_histories import T0, Pod, cut, gathered, history, question

SWITCH = 120.0


def asked(*, watching: bool) -> Question:
    """About v8 in its preview until the switch, and alone after it."""
    return question(alone=True, preview=not watching, weight=1000 if watching else 0, watching=watching)


def told(bad: float) -> CounterSamples:
    """v7 with 1 % of errors until the switch, then v8 with that share."""
    old = [Pod("v7", f"a{number}", bad=0.01, end=T0 + SWITCH) for number in range(2)]
    new = [Pod("v8", f"b{number}", bad=bad, start=T0 + SWITCH) for number in range(2)]
    return history([*old, *new], 600)


def looked(state: AnalysisState, question: Question, whole: CounterSamples, at: float, *, past: bool) -> AnalysisState:
    found = gathered(state, question, whole, T0 + at)
    if past:
        before = cut(whole, T0 - 9000, T0)
        found = Samples(found.at, {name: replace(one, past=before) for name, one in found.metrics.items()})
    return fold(state, question, found, T0 + at)


def watched(bad: float, *, preview: bool = True, past: bool = True) -> tuple[AnalysisState, Question]:
    """The state ten minutes after the run began."""
    whole, now = told(bad), asked(watching=False)
    state = initial(now)
    if preview:
        for at in range(5, int(SWITCH), 5):
            state = looked(state, now, whole, at, past=past and state.metrics["errors"].baseline is None)
    now = asked(watching=True)
    for at in range(int(SWITCH) + 5, 600, 5):
        state = looked(state, now, whole, at, past=past and state.metrics["errors"].baseline is None)
    return state, now


def test_in_the_preview_nothing_is_said_of_the_candidate_and_stable_is_counted() -> None:
    whole, now = told(0.01), asked(watching=False)
    state = initial(now)
    for at in range(5, 60, 5):
        state = looked(state, now, whole, at, past=False)
    said = judge(state, now).findings[0]
    assert (said.verdict, said.reason, said.candidate) == ("Inconclusive", "Preview", None)
    assert said.stable == pytest.approx(0.01, abs=0.005)
    assert said.stable_count is not None
    assert 1500 < said.stable_count < 2600
    assert "after the switch it is held to v7's" in said.message
    assert not judge(state, now).traffic_lost


@pytest.mark.parametrize(("preview", "past"), [(True, True), (True, False), (False, True)])
def test_after_the_switch_a_worse_candidate_fails_by_what_is_known_of_stable(preview: bool, past: bool) -> None:
    state, now = watched(0.06, preview=preview, past=past)
    said = judge(state, now).findings[0]
    assert (said.verdict, said.reason) == ("Fail", "Worse")
    assert "by its history" in said.message


def test_after_the_switch_a_candidate_like_stable_does_not_fail() -> None:
    state, now = watched(0.01)
    said = judge(state, now).findings[0]
    assert said.verdict != "Fail"
    assert said.candidate == pytest.approx(0.01, abs=0.005)


def test_without_any_history_the_watch_says_that_it_has_no_baseline() -> None:
    state, now = watched(0.06, preview=False, past=False)
    said = judge(state, now).findings[0]
    assert (said.verdict, said.reason) == ("Inconclusive", "NoBaseline")


def test_the_baseline_outlives_a_restart() -> None:
    whole, now = told(0.06), asked(watching=False)
    state = initial(now)
    for at in range(5, int(SWITCH), 5):
        state = looked(state, now, whole, at, past=False)
    restored = state_from_checkpoint(state.checkpoint(), now)
    assert restored.checkpoint() == state.checkpoint()
    assert restored.metrics["errors"].baseline.exposures == state.metrics["errors"].baseline.exposures
