import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelrollout.stats import Proportion, UnknownState

SIGNATURE = {
    "better": "Lower",
    "acceptable_ratio": 1.0,
    "margin_ratio": 1.5,
    "alpha": 0.01,
    "beta": 0.05,
    "dispersion": 1.0,
}

stratum = st.tuples(st.integers(0, 40), st.integers(0, 300), st.integers(0, 40), st.integers(0, 300)).map(
    lambda t: ((min(t[0], t[1]), t[1]), (min(t[2], t[3]), t[3]))
)
limits = st.sampled_from(
    [
        {"margin_ratio": 1.5},
        {"margin_ratio": 1.5, "late_faults": True, "dispersion": 2.0},
        {"margin_difference": 0.02},
        {"better": "Higher", "gain_difference": 0.0},
        {"acceptable_ratio": 1.1, "margin_ratio": 2.0, "floor": None},
    ]
)


def decided(comparison, candidate, stable, strata=1):
    for _ in range(strata):
        comparison.update(candidate, stable)
    return comparison


def test_many_more_errors_fail():
    comparison = decided(Proportion(**SIGNATURE), (80, 1000), (20, 1000))
    assert comparison.verdict == "Fail"
    assert comparison.effect == pytest.approx(4.0)
    assert comparison.low < 4.0 < comparison.high


def test_equal_versions_pass_once_there_is_enough_evidence():
    comparison = Proportion(**SIGNATURE)
    assert decided(comparison, (20, 1000), (20, 1000)).verdict == "Inconclusive"
    assert decided(comparison, (20, 1000), (20, 1000), 9).verdict == "Pass"


def test_a_candidate_without_any_error_is_promoted_though_stable_has_none_either():
    comparison = Proportion(**SIGNATURE)
    assert decided(comparison, (0, 100), (0, 100), 20).verdict == "Inconclusive"
    assert decided(comparison, (0, 100), (0, 100), 5).verdict == "Pass"


def test_without_a_floor_no_errors_on_either_side_say_nothing_about_a_ratio():
    comparison = decided(Proportion(**SIGNATURE, floor=None), (0, 1000), (0, 1000), 100)
    assert comparison.verdict == "Inconclusive"
    assert comparison.log_e_pass == pytest.approx(0.0, abs=1e-6)


def test_below_the_floor_a_worse_ratio_does_not_fail():
    comparison = decided(Proportion(**SIGNATURE), (5, 10000), (1, 10000), 30)
    assert comparison.ratio().low > 1
    assert comparison.verdict == "Pass"


def test_a_stable_version_without_errors_does_not_shield_a_candidate_with_many():
    assert decided(Proportion(**SIGNATURE), (12, 200), (0, 200)).verdict == "Fail"


def test_a_difference_is_judged_in_points():
    assert decided(Proportion(margin_difference=0.02), (15, 500), (5, 500), 10).verdict != "Pass"
    assert decided(Proportion(margin_difference=0.02), (5, 500), (5, 500), 10).verdict == "Pass"
    assert decided(Proportion(margin_difference=0.02), (30, 500), (5, 500), 10).verdict == "Fail"


def test_good_events_are_turned_round_and_their_difference_is_shown_as_given():
    comparison = decided(Proportion("Higher", gain_difference=0.0), (480, 500), (450, 500), 4)
    assert comparison.verdict == "Pass"
    assert comparison.effect == pytest.approx(0.06)
    assert comparison.low < 0.06 < comparison.high
    assert (comparison.estimates[0], comparison.exposures[0]) == (pytest.approx(0.96), 2000)
    assert decided(Proportion("Higher", gain_difference=0.0), (400, 500), (450, 500), 4).verdict == "Fail"


def test_a_gain_that_is_not_there_fails_though_the_candidate_is_a_little_better():
    assert decided(Proportion("Higher", gain_difference=0.1), (455, 500), (450, 500), 10).verdict == "Fail"


def test_after_a_pass_only_evidence_against_the_margin_fails():
    comparison = decided(Proportion(**SIGNATURE, late_faults=True), (20, 1000), (20, 1000), 10)
    assert comparison.verdict == "Pass"
    decided(comparison, (26, 1000), (20, 1000), 40)  # worse than acceptable, better than the margin
    assert comparison.verdict in ("Pass", "Inconclusive")
    comparison.restart()
    decided(comparison, (60, 1000), (20, 1000), 12)
    assert comparison.verdict == "Fail"


