import math

import numpy as np
import pytest

from modelrollout.decisions.expectation import (
    Expectation,
    Outlook,
    answers_per_second,
    in_words,
    last_of,
    of_answers,
    of_checks,
    of_evidence,
    roughly,
)
from modelrollout.stats import Proportion

FOR_PASS = -math.log(0.05)


def test_evidence_that_decides_is_reached() -> None:
    assert of_evidence(1.0, FOR_PASS, 500, 1.0).outlook is Outlook.REACHED


def test_without_answers_nothing_can_be_told() -> None:
    assert of_evidence(None, FOR_PASS, None, 1.0) == Expectation(Outlook.UNKNOWN, why="no answers judged yet")
    assert of_evidence(0.0, FOR_PASS, 0, 1.0).outlook is Outlook.UNKNOWN


def test_evidence_that_has_not_risen_yet_tells_nothing() -> None:
    assert of_evidence(-0.2, FOR_PASS, 5000, 1.0).outlook is Outlook.UNKNOWN


def test_a_candidate_beyond_its_limit_never_passes_at_this_rate() -> None:
    expected = of_evidence(0.3, FOR_PASS, 5000, 1.0, outside=True)
    assert expected.outlook is Outlook.NEVER
    assert in_words(expected) == "not at this rate: what was seen so far speaks against it"


def test_what_is_missing_takes_fewer_answers_the_more_evidence_there_is() -> None:
    needed = [of_evidence(share, 3.0, 1000, 2.0).answers for share in (0.1, 0.5, 0.9)]
    assert needed == [1174, 429, 64]
    assert of_evidence(0.5, 3.0, 1000, 2.0).seconds == 429 / 2


def test_where_no_answers_come_nothing_is_ever_reached() -> None:
    assert of_evidence(0.5, FOR_PASS, 1000, 0.0) == Expectation(Outlook.NEVER, why="no answers come")
    assert of_answers(10, 200, 0.0).outlook is Outlook.NEVER


@pytest.mark.parametrize(("bad", "weight"), [(0.02, 0.5), (0.02, 0.05), (0.0, 0.5)])
def test_half_way_to_a_pass_the_middle_prediction_is_within_a_third_of_the_truth(bad: float, weight: float) -> None:
    runs, chance = 60, np.random.default_rng(11)
    of_candidate, of_stable = (np.full(runs, round(300 * share)) for share in (weight, 1 - weight))
    test, evidence = Proportion("Lower", margin_ratio=1.5, late_faults=True), []
    for _ in range(400):
        test.update(
            (chance.binomial(of_candidate, bad), of_candidate), (chance.binomial(of_stable, bad), of_stable), start=0
        )
        evidence.append(np.array(test.log_e_pass) / FOR_PASS)
        if (np.max(evidence, axis=0) >= 1).all():
            break
    strata = np.argmax(np.array(evidence) >= 1, axis=0) + 1
    told = []
    for run in np.flatnonzero((np.max(evidence, axis=0) >= 1) & (strata > 1)):
        half = int(strata[run]) // 2
        expected = of_evidence(float(evidence[half - 1][run]), FOR_PASS, half, 1.0)
        if expected.answers is not None:
            told.append((half + expected.answers) / strata[run])
    assert len(told) > runs / 3
    assert 0.67 < float(np.median(told)) < 1.34


def test_answers_of_a_step_are_counted_to_their_number() -> None:
    assert of_answers(200, 200, 1.0).outlook is Outlook.REACHED
    assert of_answers(150, 200, 2.0) == Expectation(Outlook.EXPECTED, 50, 25.0)


def test_a_threshold_takes_its_checks_in_a_row() -> None:
    assert of_checks(1.0, 3, 15.0).outlook is Outlook.REACHED
    assert of_checks(1 / 3, 3, 15.0).seconds == pytest.approx(30.0)


def test_the_rate_is_that_of_the_present_weight_whatever_the_weights_were_before() -> None:
    assert answers_per_second((100, 900), 100.0, 0.25) == 2.5
    assert answers_per_second((None, None), 100.0, 0.25) == 0.0
    assert answers_per_second((100, 900), 0.0, 0.25) == 0.0


def test_of_several_the_one_that_may_never_come_is_the_last() -> None:
    soon, late = Expectation(Outlook.EXPECTED, 1, 1.0), Expectation(Outlook.EXPECTED, 9, 9.0)
    never, unknown = Expectation(Outlook.NEVER, why="x"), Expectation(Outlook.UNKNOWN, why="y")
    assert last_of([soon, late]) == late
    assert last_of([soon, unknown, late]) == unknown
    assert last_of([soon, unknown, never]) == never
    assert last_of([]).outlook is Outlook.REACHED


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.2, "1 s"), (43, "43 s"), (100, "2 min"), (900, "15 min"), (7200, "2 h"), (200000, "2 days"), (4e7, "460 days")],
)
def test_an_estimate_has_no_more_digits_than_it_deserves(seconds: float, text: str) -> None:
    assert roughly(seconds) == text


def test_an_expectation_is_said_in_answers_and_time() -> None:
    assert in_words(Expectation(Outlook.EXPECTED, 2345, 481.0)) == "about 2,300 more answers, in about 8 min"
    assert in_words(Expectation(Outlook.EXPECTED, None, 30.0)) == "in about 30 s"
    assert in_words(Expectation(Outlook.UNKNOWN, why="too little is known so far")) == (
        "when cannot be told yet: too little is known so far"
    )
