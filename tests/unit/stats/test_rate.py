import itertools
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, poisson

from modelrollout.stats import Rate

stratum = st.tuples(
    st.tuples(st.integers(0, 40), st.floats(0, 50)), st.tuples(st.integers(0, 40), st.floats(0, 50))
).map(lambda sides: tuple((events if exposure else 0, exposure) for events, exposure in sides))
limits = st.sampled_from(
    [
        {"margin_ratio": 1.5},
        {"margin_ratio": 1.5, "floor": 0.1, "late_faults": True, "dispersion": 2.0},
        {"better": "Higher", "gain_ratio": 1.0},
    ]
)


def decided(comparison, candidate, stable, strata=1):
    for _ in range(strata):
        comparison.update(candidate, stable)
    return comparison


@pytest.mark.parametrize(
    ("options", "ratio", "evidence"),
    [
        ({"margin_ratio": 1.5}, 1.0, "log_e_fail"),
        ({"margin_ratio": 1.5, "late_faults": True}, 1.0, "log_e_fail"),
        ({"acceptable_ratio": 1.2, "margin_ratio": 1.5}, 1.2, "log_e_fail"),
        ({"margin_ratio": 1.5}, 1.5, "log_e_pass"),
        ({"better": "Higher", "margin_ratio": 1.25}, 0.8, "log_e_pass"),
        ({"better": "Higher", "gain_ratio": 0.8}, 1.25, "log_e_fail"),
    ],
)
def test_at_its_limit_the_evidence_is_a_martingale_whatever_the_exposures_are(options, ratio, evidence):
    comparison = Rate(**options, beta=1e-9)
    together, exposures = (5, 7), ((2.0, 6.0), (3.5, 1.25))
    splits = np.array(list(itertools.product(*(range(k + 1) for k in together)))).T
    probability = np.ones(splits.shape[1])
    for i, (k, b, (mine, theirs)) in enumerate(zip(together, splits, exposures, strict=True)):
        probability *= binom.pmf(b, k, mine * ratio / (mine * ratio + theirs))
        comparison.update((b, mine), (k - b, theirs), start=1000.0 * i)
    assert probability.sum() == pytest.approx(1)
    assert np.exp(getattr(comparison, evidence)) @ probability == pytest.approx(1, abs=1e-5)


def test_with_a_floor_the_evidence_of_passing_stays_fair_for_a_candidate_beyond_both():
    comparison = Rate(margin_ratio=1.5, floor=0.5)
    b, a = np.array(list(itertools.product(range(40), range(40)))).T
    comparison.update((b, 8.0), (a, 8.0))
    probability = poisson.pmf(b, 8 * 0.6) * poisson.pmf(a, 8 * 0.4)
    assert np.exp(comparison.log_e_pass) @ probability <= 1 + 1e-6


def test_more_events_per_exposure_fail_and_as_many_pass():
    worse = decided(Rate(margin_ratio=1.5), (30, 10.0), (60, 40.0), 4)
    assert worse.verdict == "Fail"
    assert worse.effect == pytest.approx(2.0)
    assert worse.low < 2.0 < worse.high
    assert worse.estimates == (3.0, 1.5)
    assert worse.exposures == (40.0, 160.0)
    assert decided(Rate(margin_ratio=1.5), (30, 20.0), (60, 40.0), 8).verdict == "Pass"


def test_good_events_are_judged_the_other_way_round_and_shown_as_they_are():
    comparison = decided(Rate("Higher", margin_ratio=1.25), (40, 40.0), (80, 40.0), 4)
    assert comparison.verdict == "Fail"
    assert comparison.effect == pytest.approx(0.5)
    assert decided(Rate("Higher", gain_ratio=1.0), (120, 40.0), (80, 40.0), 4).verdict == "Pass"


def test_a_candidate_without_events_is_promoted_by_its_floor_though_stable_has_none_either():
    comparison = Rate(margin_ratio=1.5, floor=0.01)
    assert decided(comparison, (0, 10.0), (0, 10.0), 40).verdict == "Inconclusive"
    assert decided(comparison, (0, 10.0), (0, 10.0), 10).verdict == "Pass"
    without = decided(Rate(margin_ratio=1.5), (0, 10.0), (0, 10.0), 100)
    assert without.verdict == "Inconclusive"
    assert without.log_e_pass == pytest.approx(0.0, abs=1e-6)