def test_a_fail_stays_while_a_pass_lasts_only_as_long_as_its_evidence():
    failed = decided(Proportion(**SIGNATURE), (80, 1000), (20, 1000))
    assert decided(failed, (5, 1000), (20, 1000), 50).verdict == "Fail"
    passed = decided(Proportion(margin_ratio=1.5, alpha=1e-12), (20, 1000), (20, 1000), 10)
    assert passed.verdict == "Pass"
    assert decided(passed, (32, 1000), (20, 1000), 30).verdict == "Inconclusive"


def test_a_late_fault_is_found_though_hours_of_good_answers_came_before():
    def strata_until_fail(**options):
        rng = np.random.default_rng(8)
        comparison = Proportion(margin_ratio=1.5, **options)
        for i in range(480):  # two hours of 15 s
            comparison.update((rng.binomial(150, 0.02), 150), (rng.binomial(150, 0.02), 150), start=15.0 * i)
        for i in range(480, 720):
            comparison.update((rng.binomial(150, 0.06), 150), (rng.binomial(150, 0.02), 150), start=15.0 * i)
            if comparison.verdict == "Fail":
                return i - 480
        return 240

    assert strata_until_fail(late_faults=True) < 60 < strata_until_fail()


def test_a_rising_baseline_with_changing_weights_is_not_mistaken_for_a_worse_candidate():
    rng = np.random.default_rng(3)
    comparison = Proportion(margin_ratio=1.5)
    for i in range(90):
        weight, rate = (0.05, 0.25, 0.5)[i // 30], 0.02 + 0.02 * i / 90
        m = rng.binomial(1000, weight, 400)
        comparison.update((rng.binomial(m, rate), m), (rng.binomial(1000 - m, rate), 1000 - m))
    assert np.mean(comparison.verdict == "Fail") <= 0.01
    assert np.mean(comparison.verdict == "Pass") >= 0.97


@pytest.mark.slow
@pytest.mark.parametrize("options", [{"margin_ratio": 1.5}, {"margin_difference": 0.02, "late_faults": True}])
def test_an_equal_candidate_rarely_fails_however_often_one_looks(options):
    rng = np.random.default_rng(11)
    comparison = Proportion(**options)
    for i in range(60):
        comparison.update((rng.binomial(200, 0.03, 500), 200), (rng.binomial(300, 0.03, 500), 300), start=60.0 * i)
    # 1 % of 500 and three standard errors
    assert (comparison.verdict == "Fail").sum() <= 5 + 7


@pytest.mark.slow
def test_a_candidate_at_the_margin_rarely_passes_at_any_time():
    rng = np.random.default_rng(12)
    comparison = Proportion(margin_difference=0.03)
    ever = np.zeros(500, dtype=bool)
    for _ in range(40):
        comparison.update((rng.binomial(240, 0.06, 500), 240), (rng.binomial(240, 0.03, 500), 240))
        ever |= comparison.verdict == "Pass"
    assert ever.mean() <= 0.05 + 0.03


@pytest.mark.parametrize(("rate_c", "rate_s"), [(0.02, 0.02), (0.06, 0.03), (0.3, 0.35)])
def test_the_confidence_sequences_hold_the_truth_at_every_look(rate_c, rate_s):
    rng = np.random.default_rng(13)
    comparison = Proportion(margin_ratio=1.5)
    missed = np.zeros((2, 200), dtype=bool)
    for _ in range(25):
        comparison.update((rng.binomial(60, rate_c, 200), 60), (rng.binomial(90, rate_s, 200), 90))
        for i, (interval, truth) in enumerate(
            [(comparison.ratio(), rate_c / rate_s), (comparison.difference(), rate_c - rate_s)]
        ):
            missed[i] |= (interval.low > truth) | (interval.high < truth)
    assert (missed.mean(axis=1) <= 0.05 + 0.02).all()


@given(limits=limits, strata=st.lists(stratum, min_size=1, max_size=6))
@settings(max_examples=15)
def test_elements_of_an_array_are_comparisons_of_their_own(limits, strata):
    alone = [Proportion(**limits) for _ in range(2)]
    together = Proportion(**limits)
    for candidate, stable in strata:
        other = ((3, 100), (2, 100))
        alone[0].update(candidate, stable)
        alone[1].update(*other)
        pairs = [
            tuple(np.array([x, y]) for x, y in zip(s, o, strict=True))
            for s, o in zip((candidate, stable), other, strict=True)
        ]
        together.update(*pairs)
    assert together.log_e_fail == pytest.approx([c.log_e_fail for c in alone], abs=1e-4)
    assert together.log_e_pass == pytest.approx([c.log_e_pass for c in alone], abs=1e-4)
    assert list(together.verdict) == [c.verdict for c in alone]


def test_a_state_with_every_restart_taken_fits_in_a_kibibyte():
    comparison = Proportion(
        "Higher", acceptable_ratio=1.05, margin_ratio=1.75, floor=0.0015, alpha=0.00125, beta=0.025, late_faults=True
    )
    rng = np.random.default_rng(2)
    for i in range(60):
        comparison.update((rng.binomial(1000, 0.9), 1000), (rng.binomial(1000, 0.9), 1000), start=600.0 * i)
        if i % 6 == 0:
            comparison.restart(600.0 * i)
    comparison.raise_dispersion(2.345678901234567)
    assert len(json.dumps(comparison.state())) <= 1024


@pytest.mark.parametrize("margin", [9.0, 10.0, 50.0])
def test_a_wide_margin_is_a_margin_too(margin):
    comparison = Proportion(margin_ratio=margin)
    assert decided(comparison, (20, 1000), (20, 1000), 3).verdict == "Pass"
    assert decided(Proportion(margin_ratio=margin), (0, 20), (0, 20)).verdict == "Inconclusive"


def test_an_unknown_or_damaged_state_is_refused():
    state = Proportion(**SIGNATURE).state()
    for damaged in ({**state, "v": 1}, {**state, "kind": "Mean"}, {**state, "data": state["data"][:50]}, {"v": 2}):
        with pytest.raises(UnknownState):
            Proportion.from_state(damaged)


def test_raising_the_dispersion_lowers_evidence_and_never_raises_it():
    comparison = decided(Proportion(**SIGNATURE), (30, 1000), (20, 1000), 2)
    before = comparison.log_e_fail, comparison.log_e_pass
    low, high = comparison.low, comparison.high
    comparison.raise_dispersion(3.0)
    assert comparison.log_e_fail < before[0]
    assert comparison.log_e_pass <= before[1]
    assert comparison.low < low < high < comparison.high
    comparison.raise_dispersion(2.0)
    assert comparison.dispersion == 3.0


def test_a_step_has_its_own_point_estimate():
    comparison = decided(Proportion(**SIGNATURE), (10, 1000), (20, 1000), 3)
    comparison.restart()
    assert np.isnan(comparison.step_effect)
    decided(comparison, (40, 1000), (20, 1000))
    assert comparison.step_effect == pytest.approx(2.0)
    assert comparison.step_estimates == pytest.approx((0.04, 0.02))
    assert comparison.step_exposures == (1000, 1000)
    assert comparison.effect == pytest.approx(70 / 80)


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"margin_ratio": 1.5, "margin_difference": 0.1},
        {"margin_ratio": 1.5, "gain_ratio": 0.9},
        {"margin_ratio": 1.2, "acceptable_ratio": 1.5},
        {"margin_ratio": -1},
        {"margin_difference": 1.5},
        {"gain_ratio": 1.2},
        {"gain_difference": -0.1},
        {"margin_ratio": 1.5, "floor": 0.5},
        {"margin_ratio": 1.5, "dispersion": 0.5},
        {"margin_ratio": 1.5, "alpha": 0},
        {"margin_ratio": 1.5, "better": "Bigger"},
    ],
)
def test_limits_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ValueError, match=r"\w"):
        Proportion(**wrong)


@pytest.mark.parametrize("candidate", [(5, 3), (-1, 3)])
def test_impossible_counts_are_refused(candidate):
    with pytest.raises(ValueError, match="at most total"):
        Proportion(**SIGNATURE).update(candidate, (1, 10))


def test_another_shape_than_before_is_refused():
    comparison = decided(Proportion(**SIGNATURE), (1, 10), (1, 10))
    with pytest.raises(ValueError, match="shape"):
        comparison.update((np.array([1, 2]), 10), (1, 10))
