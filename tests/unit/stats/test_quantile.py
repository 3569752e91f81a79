import itertools
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ndtr
from scipy.stats import multinomial

from modelrollout.stats import Quantile, UnknownState, bounds_around
from modelrollout.stats.buckets import quantile_of

BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0]


def shares(slower=1.0):
    """Of log-normal latencies with the median 50 ms, in the buckets."""
    return np.diff(np.concatenate([[0], ndtr(np.log(np.array(BOUNDS) / (0.05 * slower))), [1]]))


def around(**limits):
    return Quantile.around(shares() * 1e6, BOUNDS, 0.99, **limits)


def test_a_quantile_is_interpolated_as_prometheus_does():
    counts = [10, 20, 30, 40]  # up to 1, 2, 4, and beyond
    assert quantile_of(counts, [1, 2, 4], 0.05) == pytest.approx(0.5)
    assert quantile_of(counts, [1, 2, 4], 0.2) == pytest.approx(1.5)
    assert quantile_of(counts, [1, 2, 4], 0.6) == pytest.approx(4)
    assert quantile_of(counts, [1, 2, 4], 0.99) == 4  # beyond every bound: the last one
    assert quantile_of([10, 0, 0, 10], [1, 2, 4], 0.5) == pytest.approx(1)
    assert quantile_of([5, 5], [-1], 0.2) == -1  # a first bucket without a lower end is its upper end
    assert quantile_of([5, 5, 5], [2, 3], 0.1, lowest=2) == 2
    assert np.isnan(quantile_of([0, 0], [1], 0.5))
    assert quantile_of(np.array([[10, 10, 0], [0, 10, 10]]), [1, 2], 0.25).tolist() == [0.5, 1.5]


def test_the_bounds_around_a_quantile_are_the_nearest_and_its_neighbours():
    assert bounds_around(shares(), BOUNDS, 0.99) == (0.25, 0.5, 1.0)
    assert bounds_around(shares(), BOUNDS, 0.5) == (0.025, 0.05, 0.1)
    assert bounds_around([0, 0, 0, 9], [1, 2, 3], 0.9) == (1,)  # no neighbour below, so none at all
    assert bounds_around([5, 5, 0, 0], [1, 2, 3], 0.9) == (1,)
    assert bounds_around([9, 0], [1], 0.9) == (1,)
    assert around(margin_difference=0.01).tested == (0.25, 0.5, 1.0)
    with pytest.raises(ValueError, match="no answers"):
        bounds_around([0, 0], [1], 0.9)


def tables(total, buckets):
    return np.array([t for t in itertools.product(range(total + 1), repeat=buckets) if sum(t) == total])


EQUAL = [([0.4, 0.2, 0.2, 0.2], [0.4, 0.2, 0.2, 0.2]), ([0.1, 0.2, 0.3, 0.4], [0.1, 0.2, 0.3, 0.4])]
BETTER = [([0.5, 0.2, 0.2, 0.1], [0.4, 0.2, 0.2, 0.2]), ([0.3, 0.3, 0.2, 0.2], [0.1, 0.2, 0.3, 0.4])]
WORSE = [([0.3, 0.7], [0.4, 0.6]), ([0.7, 0.3], [0.9, 0.1])]


@pytest.mark.parametrize(
    ("limits", "answers", "strata", "evidence"),
    [
        ({"bounds": [1, 2, 3], "tested": [1, 2, 3], "margin_ratio": 1.5}, 2, EQUAL, "log_e_fail"),
        ({"bounds": [1, 2, 3], "tested": [1, 2, 3], "margin_ratio": 1.5}, 2, BETTER, "log_e_fail"),
        ({"bounds": [1], "tested": [1], "margin_difference": 0.1}, 4, WORSE, "log_e_pass"),
    ],
)
def test_shares_on_the_right_side_of_the_limit_gain_no_evidence_of_the_other(limits, answers, strata, evidence):
    comparison = Quantile(quantile=0.5, beta=1e-9, **limits)
    every = tables(answers, len(limits["bounds"]) + 1)
    cells = [i.ravel() for i in np.mgrid[(slice(len(every)),) * 4]]
    probability = np.ones(len(cells[0]))
    for (b, a), (candidate, stable) in zip((cells[:2], cells[2:]), strata, strict=True):
        probability *= multinomial.pmf(every, answers, candidate)[b] * multinomial.pmf(every, answers, stable)[a]
        comparison.update(every[b], every[a])
    assert probability.sum() == pytest.approx(1)
    assert getattr(comparison, evidence).max() > 0.1
    assert np.exp(getattr(comparison, evidence)) @ probability <= 1 + 1e-6


