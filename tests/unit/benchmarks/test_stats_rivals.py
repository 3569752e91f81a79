"""The rules that the statistical engine is held against do what their sources say."""

import numpy as np
import pytest

from benchmarks.stats import group_sequential, pooled, thresholds
from benchmarks.stats.kayenta import classify, kayenta, score, shift, standardised_rank_sum
from benchmarks.stats.oracle import oracle
from benchmarks.stats.streams import Counts, Design, Stream
from benchmarks.stats.traffic import column


def stream(bad_c, total_c, bad_s, total_s, width: float = 15.0) -> Stream:
    counts = Counts(*(np.atleast_2d(np.asarray(one, dtype=float)).T for one in (bad_c, total_c, bad_s, total_s)))
    return Stream(counts, column(0.05), column(0.02), width=width)


def test_the_planned_sample_is_the_known_one() -> None:
    assert pooled.sample_size(Design(0.02, 0.03, 0.5)) == pytest.approx(7_689, abs=5)
    assert pooled.sample_size(Design(0.02, 0.05, 0.05)) == pytest.approx(558, abs=2)


def test_group_sequential_boundaries_are_the_published_ones() -> None:
    # Lan-DeMets spending of the O'Brien-Fleming kind, one-sided 0.025, five looks
    published = (4.8769, 3.3569, 2.6803, 2.2898, 2.0310)
    assert group_sequential.boundaries(0.025, 5) == pytest.approx(published, abs=0.005)


def test_a_group_sequential_test_spends_its_level_and_pays_little_for_its_looks() -> None:
    assert group_sequential.crossing(group_sequential.boundaries(), 0.0) == pytest.approx(0.01, rel=1e-3)
    assert 1.0 < group_sequential.inflation() < 1.05


def test_the_rank_sum_agrees_with_a_count_of_pairs() -> None:
    rng = np.random.default_rng(3)
    mine, theirs = rng.normal(1, 1, 12), rng.normal(0, 1, 15)
    pairs = (mine[:, None] > theirs).sum()
    expected = (pairs - 90 - 0.5) / np.sqrt(12 * 15 * 28 / 12)
    assert standardised_rank_sum(mine, theirs) == pytest.approx(expected)
    assert shift(mine, theirs) == pytest.approx(np.median(mine[:, None] - theirs), abs=0.02)


def test_kayenta_calls_a_clear_rise_high_and_a_fall_low_only_where_it_is_asked_for() -> None:
    low, high = np.linspace(0.01, 0.02, 20), np.linspace(0.05, 0.06, 20)
    assert classify(high, low) == "High"
    assert classify(low, high) == "Pass"
    assert classify(low, high, "either") == "Low"


def test_kayenta_passes_over_silence_and_sameness() -> None:
    same = np.linspace(0.01, 0.02, 20)
    assert classify(same, same) == "Pass"
    assert classify(np.full(5, np.nan), same) == "Nodata"
    assert score(["Pass", "Pass", "Pass", "High"]) == 75
    assert score(["Nodata"]) == 0


def test_kayenta_decides_at_its_looks_only() -> None:
    minutes = 60
    bad = np.tile(np.linspace(0.05, 0.06, minutes)[:, None], 2)
    good = np.tile(np.linspace(0.01, 0.02, minutes)[:, None], 2)
    found = kayenta([(bad, good)], 300.0, per_value=4, strata=240)
    assert found.fail.tolist() == [19, 19]
    equal = kayenta([(good, good)], 300.0, per_value=4, strata=240)
    assert equal.fail.tolist() == [240, 240]
    assert equal.passed.tolist() == [239, 239]


def test_the_fourth_bad_minute_fails_an_argo_rollout() -> None:
    bad = np.zeros(240)
    bad[[3, 7, 11]] = 10
    assert thresholds.argo(stream(bad, np.full(240, 25), bad, np.full(240, 25))).fail[0] == 240
    bad[15] = 10
    assert thresholds.argo(stream(bad, np.full(240, 25), bad, np.full(240, 25))).fail[0] == 15


def test_flagger_promotes_after_ten_good_minutes_and_rolls_back_at_the_fifth_bad_one() -> None:
    quiet = thresholds.flagger(stream(np.zeros(80), np.full(80, 25), np.zeros(80), np.full(80, 25)))
    assert (quiet.fail[0], quiet.passed[0]) == (80, 39)
    loud = thresholds.flagger(stream(np.full(80, 5), np.full(80, 25), np.zeros(80), np.full(80, 25)))
    assert (loud.fail[0], loud.passed[0]) == (19, 80)


def test_the_oracle_weighs_nothing_where_the_rates_are_equal() -> None:
    rng = np.random.default_rng(1)
    total = np.full(400, 150.0)
    bad = rng.binomial(150, 0.02, (2, 400)).astype(float)
    counts = Counts(bad[0][:, None], total[:, None], bad[1][:, None], total[:, None])
    assert oracle(Stream(counts, column(0.02), column(0.02)), 1.5).fail[0] == 400
