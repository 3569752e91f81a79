import json

import numpy as np
import pytest

from modelrollout.stats import AgainstLimit, AnsweredShare, CounterSeries, Threshold, UnknownState, estimate_dispersion


def fed(threshold, *values):
    for value in values:
        threshold.update(value)
    return threshold.verdict


def test_a_threshold_fails_only_after_enough_values_in_a_row():
    assert fed(Threshold(max=0.95, consecutive=3), 0.99, 0.99) == "Inconclusive"
    assert fed(Threshold(max=0.95, consecutive=3), 0.99, 0.99, 0.5, 0.99, 0.99) == "Inconclusive"
    assert fed(Threshold(max=0.95, consecutive=3), 0.99, 0.99, 0.99) == "Fail"
    assert fed(Threshold(min=10), 9) == "Fail"


def test_a_failed_threshold_stays_failed():
    assert fed(Threshold(max=0.95), 0.99, 0.5) == "Fail"


@pytest.mark.parametrize("missing", [None, float("nan")])
def test_a_missing_value_is_never_a_pass_and_clears_nothing(missing):
    assert fed(Threshold(max=1), missing) == "Inconclusive"
    assert fed(Threshold(max=1), 0.5, missing) == "Inconclusive"
    assert fed(Threshold(max=1, consecutive=2), 1.5, missing, 1.5) == "Fail"
    assert fed(Threshold(max=1, consecutive=2), 1.5, missing, 0.5) == "Pass"


def test_a_threshold_that_was_never_asked_is_inconclusive():
    assert Threshold(min=0).verdict == "Inconclusive"


def test_a_value_at_the_bound_and_an_infinite_one_are_judged():
    assert fed(Threshold(min=1, max=2), 2) == "Pass"
    assert fed(Threshold(max=2), float("inf")) == "Fail"


def test_each_element_is_a_threshold_of_its_own():
    threshold = Threshold(max=1, consecutive=2)
    threshold.update(np.array([0.5, 1.5, np.nan]))
    threshold.update(np.array([0.5, 1.5, 0.5]))
    assert list(threshold.verdict) == ["Pass", "Fail", "Pass"]
    threshold.update(None)
    assert list(threshold.verdict) == ["Inconclusive", "Fail", "Inconclusive"]
    assert list(threshold.beyond) == [0, 2, 0]
    with pytest.raises(ValueError, match="shape"):
        threshold.update(1.0)


def test_a_threshold_goes_on_from_its_state():
    threshold = Threshold(max=1, consecutive=3)
    fed(threshold, 2, 2)
    restored = Threshold.from_state(json.loads(json.dumps(threshold.state())))
    assert (restored.beyond, restored.value, restored.verdict) == (2, 2.0, "Inconclusive")
    assert fed(restored, 2) == "Fail"
    with pytest.raises(UnknownState):
        AgainstLimit.from_state(threshold.state())


@pytest.mark.parametrize("wrong", [{}, {"max": 1, "min": 2}, {"max": 1, "consecutive": 0}, {"max": float("nan")}])
def test_a_threshold_without_a_range_is_refused(wrong):
    with pytest.raises(ValueError, match="m"):
        Threshold(**wrong)


def test_a_version_alone_is_judged_against_a_fixed_limit():
    for better, good, bad in (("Lower", 10, 60), ("Higher", 990, 940)):
        limit = 0.03 if better == "Lower" else 0.97
        fine, broken = AgainstLimit(better, limit=limit), AgainstLimit(better, limit=limit)
        fine.update((good, 1000))
        broken.update((bad, 1000))
        assert (fine.verdict, broken.verdict) == ("Pass", "Fail")
        assert (fine.counts, fine.effect) == ((good, 1000), good / 1000)


def test_a_version_at_its_limit_rarely_fails_or_passes():
    rng = np.random.default_rng(4)
    test = AgainstLimit(limit=0.02, late_faults=True)
    passed = np.zeros(600, dtype=bool)
    for i in range(100):
        test.update((rng.binomial(150, 0.02, 600), 150), start=45.0 * i)
        passed |= test.verdict == "Pass"
    assert (test.verdict == "Fail").mean() <= 0.01 + 0.01
    assert passed.mean() <= 0.05 + 0.02


def test_a_test_against_a_limit_goes_on_exactly_from_a_state_of_a_kibibyte():
    through = AgainstLimit(limit=0.02, late_faults=True, dispersion=1.7)
    broken = AgainstLimit(limit=0.02, late_faults=True, dispersion=1.7)
    for i in range(60):
        if i == 40:
            stored = json.dumps(broken.state())
            assert len(stored) <= 1024
            broken = AgainstLimit.from_state(json.loads(stored))
        for test in (through, broken):
            if i % 7 == 0:
                test.restart(300.0 * i)
            test.update((i % 4, 90), start=300.0 * i)
    assert broken.state() == through.state()
    assert broken.log_e_fail == through.log_e_fail


