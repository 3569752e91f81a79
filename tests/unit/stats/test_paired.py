import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import betainc, betaln
from scipy.stats import binom

from modelrollout.stats import PairedMean, PairedProportion

pairs = st.tuples(st.integers(0, 30), st.integers(0, 30), st.integers(0, 300)).map(lambda t: (t[0], t[1], sum(t)))
proportion_limits = st.sampled_from(
    [
        {"margin_ratio": 1.5},
        {"margin_ratio": 1.5, "floor": 0.01, "late_faults": True, "dispersion": 2.0},
        {"gain_ratio": 1.0},
    ]
)
differences = st.lists(st.lists(st.sampled_from([-1.0, -0.5, 0.0, 0.25, 1.0]), max_size=50), max_size=10)
mean_limits = st.sampled_from(
    [
        {"margin_difference": 0.2},
        {"margin_difference": 0.2, "late_faults": True, "dispersion": 2.0},
        {"better": "Higher", "gain_difference": 0.0},
    ]
)


def sums(observed):
    """Sum, number and sum of squares of differences, the last axis being the pairs of one test."""
    observed = np.asarray(observed, dtype=np.float64)
    return observed.sum(axis=-1), np.full(observed.shape[:-1], observed.shape[-1]), np.square(observed).sum(axis=-1)


# --- proportions ---------------------------------------------------------------------------------------------------


def test_against_equality_the_evidence_is_the_uniform_mixture_over_chances_above_a_half():
    test = PairedProportion(margin_ratio=3.0)
    test.update((9, 4))
    closed = np.log(2) + 13 * np.log(2) + betaln(10, 5) + np.log(1 - betainc(10, 5, 0.5))
    assert test.log_e_fail == pytest.approx(closed)


@pytest.mark.parametrize(
    ("options", "odds", "evidence"),
    [
        ({"margin_ratio": 1.5}, 1.0, "log_e_fail"),
        ({"margin_ratio": 1.5, "late_faults": True}, 1.0, "log_e_fail"),
        ({"acceptable_ratio": 1.2, "margin_ratio": 1.5}, 1.2, "log_e_fail"),
        ({"margin_ratio": 1.5}, 1.5, "log_e_pass"),
        ({"gain_ratio": 0.5}, 0.5, "log_e_pass"),
    ],
)
def test_at_its_limit_the_evidence_is_a_martingale(options, odds, evidence):
    test = PairedProportion(**options, beta=1e-9)
    splits = np.array([(b, d) for b in range(7) for d in range(6)]).T
    test.update((splits[0], 6 - splits[0]), start=0.0)
    test.update((splits[1], 5 - splits[1]), start=1000.0)
    chance = odds / (1 + odds)
    probability = binom.pmf(splits[0], 6, chance) * binom.pmf(splits[1], 5, chance)
    assert np.exp(getattr(test, evidence)) @ probability == pytest.approx(1)


def test_more_pairs_that_only_the_candidate_got_wrong_fail_and_as_many_pass():
    test = PairedProportion(margin_ratio=1.5)
    for _ in range(5):
        test.update((20, 8, 500))
    assert test.verdict == "Fail"
    assert test.effect == pytest.approx(2.5)
    assert test.low < 2.5 < test.high
    assert test.estimates == (0.04, 0.016)
    assert test.exposures == (2500, 2500)
    equal = PairedProportion(margin_ratio=1.5)
    for _ in range(20):
        equal.update((20, 20))
    assert equal.verdict == "Pass"


def test_versions_that_always_agree_pass_by_their_floor_and_only_by_it():
    floored, plain = PairedProportion(margin_ratio=1.5, floor=0.01), PairedProportion(margin_ratio=1.5)
    for _ in range(5):
        floored.update((0, 0, 100))
        plain.update((0, 0, 100))
    assert floored.verdict == "Pass"
    assert plain.verdict == "Inconclusive"


def test_evidence_stays_small_and_smooth_where_thousands_of_pairs_speak_the_other_way():
    test = PairedProportion(acceptable_ratio=1.5, margin_ratio=1.5, beta=1e-300)
    seen = []
    for _ in range(60):
        test.update((0, 10))
        seen.append(test.log_e_fail)
    assert max(seen) < 0
    assert np.abs(np.diff(seen)).max() < 1


def test_equal_versions_rarely_fail_and_the_interval_holds_the_truth_at_every_look():
    rng = np.random.default_rng(1)
    test = PairedProportion(margin_ratio=1.5)
    missed = np.zeros(250, dtype=bool)
    for _ in range(30):
        discordant = rng.poisson(8.0, 250)
        mine = rng.binomial(discordant, 0.5)
        test.update((mine, discordant - mine))
        interval = test.interval()
        missed |= (interval.low > 1) | (interval.high < 1)
    assert (test.verdict == "Fail").mean() <= 0.01 + 0.02
    assert missed.mean() <= 0.05 + 0.025


