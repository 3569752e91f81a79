import itertools
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon
from scipy.stats import multinomial

from modelrollout.stats import Distribution, UnknownState, drift

STABLE = np.array([0.4, 0.3, 0.2, 0.1])


def shifted(shares, distance):
    """The shares moved towards the last bucket until they lie this far from where they were."""
    low, high = 0.0, 50.0
    for _ in range(60):
        tilt = (low + high) / 2
        moved = shares * np.exp(tilt * np.linspace(0, 1, len(shares)))
        moved /= moved.sum()
        low, high = (tilt, high) if jensenshannon(moved, shares, 2) < distance else (low, tilt)
    return moved


def tables(total):
    return np.array([t for t in itertools.product(range(total + 1), repeat=3) if sum(t) == total], dtype=float)


weights = st.lists(st.floats(0.05, 1.0), min_size=3, max_size=3).map(lambda w: np.array(w) / sum(w))


@given(p=weights, q=weights, mid=weights, other=weights, sizes=st.sampled_from([(2, 3), (5, 1), (1, 4)]))
@settings(max_examples=60)
def test_a_stratum_gives_no_evidence_on_average_whatever_is_bet_if_the_drift_is_within_the_limit(
    p, q, mid, other, sizes
):
    limit = drift.divergence(p[None], q[None])[0]
    candidate, stable = tables(sizes[0]), tables(sizes[1])
    left, right = (i.ravel() for i in np.mgrid[: len(candidate), : len(stable)])
    probability = multinomial.pmf(candidate, sizes[0], p)[left] * multinomial.pmf(stable, sizes[1], q)[right]
    slope = np.broadcast_to((other - mid) / mid, (len(left), 3))
    evidence = drift.log_evidence(candidate[left], stable[right], np.broadcast_to(mid, slope.shape), slope, limit)
    assert np.exp(evidence) @ probability <= 1 + 1e-9


@pytest.mark.parametrize("acceptable", [0.0, 0.3])
def test_two_strata_of_acceptable_drift_give_no_evidence_of_failure_though_the_second_bets_on_what_the_first_showed(
    acceptable,
):
    comparison = Distribution(margin_distance=0.9, acceptable_distance=acceptable, beta=1e-9)
    every = tables(3)
    cells = [i.ravel() for i in np.mgrid[(slice(len(every)),) * 4]]
    probability = np.ones(len(cells[0]))
    for (b, a), stable in zip((cells[:2], cells[2:]), ([0.5, 0.3, 0.2], [0.2, 0.2, 0.6]), strict=True):
        candidate = shifted(np.array(stable), acceptable) if acceptable else np.array(stable)
        probability *= multinomial.pmf(every, 3, candidate)[b] * multinomial.pmf(every, 3, stable)[a]
        comparison.update(every[b], every[a])
    assert probability.sum() == pytest.approx(1)
    assert comparison.log_e_fail.max() > 0.1
    assert np.exp(comparison.log_e_fail) @ probability <= 1 + 1e-6


def test_divergence_and_distance_are_those_of_jensen_and_shannon():
    p, q = np.array([[0.5, 0.5, 0.0]]), np.array([[0.2, 0.3, 0.5]])
    assert np.sqrt(drift.divergence(p, q) / drift.BITS) == pytest.approx(jensenshannon(p[0], q[0], 2))
    assert drift.divergence(np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]])) == pytest.approx(drift.BITS)


def test_the_likelihood_of_a_distance_is_that_of_the_noncentral_chi_distribution():
    # one degree of freedom: cosh; three: sinh(x)/x
    x = 8.0 * np.array([0.3, 1.2])
    radius, weight = np.array([[0.8]]), np.array([10.0, 10.0])
    for freedoms, known in ((1.0, np.cosh(x)), (3.0, np.sinh(x) / x)):
        got = drift.log_likelihood(radius, np.array([0.3, 1.2]), weight, np.full(2, freedoms))
        assert got[0] == pytest.approx(np.log(known) - 10 * 0.64 / 2)
    tiny = drift.log_likelihood(np.array([[1e-9]]), np.array([1e-9]), np.ones(1), np.full(1, 63.0))
    assert tiny[0, 0] == pytest.approx(0, abs=1e-12)


def run(candidate, stable, *, comparison, strata=50, answers=300, weight=0.5, runs=120, seed=5, tilt=0.0):
    """Feed strata of multinomial counts; return which runs ever failed and ever passed."""
    rng = np.random.default_rng(seed)
    failed, passed = np.zeros(runs, bool), np.zeros(runs, bool)
    for i in range(strata):
        moved = [
            s * np.exp(tilt * np.sin(2 * np.pi * i / strata) * np.linspace(-1, 1, len(s))) for s in (candidate, stable)
        ]
        m = rng.binomial(answers, weight, runs)
        comparison.update(
            rng.multinomial(m, moved[0] / moved[0].sum()), rng.multinomial(answers - m, moved[1] / moved[1].sum())
        )
        failed |= comparison.verdict == "Fail"
        passed |= comparison.verdict == "Pass"
    return failed, passed


