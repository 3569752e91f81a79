import itertools
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from modelrollout.stats import Agreement, UnknownState


def fed(test, counts, strata=1):
    for _ in range(strata):
        test.update(counts)
    return test


@pytest.mark.parametrize(("rates", "evidence"), [((0.9, 0.95), "log_e_fail"), ((0.9, 0.6), "log_e_pass")])
def test_a_share_on_the_right_side_of_the_limit_gains_no_evidence_of_the_other(rates, evidence):
    test = Agreement(min=0.9, beta=1e-9)
    counts = np.array(list(itertools.product(range(7), range(5)))).T
    for agreed, total in zip(counts, (6, 4), strict=True):
        test.update((agreed, total))
    probability = binom.pmf(counts[0], 6, rates[0]) * binom.pmf(counts[1], 4, rates[1])
    assert np.exp(getattr(test, evidence)) @ probability <= 1 + 1e-6


def test_enough_equal_answers_pass_and_too_few_fail():
    assert fed(Agreement(min=0.98), (995, 1000)).verdict == "Pass"
    assert fed(Agreement(min=0.98), (950, 1000)).verdict == "Fail"
    assert fed(Agreement(min=0.98), (981, 1000)).verdict == "Inconclusive"


def test_a_candidate_at_the_least_share_rarely_fails_or_passes_at_any_time():
    rng = np.random.default_rng(4)
    test = Agreement(min=0.95, late_faults=True)
    failed, passed = np.zeros(500, bool), np.zeros(500, bool)
    for i in range(150):
        test.update((rng.binomial(60, 0.95, 500), 60), start=15.0 * i)
        failed |= test.verdict == "Fail"
        passed |= test.verdict == "Pass"
    assert failed.mean() <= 0.01 + 0.015
    assert passed.mean() <= 0.05 + 0.03


def test_the_share_and_its_confidence_sequence_hold_the_truth_at_every_look():
    rng = np.random.default_rng(7)
    test, missed = Agreement(min=0.9), np.zeros(300, bool)
    for _ in range(40):
        test.update((rng.binomial(30, 0.93, 300), 30))
        missed |= (test.low > 0.93) | (test.high < 0.93)
    assert missed.mean() <= 0.05
    one = fed(Agreement(min=0.9), (930, 1000))
    assert (one.effect, one.estimates, one.exposures) == (0.93, (0.93, None), (1000, None))
    assert 0.89 < one.low < 0.93 < one.high < 0.96
    assert one.effect_kind == "share"


def test_all_or_no_answers_equal_have_an_end_at_one_or_nought():
    # a flat prior gives k of k answers the probability 1/(k + 1): the end is where share^k reaches 5 % of it
    end = (20 * 501) ** (-1 / 500)
    assert fed(Agreement(min=0.9), (500, 500)).interval() == (1.0, pytest.approx(end), 1.0)
    assert fed(Agreement(min=0.9), (0, 500)).interval() == (0.0, 0.0, pytest.approx(1 - end))


@given(strata=st.lists(st.tuples(st.integers(0, 50), st.integers(50, 60)), max_size=12), cut=st.integers(0, 12))
@settings(max_examples=30)
def test_a_restored_test_goes_on_exactly(strata, cut):
    through, broken = (Agreement(min=0.9, late_faults=True, dispersion=1.5) for _ in range(2))
    for i, counts in enumerate(strata):
        if i == cut:
            broken = Agreement.from_state(json.loads(json.dumps(broken.state())))
        for test in (through, broken):
            if i % 4 == 3:
                test.restart(700.0 * i)
            test.update(counts, start=700.0 * i)
    assert broken.state() == through.state()
    assert len(json.dumps(broken.state())) <= 1024
    assert str(broken.interval()) == str(through.interval())


def test_elements_of_an_array_are_tests_of_their_own():
    test = fed(Agreement(min=0.98), (np.array([995, 950, np.nan]), np.array([1000, 1000, 5])))
    assert list(test.verdict) == ["Pass", "Fail", "Inconclusive"]


def test_no_answers_never_pass_and_never_fail():
    test = fed(Agreement(min=0.98), (0, 0), 100)
    fed(test, (float("nan"), 10))
    assert test.verdict == "Inconclusive"
    assert np.isnan(test.effect)
    assert (test.low, test.high) == (0, 1)


def test_a_larger_dispersion_lowers_evidence_and_widens_the_interval():
    test = fed(Agreement(min=0.98), (950, 1000))
    before = test.log_e_fail, test.high
    test.raise_dispersion(2.0)
    assert test.log_e_fail < before[0]
    assert test.high > before[1]


def test_impossible_limits_counts_and_states_are_refused():
    for wrong in ({"min": 1}, {"min": 0}, {"min": 0.5, "alpha": 0}, {"min": 0.5, "dispersion": 0.5}):
        with pytest.raises(ValueError, match="between"):
            Agreement(**wrong)
    test = fed(Agreement(min=0.9), (5, 6))
    for counts in ((7, 6), (-1, 6)):
        with pytest.raises(ValueError, match="at most"):
            test.update(counts)
    with pytest.raises(UnknownState):
        Agreement.from_state({**test.state(), "kind": "Mean"})