@given(limits=proportion_limits, strata=st.lists(pairs, max_size=12), cut=st.integers(0, 12))
@settings(max_examples=20)
def test_a_restored_paired_proportion_goes_on_exactly(limits, strata, cut):
    through, broken = PairedProportion(**limits), PairedProportion(**limits)
    for i, counts in enumerate(strata):
        if i == cut:
            broken = PairedProportion.from_state(json.loads(json.dumps(broken.state())))
        for test in (through, broken):
            if i % 5 == 3:
                test.restart(700.0 * i)
            test.update(counts, start=700.0 * i)
    assert broken.state() == through.state()
    assert (broken.verdict, str(broken.interval())) == (through.verdict, str(through.interval()))


@pytest.mark.parametrize(
    ("options", "counts", "message"),
    [
        ({}, (-1, 3), "at least 0"),
        ({}, (2, 3, 4), "as many pairs"),
        ({"floor": 0.01}, (2, 3), "all pairs"),
    ],
)
def test_impossible_pairs_are_refused(options, counts, message):
    with pytest.raises(ValueError, match=message):
        PairedProportion(margin_ratio=1.5, **options).update(counts)


@pytest.mark.parametrize("wrong", [{}, {"margin_ratio": 1.5, "floor": 1.0}, {"gain_ratio": 0.5, "floor": 0.1}])
def test_limits_of_pairs_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ValueError, match=r"\w"):
        PairedProportion(**wrong)


# --- means ---------------------------------------------------------------------------------------------------------


def test_a_mean_difference_fails_as_worse_and_passes_as_a_gain():
    rng = np.random.default_rng(2)
    worse, gain = PairedMean(margin_difference=0.05), PairedMean("Higher", gain_difference=0.0)
    for _ in range(20):
        observed = sums(rng.normal(0.1, 0.5, 100))
        worse.update(observed)
        gain.update(observed)
    assert (worse.verdict, gain.verdict) == ("Fail", "Pass")
    assert worse.low < 0.1 < worse.high
    assert worse.effect == pytest.approx(0.1, abs=0.04)
    assert worse.estimates == (worse.effect, None)
    assert worse.exposures == (2000, None)


def test_equal_versions_rarely_fail_on_differences_with_heavy_tails():
    rng = np.random.default_rng(3)
    test = PairedMean(margin_difference=0.5, late_faults=True)
    for i in range(60):
        latency = np.exp(1.5 * rng.standard_normal((2, 400, 40), dtype=np.float32))
        test.update(sums(latency[0] - latency[1]), start=60.0 * i)
    assert (test.verdict == "Fail").mean() <= 0.01


def test_a_candidate_at_the_margin_rarely_passes_and_the_interval_holds_it_at_every_look():
    rng = np.random.default_rng(4)
    test = PairedMean(margin_difference=0.2)
    ever, missed = np.zeros((2, 300), dtype=bool)
    for _ in range(40):
        test.update(sums(rng.normal(0.2, 1.0, (300, 30))))
        ever |= test.verdict == "Pass"
        interval = test.interval()
        missed |= (interval.low > 0.2) | (interval.high < 0.2)
    assert ever.mean() <= 0.05 + 0.03
    assert missed.mean() <= 0.05 + 0.02


@given(limits=mean_limits, strata=differences, cut=st.integers(0, 10))
@settings(max_examples=20)
def test_a_restored_paired_mean_goes_on_exactly(limits, strata, cut):
    through, broken = PairedMean(**limits), PairedMean(**limits)
    for i, observed in enumerate(strata):
        if i == cut:
            broken = PairedMean.from_state(json.loads(json.dumps(broken.state())))
        for test in (through, broken):
            if i % 5 == 3:
                test.restart(700.0 * i)
            test.update(sums(observed), start=700.0 * i)
    assert broken.state() == through.state()
    assert (broken.verdict, str(broken.interval())) == (through.verdict, str(through.interval()))


@pytest.mark.parametrize(
    ("test", "nothing"),
    [
        (PairedMean(margin_difference=0.2), (0.0, 0, 0.0)),
        (PairedMean(margin_difference=0.2), (1.0, 100, np.nan)),
        (PairedProportion(margin_ratio=1.5, floor=0.01), (0, 0, 0)),
        (PairedProportion(margin_ratio=1.5, floor=0.01), (0, np.nan, 500)),
    ],
)
def test_no_pairs_never_pass_and_never_fail(test, nothing):
    for _ in range(50):
        test.update(nothing)
    assert test.verdict == "Inconclusive"
    assert np.isnan(test.effect)


@pytest.mark.parametrize(
    ("test", "counts"),
    [
        (
            PairedMean(
                "Higher",
                acceptable_difference=0.0123,
                margin_difference=0.3456,
                alpha=0.00125,
                beta=0.025,
                late_faults=True,
            ),
            (1.5, 40, 7.25),
        ),
        (
            PairedProportion(
                acceptable_ratio=1.0123,
                margin_ratio=1.3456,
                floor=0.00123,
                alpha=0.00125,
                beta=0.025,
                late_faults=True,
            ),
            (3, 4, 100),
        ),
    ],
)
def test_states_with_every_restart_taken_fit_in_a_kibibyte(test, counts):
    for i in range(60):
        test.update(counts, start=600.0 * i)
        if i % 6 == 0:
            test.restart(600.0 * i)
    test.raise_dispersion(2.345678901234567)
    assert len(json.dumps(test.state())) <= 1024
