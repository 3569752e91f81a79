import itertools
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import multinomial

from modelrollout.stats import SampleRatio, UnknownState


def fed(test, *strata):
    for counts, split in strata:
        test.update(counts, split)
    return test


def test_a_split_as_intended_gives_no_evidence_on_average_though_it_changes():
    splits = [np.array([0.2, 0.3, 0.5]), np.array([0.6, 0.3, 0.1])]
    cells = np.array([t for t in itertools.product(range(5), repeat=3) if sum(t) == 4])
    first, second = (i.ravel() for i in np.mgrid[: len(cells), : len(cells)])
    probability = multinomial.pmf(cells, 4, splits[0])[first] * multinomial.pmf(cells, 4, splits[1])[second]
    test = fed(SampleRatio(arms=3), (cells[first], splits[0]), (cells[second], splits[1]))
    assert probability.sum() == pytest.approx(1)
    assert np.exp(test.log_e) @ probability == pytest.approx(1, abs=1e-6)


def test_a_healthy_split_is_hardly_ever_called_a_mismatch_however_often_one_looks():
    rng = np.random.default_rng(3)
    test = SampleRatio(level=0.01)
    for i in range(150):
        split = np.array([[95, 5], [75, 25], [50, 50]][i // 50])
        test.update(rng.multinomial(300, split / 100, size=500), split)
    assert np.mean(test.verdict == "Mismatch") <= 0.01 + 0.01


@pytest.mark.parametrize("split", [(50, 50), (90, 10)])
def test_traffic_that_is_off_by_two_points_is_found(split):
    rng = np.random.default_rng(4)
    real = np.array([split[0] + 2, split[1] - 2]) / 100
    test = fed(SampleRatio(), *[(rng.multinomial(300, real), split) for _ in range(120)])
    assert test.verdict == "Mismatch"
    assert test.p_value < 0.001
    assert test.shares[0] == pytest.approx(real, abs=0.01)
    assert test.shares[1] == pytest.approx(np.array(split) / 100)


def test_the_four_arms_of_the_button_text_are_split_as_meant():
    test = fed(SampleRatio(arms=4), ((3662, 3568, 3479, 3504), (1, 1, 1, 1)))
    assert test.verdict == "Healthy"
    assert test.p_value > 0.05


def test_while_the_split_stays_the_same_strata_may_be_put_together():
    apart = fed(SampleRatio(), ((30, 10), (1, 1)), ((20, 30), (1, 1)))
    together = fed(SampleRatio(), ((50, 40), (1, 1)))
    assert apart.log_e == pytest.approx(together.log_e, abs=1e-5)


def test_a_dispersion_lowers_the_evidence_of_a_mismatch():
    test = fed(SampleRatio(), ((700, 300), (1, 1)))
    before = test.log_e
    test.raise_dispersion(2.0)
    assert test.log_e == pytest.approx(before / 2, abs=0.5)
    test.raise_dispersion(1.0)
    assert test.dispersion == 2.0


@given(strata=st.lists(st.tuples(st.tuples(st.integers(0, 99), st.integers(0, 99)), st.integers(1, 9)), max_size=12))
@settings(max_examples=30)
def test_a_restored_test_goes_on_exactly(strata):
    through, broken = SampleRatio(dispersion=1.5), SampleRatio(dispersion=1.5)
    for counts, split in strata:
        broken = SampleRatio.from_state(json.loads(json.dumps(broken.state())))
        for test in (through, broken):
            test.update(counts, (split, 10 - split))
    assert broken.state() == through.state()
    assert (broken.verdict, broken.p_value) == (through.verdict, through.p_value)


def test_elements_of_an_array_are_tests_of_their_own():
    test = fed(SampleRatio(), (np.array([[500, 500], [900, 100], [np.nan, 3]]), (1, 1)))
    assert list(test.verdict) == ["Healthy", "Mismatch", "Healthy"]
    assert test.counts.tolist() == [[500, 500], [900, 100], [0, 0]]


def test_no_answers_are_healthy_and_say_nothing():
    test = fed(SampleRatio(), ((0, 0), (1, 1)), ((float("nan"), 5), (1, 1)))
    assert (test.verdict, test.p_value) == ("Healthy", 1.0)
    assert np.isnan(test.shares[0]).all()


def test_the_state_of_32_arms_fits_in_a_kibibyte():
    test = fed(SampleRatio(arms=32), (np.arange(32), np.ones(32)))
    assert len(json.dumps(test.state())) <= 1024


@pytest.mark.parametrize("wrong", [{"arms": 1}, {"level": 0}, {"dispersion": 0.9}])
def test_a_test_that_makes_no_sense_is_refused(wrong):
    with pytest.raises(ValueError, match="at least"):
        SampleRatio(**wrong)


def test_impossible_counts_splits_and_states_are_refused():
    test = fed(SampleRatio(), ((5, 5), (1, 1)))
    for counts, split in (((1, 2, 3), (1, 1, 1)), ((-1, 2), (1, 1)), ((1, 2), (0, 1)), (([1, 2], [3, 4]), (1, 1))):
        with pytest.raises(ValueError, match="counts"):
            test.update(counts, split)
    with pytest.raises(UnknownState):
        SampleRatio.from_state({**test.state(), "kind": "Mean"})