@pytest.mark.parametrize(("distance", "acceptable"), [(0.0, 0.0), (0.05, None)])
def test_an_acceptable_drift_rarely_fails_however_often_one_looks_and_whatever_the_hour_does(distance, acceptable):
    candidate = shifted(STABLE, distance) if distance else STABLE
    comparison = Distribution(margin_distance=0.1, acceptable_distance=acceptable)
    failed, _ = run(candidate, STABLE, comparison=comparison, tilt=0.0 if distance else 1.0)
    assert failed.mean() <= 0.01 + 0.02


@pytest.mark.parametrize("weight", [0.5, 0.1])
def test_a_drift_at_the_margin_rarely_passes_at_any_time(weight):
    comparison = Distribution(margin_distance=0.1)
    _, passed = run(shifted(STABLE, 0.1), STABLE, comparison=comparison, weight=weight)
    assert passed.mean() <= 0.05 + 0.03


def test_equal_distributions_pass_and_twice_the_margin_fails():
    fine, broken = Distribution(margin_distance=0.1), Distribution(margin_distance=0.1)
    assert run(STABLE, STABLE, comparison=fine, strata=30)[1].all()
    assert run(shifted(STABLE, 0.2), STABLE, comparison=broken, strata=30)[0].all()
    assert broken.effect == pytest.approx(0.2, abs=0.03)
    assert (broken.low < 0.2).mean() > 0.95
    assert (broken.high > 0.2).mean() > 0.95