def test_below_the_floor_a_worse_ratio_does_not_fail():
    comparison = decided(Rate(margin_ratio=1.5, floor=0.01), (5, 1000.0), (1, 1000.0), 30)
    assert comparison.low > 1
    assert comparison.verdict == "Pass"


def test_a_moving_baseline_and_changing_weights_are_not_mistaken_for_a_worse_candidate():
    rng = np.random.default_rng(1)
    comparison = Rate(margin_ratio=1.5, late_faults=True)
    for i in range(200):
        mine, rate = (1.0, 5.0, 10.0)[i * 3 // 200], 0.5 + i / 100
        counts = (rng.poisson(mine * rate, 400), mine), (rng.poisson((20 - mine) * rate, 400), 20 - mine)
        comparison.update(*counts, start=60.0 * i)
    assert (comparison.verdict == "Fail").mean() <= 0.01
    assert (comparison.verdict == "Pass").mean() > 0.95


def test_the_confidence_sequence_holds_the_truth_at_every_look():
    rng = np.random.default_rng(2)
    comparison = Rate(margin_ratio=1.5)
    missed = np.zeros(200, dtype=bool)
    for _ in range(15):
        comparison.update((rng.poisson(16.0, 200), 2.0), (rng.poisson(24.0, 200), 4.0))
        interval = comparison.interval()
        missed |= (interval.low > 4 / 3) | (interval.high < 4 / 3)
    assert missed.mean() <= 0.05 + 0.02


@given(limits=limits, strata=st.lists(stratum, max_size=12), cut=st.integers(0, 12))
@settings(max_examples=20)
def test_a_restored_comparison_goes_on_exactly(limits, strata, cut):
    through, broken = Rate(**limits), Rate(**limits)
    for i, (candidate, stable) in enumerate(strata):
        if i == cut:
            broken = Rate.from_state(json.loads(json.dumps(broken.state())))
        for comparison in (through, broken):
            if i % 5 == 3:
                comparison.restart(700.0 * i)
            comparison.update(candidate, stable, start=700.0 * i)
    assert broken.state() == through.state()
    assert (broken.verdict, broken.log_e_fail, broken.log_e_pass) == (
        through.verdict,
        through.log_e_fail,
        through.log_e_pass,
    )
    assert str(broken.interval()) == str(through.interval())


@given(limits=limits, strata=st.lists(st.tuples(st.floats(0, 500), st.booleans()), max_size=20))
@settings(max_examples=15)
def test_no_data_never_passes_and_never_fails(limits, strata):
    comparison = Rate(**limits)
    for exposure, of_candidate in strata:
        counts = (0, exposure), (0, 0.0)
        comparison.update(*(counts if of_candidate else counts[::-1]))
        comparison.update((float("nan"), 100.0), (1, 100.0))
    assert comparison.verdict == "Inconclusive"
    assert np.isnan(comparison.effect)


def test_a_state_with_every_restart_taken_fits_in_a_kibibyte():
    comparison = Rate(
        acceptable_ratio=1.05123, margin_ratio=1.1751, floor=0.00123, alpha=0.00125, beta=0.025, late_faults=True
    )
    for i in range(60):
        comparison.update((3, 1.5), (4, 2.25), start=600.0 * i)
        if i % 6 == 0:
            comparison.restart(600.0 * i)
    comparison.raise_dispersion(2.345678901234567)
    assert len(json.dumps(comparison.state())) <= 1024


def test_raising_the_dispersion_weakens_evidence():
    comparison = decided(Rate(margin_ratio=1.5, floor=0.1), (30, 10.0), (60, 40.0), 2)
    before = comparison.log_e_fail, comparison.interval()
    comparison.raise_dispersion(3.0)
    assert comparison.log_e_fail < before[0]
    assert comparison.low < before[1].low < before[1].high < comparison.high


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"margin_ratio": 1.5, "gain_ratio": 0.9},
        {"gain_ratio": 0.9, "floor": 0.1},
        {"margin_ratio": 1.5, "floor": 0.0},
        {"better": "Higher", "margin_ratio": 1.5, "floor": 0.1},
    ],
)
def test_limits_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ValueError, match=r"\w"):
        Rate(**wrong)


def test_negative_counts_are_refused():
    with pytest.raises(ValueError, match="at least 0"):
        Rate(margin_ratio=1.5).update((-1, 1.0), (1, 1.0))