def run(comparison, slower, strata=40, runs=120, seed=3):
    rng = np.random.default_rng(seed)
    failed, passed = np.zeros(runs, bool), np.zeros(runs, bool)
    for i in range(strata):
        comparison.update(
            rng.multinomial(200, shares(slower), runs), rng.multinomial(200, shares(), runs), start=15.0 * i
        )
        failed |= comparison.verdict == "Fail"
        passed |= comparison.verdict == "Pass"
    return failed, passed


def test_an_equal_candidate_passes_and_hardly_ever_fails():
    failed, passed = run(around(margin_difference=0.01, late_faults=True), 1.0)
    assert failed.mean() <= 0.01 + 0.015
    assert passed.mean() >= 0.9


def test_a_candidate_half_as_slow_again_fails_and_both_quantiles_are_shown():
    comparison = around(margin_difference=0.01)
    failed, _ = run(comparison, 1.5)
    assert failed.mean() >= 0.99
    candidate, stable = comparison.estimates
    assert np.median(stable) == pytest.approx(0.54, abs=0.05)
    assert np.median(candidate) == pytest.approx(0.89, abs=0.1)
    beyond = [shares(slower)[7:].sum() for slower in (1.5, 1.0)]
    assert comparison.effect.mean() == pytest.approx(beyond[0] - beyond[1], abs=0.002)
    assert ((comparison.low < beyond[0] - beyond[1]) & (comparison.high > beyond[0] - beyond[1])).mean() >= 0.95
    assert (comparison.exposures[0] == 8000).all()


def test_a_candidate_at_the_margin_rarely_passes_though_the_neighbours_look_good():
    rng = np.random.default_rng(9)
    comparison = Quantile(quantile=0.95, bounds=[1, 2, 3], tested=[1, 2, 3], margin_difference=0.03)
    passed = np.zeros(150, bool)
    for _ in range(40):
        # beyond the middle bound 0.08 against 0.05, beyond the others the same
        candidate = rng.multinomial(150, [0.90, 0.02, 0.06, 0.02], 150)
        comparison.update(candidate, rng.multinomial(150, [0.90, 0.05, 0.03, 0.02], 150))
        passed |= comparison.verdict == "Pass"
    assert passed.mean() <= 0.05 + 0.03


def test_a_fault_at_one_bound_alone_is_found_almost_as_if_the_others_were_not_there():
    def strata_until_fail(tested):
        comparison = Quantile(quantile=0.9, bounds=[1, 2, 3], tested=tested, margin_difference=0.05)
        for i in range(200):
            comparison.update([80, 10, 3, 7], [80, 10, 8, 2])
            if comparison.verdict == "Fail":
                return i
        return 200

    assert strata_until_fail([1, 2, 3]) <= strata_until_fail([3]) + 3


def test_a_ratio_is_one_of_the_shares_beyond():
    comparison = Quantile(quantile=0.9, bounds=[1, 2], tested=[2], margin_ratio=1.5)
    for _ in range(20):
        comparison.update([70, 10, 20], [80, 10, 10])
    assert (comparison.effect_kind, comparison.effect) == ("ratio", pytest.approx(2.0))
    assert comparison.low < 2 < comparison.high
    assert comparison.verdict == "Fail"


def test_where_a_larger_quantile_is_better_the_share_beyond_is_good():
    comparison = Quantile("Higher", quantile=0.5, bounds=[1, 2], tested=[1], margin_difference=0.05)
    for _ in range(20):
        comparison.update([50, 25, 25], [30, 45, 25])
    assert comparison.verdict == "Fail"
    assert comparison.effect == pytest.approx(-0.2)
    assert comparison.low < -0.2 < comparison.high


bucketed = st.lists(st.integers(0, 40), min_size=12, max_size=12)
limits = st.sampled_from([{"margin_difference": 0.01}, {"margin_ratio": 1.5, "late_faults": True, "dispersion": 1.5}])


