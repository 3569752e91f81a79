"""An audience is not like everybody: what is answered in its step is no evidence for or against the candidate."""

import json
from dataclasses import replace

import pytest

from modelrollout.api.status import Verdict
from modelrollout.decisions.analysis.looking import fold, initial, judge, state_from_checkpoint, window_start
from modelrollout.decisions.analysis.samples import Samples, Trouble
from modelrollout.decisions.analysis.state import AnalysisState
from modelrollout.decisions.questions import Question
from tests.unit.decisions.analysis_histories import T0, Pod, folded, history, question

OPENED = 60
"""Seconds after which everybody's step began."""

BETA = question(weight=1000, audience=True)
EVERYBODY = question(weight=100, step=1, since=T0 + OPENED, step_since=T0 + OPENED)
# The beta users' requests fail often, whoever answers them; everybody else's hardly ever.
PODS = [Pod("v7", "a", bad=0.005), Pod("v8", "b", bad=0.3, bad_from={OPENED: 0.005})]


def evidence(state: AnalysisState, asked: Question) -> tuple[int, int, float]:
    """Answers of both versions that count, and the evidence for a failure."""
    (finding,) = judge(state, asked).findings
    return finding.candidate_count or 0, finding.stable_count or 0, round(finding.evidence_fail or 0.0, 9)


def test_an_audience_gives_no_evidence_and_says_so() -> None:
    state = folded(initial(BETA), BETA, history(PODS, 60), 20, 40, 60)
    (finding,) = judge(state, BETA).findings
    assert evidence(state, BETA) == (0, 0, 0.0)
    assert (finding.verdict, finding.reason) == (Verdict.INCONCLUSIVE, "Audience")
    assert "not compared while only an audience meets v8" in finding.message
    assert judge(state, BETA).traffic_lost == ()


@pytest.mark.parametrize("restart", ["never", "with its checkpoint", "without"])
def test_everybodys_step_begins_new_strata_whatever_was_answered_before(restart: str) -> None:
    whole = history(PODS, 120)
    state = folded(initial(BETA), BETA, whole, 20, 40, 60)
    if restart != "never":
        checkpoint = json.loads(json.dumps(state.checkpoint())) if restart == "with its checkpoint" else None
        state = state_from_checkpoint(checkpoint, EVERYBODY)
    state = folded(state, EVERYBODY, whole, 80, 100, 120)
    alone = folded(initial(EVERYBODY), EVERYBODY, whole, 120)
    assert evidence(state, EVERYBODY) == evidence(alone, EVERYBODY)
    assert judge(state, EVERYBODY).findings[0].verdict is not Verdict.FAIL
    assert evidence(state, EVERYBODY)[0] > 0


def test_what_copies_said_before_an_audience_still_counts_after_it_and_the_audience_does_not() -> None:
    copies = question(weight=0, mirror=1000)
    beta = replace(BETA, step=1, step_since=T0 + 60)
    everybody = replace(EVERYBODY, step=2, since=T0 + 120, step_since=T0 + 120)
    whole = history([Pod("v7", "a"), Pod("v8", "b")], 180)
    shadowed = folded(initial(copies), copies, whole, 20, 40, 60)
    tried = folded(shadowed, beta, whole, 80, 100, 120)
    assert evidence(tried, beta) == evidence(shadowed, copies)
    opened = folded(tried, everybody, whole, 140, 160, 180)
    alone = folded(initial(everybody), everybody, whole, 180)
    both = [
        one + other for one, other in zip(evidence(shadowed, copies)[:2], evidence(alone, everybody)[:2], strict=True)
    ]
    assert list(evidence(opened, everybody)[:2]) == both


def test_no_more_is_asked_for_the_longer_an_audience_lasts() -> None:
    whole = history(PODS, 600)
    state = initial(BETA)
    for moment in range(20, 601, 20):
        state = folded(state, BETA, whole, moment)
    assert T0 + 600 - window_start(state, BETA, BETA.spec.metrics[0]) < 60


def test_what_cannot_be_asked_is_an_error_already_in_the_audiences_step() -> None:
    state = fold(
        initial(BETA), BETA, Samples(T0 + 20, {"errors": Trouble("QueryRefused", "no such function")}), T0 + 20
    )
    assert judge(state, BETA).findings[0].verdict is Verdict.ERROR


def test_what_failed_before_stays_failed() -> None:
    copies = question(weight=0, mirror=1000)
    beta = replace(BETA, step=1, step_since=T0 + 60)
    whole = history([Pod("v7", "a"), Pod("v8", "b", bad=0.4)], 120)
    state = folded(folded(initial(copies), copies, whole, 20, 40, 60), beta, whole, 80)
    assert judge(state, beta).findings[0].verdict is Verdict.FAIL
