"""An audience is not like everybody: what is answered in its step is no evidence for or against the candidate."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from modelrollout.api.status import Verdict
from modelrollout.api.telemetry import Telemetry
from modelrollout.decisions.analysis.looking import fold, initial, judge, state_from_checkpoint, window_start
from modelrollout.decisions.analysis.opening import COLLECTED, opening
from modelrollout.decisions.analysis.samples import Samples, Trouble
from modelrollout.decisions.analysis.state import AnalysisState
from modelrollout.decisions.questions import Question
from tests.unit.decisions.analysis_histories import ERRORS, T0, Pod, folded, history, question

OPENED = 60
"""Seconds after which everybody's weights had come."""

WIDTH = 5
"""Of a stratum, in seconds."""

VALUE = {
    "name": "value",
    "series": "version",
    "better": "Higher",
    "mean": {"sum": "model_user_value_sum", "count": "model_users_total", "sumOfSquares": "model_user_value_squares"},
    "margin": {"difference": 1},
}

BETA = question(weight=1000, audience=True)
EVERYBODY = question(weight=100, step=1, opened=T0 + OPENED, step_since=T0 + OPENED)
FROM_THE_START = replace(EVERYBODY, since=T0 + OPENED + WIDTH, opened=None)
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
    alone = folded(initial(FROM_THE_START), FROM_THE_START, whole, 120)
    assert evidence(state, EVERYBODY) == evidence(alone, FROM_THE_START)
    assert judge(state, EVERYBODY).findings[0].verdict is not Verdict.FAIL
    assert evidence(state, EVERYBODY)[0] > 0


def test_what_copies_said_before_an_audience_still_counts_after_it_and_the_audience_does_not() -> None:
    copies = question(weight=0, mirror=1000)
    beta = replace(BETA, step=1, step_since=T0 + 60)
    everybody = replace(EVERYBODY, step=2, opened=T0 + 120, step_since=T0 + 120)
    later = replace(everybody, since=T0 + 120 + WIDTH, opened=None)
    whole = history([Pod("v7", "a"), Pod("v8", "b")], 180)
    shadowed = folded(initial(copies), copies, whole, 20, 40, 60)
    tried = folded(shadowed, beta, whole, 80, 100, 120)
    assert evidence(tried, beta) == evidence(shadowed, copies)
    opened = folded(tried, everybody, whole, 140, 160, 180)
    alone = folded(initial(later), later, whole, 180)
    both = [one + other for one, other in zip(evidence(shadowed, copies)[:2], evidence(alone, later)[:2], strict=True)]
    assert list(evidence(opened, everybody)[:2]) == both


def test_what_was_counted_after_the_last_scrape_of_an_audience_is_no_evidence_either() -> None:
    pods = [Pod("v7", "a", bad=0.005), Pod("v8", "b", bad=1.0, rate=200, bad_from={OPENED + 0.5: 0.0})]
    whole = history(pods, 120, scrape=2.5)
    state = folded(folded(initial(BETA), BETA, whole, 20, 40, 60), EVERYBODY, whole, 80, 100, 120)
    (finding,) = judge(state, EVERYBODY).findings
    assert (finding.candidate, finding.candidate_count) == (0.0, pytest.approx(200 * 50, rel=0.2))


@pytest.mark.parametrize(
    ("telemetry", "metric", "late"),
    [
        ({"labelDelay": "30s"}, ERRORS | {"series": "version"}, 30 + COLLECTED),
        ({"labelDelay": "30s"}, ERRORS, 0),
        ({"labelDelay": "30s", "unit": {"header": "x-user"}}, ERRORS | {"series": "version"}, 30 + COLLECTED),
        ({"unit": {"header": "x-user", "window": "1m"}}, VALUE, 60 + COLLECTED),
        ({"unit": {"header": "x-user"}}, VALUE, 3600 + COLLECTED),
    ],
)
def test_what_the_collector_counts_late_is_everybodys_late(
    telemetry: dict[str, Any], metric: dict[str, Any], late: float
) -> None:
    asked = question(metric, opened=T0 + OPENED)
    asked = replace(asked, spec=asked.spec.model_copy(update={"telemetry": Telemetry.model_validate(telemetry)}))
    assert opening(asked, asked.spec.metrics[0]) == T0 + OPENED + late
    assert opening(replace(asked, opened=None), asked.spec.metrics[0]) is None


def test_until_then_what_it_counts_is_left_out_and_no_more_is_asked_for() -> None:
    asked = question(ERRORS | {"series": "version"}, opened=T0 + OPENED, step=1, step_since=T0 + OPENED)
    asked = replace(
        asked, spec=asked.spec.model_copy(update={"telemetry": Telemetry(label_delay=timedelta(minutes=5))})
    )
    whole = history([Pod("v7", "a", bad=0.005), Pod("v8", "b", bad=0.3, bad_from={OPENED + 300.0: 0.005})], 600)
    state = folded(initial(asked), asked, whole, *range(80, 360, 20))
    assert evidence(state, asked) == (0, 0, 0.0)
    assert T0 + 360 - window_start(state, asked, asked.spec.metrics[0]) < 60
    state = folded(state, asked, whole, *range(360, 601, 20))
    assert judge(state, asked).findings[0].verdict is not Verdict.FAIL
    assert evidence(state, asked)[0] > 0


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