def test_no_answers_say_nothing_about_a_limit():
    test = AgainstLimit(limit=0.02)
    for _ in range(100):
        test.update((0, 0))
        test.update((float("nan"), 100))
    assert test.verdict == "Inconclusive"
    assert np.isnan(test.effect)


@pytest.mark.parametrize("wrong", [{"limit": 0}, {"limit": 1}, {"limit": 0.1, "alpha": 0}])
def test_a_limit_out_of_range_is_refused(wrong):
    with pytest.raises(ValueError, match="between"):
        AgainstLimit(**wrong)


def shares(*strata):
    share = AnsweredShare()
    for stratum in strata:
        share.update(*stratum)
    return share


def test_traffic_is_lost_after_three_short_judgements_in_a_row():
    assert shares(*[(30, 170, 0.5)] * 2).verdict == "Inconclusive"
    assert shares(*[(30, 170, 0.5)] * 3).lost
    assert shares((30, 170, 0.5), (30, 170, 0.5), (90, 110, 0.5), (30, 170, 0.5)).verdict == "Inconclusive"


def test_a_candidate_with_its_share_has_not_lost_traffic():
    assert shares(*[(52, 148, 0.25)] * 5).verdict == "Pass"


def test_slow_traffic_is_put_together_before_it_is_judged():
    assert shares(*[(0, 10, 0.05)] * 100).verdict == "Inconclusive"
    assert shares(*[(0, 10, 0.05)] * 120).verdict == "Fail"


def test_strata_without_weight_or_with_a_change_of_weight_are_not_judged():
    assert shares(*[(0, 1000, 0.0), (0, 1000, None)] * 20).verdict == "Inconclusive"


def test_equal_traffic_is_hardly_ever_called_lost():
    rng = np.random.default_rng(6)
    lost = 0
    for _ in range(100):
        share = AnsweredShare()
        for _ in range(200):
            candidate = rng.binomial(400, 0.05)
            share.update(candidate, 400 - candidate, 0.05)
            lost += share.lost
    assert lost == 0


def test_an_answered_share_goes_on_from_its_state():
    share = shares((1, 100, 0.05), (30, 170, 0.5), (30, 170, 0.5), (3, 30, 0.1))
    restored = AnsweredShare.from_state(json.loads(json.dumps(share.state())))
    assert restored.state() == share.state()
    restored.update(30, 170, 0.5)
    assert restored.lost


def test_impossible_traffic_is_refused():
    with pytest.raises(ValueError, match="weight"):
        AnsweredShare().update(1, 1, 1.5)


def history(hours, processes, spread, seed=0, minutes=5):
    """Counters of equal processes; in each block a process's rate varies by a gamma factor with this variance."""
    rng = np.random.default_rng(seed)
    times = np.arange(0, hours * 3600 + 1, 60.0)
    events, total = [], []
    for i in range(processes):
        number = int(hours * 60 / minutes) + 1
        blocks = rng.gamma(1 / spread, spread, number) if spread else np.ones(number)
        rate = 0.02 * blocks[(np.ceil(times / 60 / minutes) - 1).clip(0).astype(int)]
        events.append(CounterSeries("v1", f"p{i}", times, np.cumsum(rng.binomial(1000, np.minimum(rate, 1)))))
        total.append(CounterSeries("v1", f"p{i}", times, np.cumsum(np.full(len(times), 1000.0))))
    return events, total


def test_independent_answers_have_a_dispersion_near_one():
    found = estimate_dispersion(*history(6, 3, 0.0), version="v1")
    assert found.reason is None
    assert found.blocks >= 70
    assert found.value == 1.0


def test_bursts_that_hit_one_process_at_a_time_show_in_the_dispersion():
    # 5,000 answers a block at 2 %: the chi-square of a block is about 1 + 100 x the variance of the factor
    assert estimate_dispersion(*history(12, 4, 0.04), version="v1").value == pytest.approx(5.0, rel=0.35)


def test_bursts_that_last_longer_than_a_block_show_in_longer_blocks():
    # in half an hour the same factor weighs six times as much as in five minutes
    found = estimate_dispersion(*history(12, 4, 0.04, minutes=30), version="v1").value
    assert found > 3 * estimate_dispersion(*history(12, 4, 0.04), version="v1").value


@pytest.mark.parametrize(("hours", "processes"), [(1, 3), (6, 1)])
def test_a_short_history_or_a_single_process_gives_the_assumed_dispersion(hours, processes):
    found = estimate_dispersion(*history(hours, processes, 0.0), version="v1")
    assert (found.value, found.reason) == (2.0, "DispersionAssumed")


def test_no_history_gives_the_assumed_dispersion():
    assert estimate_dispersion([], [], version="v1").reason == "DispersionAssumed"
