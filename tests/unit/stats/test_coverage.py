import itertools
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from modelrollout.stats import Coverage, UnknownState


def test_equal_coverage_gives_no_evidence_on_average_though_it_changes():
    cells = np.array(list(itertools.product(range(6), range(4), range(4), range(6)))).T
    test, probability = Coverage(), np.ones(cells.shape[1])
    for (x, y), (m, n), share in zip((cells[:2], cells[2:]), ((5, 3), (3, 5)), (0.3, 0.8), strict=True):
        probability *= binom.pmf(x, m, share) * binom.pmf(y, n, share)
        test.update((x, m), (y, n))
    assert probability.sum() == pytest.approx(1)
    assert np.exp(test.log_e) @ probability == pytest.approx(1, abs=1e-6)


def test_equal_coverage_is_hardly_ever_called_biased_however_often_one_looks():
    rng = np.random.default_rng(2)
    test = Coverage(level=0.01)
    for i in range(100):
        share = 0.5 + 0.4 * np.sin(i / 10)
        test.update((rng.binomial(50, share, 300), 50), (rng.binomial(100, share, 300), 100))
    assert np.mean(test.verdict == "Biased") <= 0.01 + 0.015


def test_the_lead_lies_within_its_confidence_sequence_at_every_look_though_coverage_changes():
    rng = np.random.default_rng(3)
    test, outside = Coverage(), np.zeros(400, dtype=bool)
    for i in range(120):
        share = 0.6 + 0.2 * np.sin(i / 10)
        test.update((rng.binomial(60, share - 0.05, 400), 60), (rng.binomial(90, share, 400), 90))
        low, high = test.lead(0.9)
        outside |= (low > -0.05) | (high < -0.05)
    assert np.mean(outside) <= 0.1
    assert np.mean(high - low) < 0.06


@pytest.mark.parametrize(("candidate", "stable"), [(0.5, 0.7), (0.9, 0.7)])
def test_labels_that_come_for_one_version_more_often_are_found_in_either_direction(candidate, stable):
    rng = np.random.default_rng(6)
    test = Coverage()
    for _ in range(30):
        test.update((rng.binomial(50, candidate), 50), (rng.binomial(100, stable), 100))
    assert test.verdict == "Biased"
    assert test.shares == pytest.approx((candidate, stable), abs=0.05)


def test_a_trifle_never_counts_as_unequal_however_many_answers_there_are():
    test = Coverage()
    for _ in range(100):
        test.update((702_000, 1_000_000), (700_000, 1_000_000))  # odds 1.0 % apart
    assert test.verdict == "Healthy"


@given(strata=st.lists(st.tuples(st.integers(0, 20), st.integers(20, 40), st.integers(0, 30)), max_size=10))
@settings(max_examples=30)
def test_a_restored_test_goes_on_exactly(strata):
    through, broken = Coverage(), Coverage()
    for labels, answers, others in strata:
        broken = Coverage.from_state(json.loads(json.dumps(broken.state())))
        for test in (through, broken):
            test.update((labels, answers), (others, 30))
    broken.raise_dispersion(1.5)
    through.raise_dispersion(1.5)
    assert broken.state() == through.state()
    assert len(json.dumps(broken.state())) <= 1024
    assert (broken.verdict, broken.p_value) == (through.verdict, through.p_value)


def test_elements_of_an_array_are_tests_of_their_own():
    test = Coverage()
    for _ in range(20):
        test.update((np.array([50, 20, np.nan]), 100), (50, 100))
    assert list(test.verdict) == ["Healthy", "Biased", "Healthy"]


def test_no_answers_say_nothing_about_coverage():
    test = Coverage()
    test.update((0, 0), (5, 10))
    test.update((0, 10), (0, 0))
    assert test.verdict == "Healthy"
    assert test.p_value == pytest.approx(1)
    assert np.isnan(test.shares).all()


def test_impossible_labels_levels_and_states_are_refused():
    test = Coverage()
    with pytest.raises(ValueError, match="at most"):
        test.update((5, 3), (1, 2))
    test.update((1, 3), (1, 2))
    with pytest.raises(ValueError, match="shape"):
        test.update((np.array([1, 2]), 3), (1, 2))
    with pytest.raises(ValueError, match="level"):
        Coverage(level=1)
    with pytest.raises(UnknownState):
        Coverage.from_state({**test.state(), "v": 99})