def test_a_rising_weight_with_a_baseline_that_moves_is_no_drift():
    rng = np.random.default_rng(9)
    comparison = Distribution(margin_distance=0.1, acceptable_distance=0.0)
    for i in range(90):
        shares = STABLE * np.exp(np.linspace(-1, 1, 4) * i / 45)
        m = rng.binomial(400, (0.05, 0.25, 0.5)[i // 30], 100)
        comparison.update(rng.multinomial(m, shares / shares.sum()), rng.multinomial(400 - m, shares / shares.sum()))
    assert (comparison.verdict == "Pass").all()
    assert np.median(comparison.effect) < 0.02


def test_the_confidence_sequence_of_the_distance_holds_the_truth_whenever_one_looks():
    rng = np.random.default_rng(13)
    candidate = shifted(STABLE, 0.15)
    comparison = Distribution(margin_distance=0.1)
    missed = np.zeros(200, dtype=bool)
    for i in range(40):
        comparison.update(rng.multinomial(100, candidate, 200), rng.multinomial(100, STABLE, 200))
        if i in (0, 1, 2, 4, 8, 16, 39):
            interval = comparison.interval()
            missed |= (interval.low > 0.15) | (interval.high < 0.15)
    assert missed.mean() <= 0.05 + 0.03


def test_the_stability_index_is_the_usual_one_and_stays_finite_where_a_bucket_is_empty():
    comparison = Distribution(margin_distance=0.1)
    comparison.update([400, 600, 0], [500, 500, 0])
    assert comparison.stability_index == pytest.approx(0.1 * np.log(0.6 / 0.5) - 0.1 * np.log(0.4 / 0.5))
    comparison.update([0, 0, 0], [1, 1, 1])
    assert comparison.exposures == (1000, 1000)
    comparison.update([0, 0, 10], [10, 0, 0])
    assert np.isfinite(comparison.stability_index)


@pytest.mark.slow
@pytest.mark.parametrize("late_faults", [False, True])
def test_a_late_drift_is_found_though_hours_of_none_came_before(late_faults):
    rng = np.random.default_rng(8)
    comparison = Distribution(margin_distance=0.2, late_faults=late_faults)
    for i in range(250):
        comparison.update(rng.multinomial(50, STABLE), rng.multinomial(50, STABLE), start=15.0 * i)
    assert comparison.verdict == "Pass"
    drifted = shifted(STABLE, 0.4)
    for i in range(250, 290):
        comparison.update(rng.multinomial(50, drifted), rng.multinomial(50, STABLE), start=15.0 * i)
    assert comparison.verdict == "Fail"


def test_after_a_pass_only_a_drift_beyond_the_margin_fails():
    rng = np.random.default_rng(4)
    comparison = Distribution(margin_distance=0.2, acceptable_distance=0.0)
    for _ in range(10):
        comparison.update(rng.multinomial(200, STABLE), rng.multinomial(200, STABLE))
    assert comparison.verdict == "Pass"
    some, more = shifted(STABLE, 0.15), shifted(STABLE, 0.5)
    for _ in range(40):
        comparison.update(rng.multinomial(200, some), rng.multinomial(200, STABLE))
    assert comparison.verdict in ("Pass", "Inconclusive")
    for _ in range(40):
        comparison.update(rng.multinomial(200, more), rng.multinomial(200, STABLE))
    assert comparison.verdict == "Fail"


counts = st.lists(st.integers(0, 60), min_size=4, max_size=4)


@pytest.mark.slow
@given(strata=st.lists(st.tuples(counts, counts), max_size=10), cut=st.integers(0, 10))
@settings(max_examples=25)
def test_a_restored_comparison_goes_on_exactly(strata, cut):
    through, broken = (Distribution(margin_distance=0.1, late_faults=True, dispersion=1.5) for _ in range(2))
    for i, (candidate, stable) in enumerate(strata):
        if i == cut:
            broken = Distribution.from_state(json.loads(json.dumps(broken.state())))
        for comparison in (through, broken):
            if i % 4 == 3:
                comparison.restart(700.0 * i)
            comparison.update(candidate, stable, start=700.0 * i)
    assert broken.state() == through.state()
    assert (broken.log_e_fail, broken.log_e_pass) == (through.log_e_fail, through.log_e_pass)
    assert str(broken.interval()) == str(through.interval())


def test_elements_of_an_array_are_comparisons_of_their_own():
    alone = [Distribution(margin_distance=0.1) for _ in range(2)]
    together = Distribution(margin_distance=0.1)
    for _ in range(5):
        strata = (([30, 40, 50], [40, 40, 40]), ([10, 80, 5], [90, 5, 5]))
        for comparison, (candidate, stable) in zip(alone, strata, strict=True):
            comparison.update(candidate, stable)
        together.update(*np.array(strata).transpose(1, 0, 2))
    assert together.log_e_fail == pytest.approx([c.log_e_fail for c in alone], abs=1e-5)
    assert together.log_e_pass == pytest.approx([c.log_e_pass for c in alone], abs=1e-5)
    assert list(together.verdict) == [c.verdict for c in alone]
    assert together.effect == pytest.approx([c.effect for c in alone])


def test_no_data_never_passes_and_never_fails():
    comparison = Distribution(margin_distance=0.1)
    assert comparison.verdict == "Inconclusive"
    for _ in range(50):
        comparison.update([0, 0, 0], [100, 50, 10])
        comparison.update([100, 50, 10], [0, 0, 0])
        comparison.update([float("nan"), 50, 10], [10, 5, 1])
    assert comparison.verdict == "Inconclusive"
    assert np.isnan(comparison.effect)
    assert np.isnan(comparison.stability_index)
    assert (comparison.low, comparison.high) == (0, 1)


def test_a_step_has_its_own_distance():
    comparison = Distribution(margin_distance=0.1)
    comparison.update([100, 100], [100, 100])
    comparison.restart()
    assert np.isnan(comparison.step_effect)
    comparison.update([900, 100], [500, 500])
    assert comparison.step_effect > comparison.effect > 0.1
    assert comparison.step_exposures == (1000, 1000)


def test_a_larger_dispersion_lowers_all_evidence():
    rng = np.random.default_rng(1)
    comparison = Distribution(margin_distance=0.2)
    for _ in range(3):
        comparison.update(rng.multinomial(300, shifted(STABLE, 0.4)), rng.multinomial(300, STABLE))
    fail, high = comparison.log_e_fail, comparison.high
    comparison.raise_dispersion(3.0)
    assert 0 < comparison.log_e_fail < fail
    assert comparison.high > high
    comparison.raise_dispersion(2.0)
    assert comparison.dispersion == 3.0


@pytest.mark.parametrize("buckets", [2, 12, 21])
def test_the_state_of_up_to_21_buckets_fits_in_a_kibibyte(buckets):
    comparison = Distribution(
        margin_distance=0.125, acceptable_distance=0.0625, alpha=0.00125, beta=0.025, late_faults=True
    )
    for i in range(40):
        comparison.update(np.full(buckets, 17), np.arange(buckets) + 3, start=700.0 * i)
    comparison.raise_dispersion(2.345678901234567)
    assert len(json.dumps(comparison.state())) <= 1024


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"margin_distance": 0}, "margin"),
        ({"margin_distance": 1}, "margin"),
        ({"margin_distance": 0.1, "acceptable_distance": 0.2}, "acceptable"),
        ({"margin_distance": 0.1, "alpha": 0}, "alpha"),
        ({"margin_distance": 0.1, "dispersion": 0.5}, "dispersion"),
    ],
)
def test_limits_that_make_no_sense_are_refused(wrong, says):
    with pytest.raises(ValueError, match=says):
        Distribution(**wrong)


def test_impossible_counts_and_states_are_refused():
    comparison = Distribution(margin_distance=0.1)
    comparison.update([5, 5, 5], [5, 5, 5])
    for counts, says in (
        ([1, 2], "shape"),
        ([[1, 2, 3]], "shape"),
        ([-1, 2, 3], "at least 0"),
        (3, "buckets"),
        (np.ones(65), "buckets"),
    ):
        with pytest.raises(ValueError, match=says):
            comparison.update(counts, counts)
    assert comparison.exposures == (15, 15)
    with pytest.raises(UnknownState):
        Distribution.from_state({**comparison.state(), "kind": "Mean"})