@given(limits=limits, strata=st.lists(st.tuples(bucketed, bucketed), max_size=8), cut=st.integers(0, 8))
@settings(max_examples=15)
def test_a_restored_comparison_goes_on_exactly(limits, strata, cut):
    through, broken = around(**limits), around(**limits)
    for i, (candidate, stable) in enumerate(strata):
        if i == cut:
            broken = Quantile.from_state(json.loads(json.dumps(broken.state())))
        for comparison in (through, broken):
            if i % 4 == 3:
                comparison.restart(700.0 * i)
            comparison.update(candidate, stable, start=700.0 * i)
    through.raise_dispersion(2.0)
    broken.raise_dispersion(2.0)
    assert broken.state() == through.state()
    assert (broken.log_e_fail, broken.log_e_pass) == (through.log_e_fail, through.log_e_pass)
    assert str((broken.interval(), broken.estimates)) == str((through.interval(), through.estimates))


@pytest.mark.parametrize(
    "limits",
    [
        {"margin_difference": 0.005},
        {"acceptable_difference": 0.0015, "margin_difference": 0.0125},
        {"better": "Higher", "acceptable_ratio": 1.05, "margin_ratio": 1.75},
    ],
)
def test_a_state_with_every_restart_taken_fits_in_a_kibibyte(limits):
    comparison = around(**limits, late_faults=True, alpha=0.00125, beta=0.025)
    for i in range(60):
        comparison.update(np.arange(12) * 17, np.arange(12) * 19, start=600.0 * i)
        if i % 6 == 0:
            comparison.restart(600.0 * i)
    comparison.raise_dispersion(2.345678901234567)
    assert len(json.dumps(comparison.state())) <= 1024


def test_elements_of_an_array_are_comparisons_of_their_own():
    strata = (([70, 10, 20], [80, 10, 10]), ([80, 10, 10], [80, 10, 10]))
    alone = [Quantile(quantile=0.9, bounds=[1, 2], tested=[2], margin_difference=0.05) for _ in strata]
    together = Quantile(quantile=0.9, bounds=[1, 2], tested=[2], margin_difference=0.05)
    for _ in range(8):
        for comparison, (candidate, stable) in zip(alone, strata, strict=True):
            comparison.update(candidate, stable)
        together.update(*np.array(strata).transpose(1, 0, 2))
    assert together.log_e_fail == pytest.approx([c.log_e_fail for c in alone], abs=1e-4)
    assert together.log_e_pass == pytest.approx([c.log_e_pass for c in alone], abs=1e-4)
    assert together.estimates[0] == pytest.approx([c.estimates[0] for c in alone])


def test_no_data_never_passes_and_never_fails():
    comparison = Quantile(quantile=0.9, bounds=[1, 2], tested=[2], margin_difference=0.05)
    assert np.isnan(comparison.estimates).all()
    for _ in range(50):
        comparison.update([0, 0, 0], [90, 5, 5])
        comparison.update([90, 5, 5], [0, 0, 0])
        comparison.update([float("nan"), 5, 5], [90, 5, 5])
    assert comparison.verdict == "Inconclusive"
    assert np.isnan(comparison.effect)
    assert comparison.exposures == (0, 0)


def test_of_a_step_the_share_is_known_and_the_quantile_is_not():
    comparison = Quantile(quantile=0.9, bounds=[1, 2], tested=[2], margin_difference=0.05)
    comparison.update([80, 10, 10], [80, 10, 10])
    comparison.restart()
    comparison.update([60, 10, 30], [80, 10, 10])
    assert comparison.step_effect == pytest.approx(0.2)
    assert comparison.step_exposures == (100, 100)
    assert np.isnan(comparison.step_estimates).all()


@pytest.mark.parametrize(
    "wrong",
    [
        {"quantile": 1},
        {"bounds": [2, 1]},
        {"tested": []},
        {"tested": [3]},
        {"margin_difference": None},
        {"margin_difference": 1.5},
        {"margin_ratio": 2},
        {"alpha": 0},
    ],
)
def test_bounds_and_limits_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ValueError, match=r"\w"):
        Quantile(**{"quantile": 0.9, "bounds": [1, 2], "tested": [1], "margin_difference": 0.05, **wrong})


def test_impossible_counts_and_states_are_refused():
    comparison = Quantile(quantile=0.9, bounds=[1, 2], tested=[1], margin_difference=0.05)
    comparison.update([1, 2, 3], [1, 2, 3])
    for counts, says in (([1, 2], "3 buckets"), ([-1, 2, 3], "at least 0"), ([[1, 2, 3]], "shape")):
        with pytest.raises(ValueError, match=says):
            comparison.update(counts, counts)
    assert comparison.exposures == (6, 6)
    with pytest.raises(UnknownState):
        Quantile.from_state({**comparison.state(), "kind": "Mean"})
