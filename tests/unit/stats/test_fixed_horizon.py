import math
import subprocess
import sys

import numpy as np
import pytest
from scipy import stats

from modelrollout.stats.fixed_horizon import (
    VALID_ONCE,
    Sample,
    adjusted,
    fisher,
    half_width,
    paired_t,
    split,
    two_proportions,
    welch,
)
from modelrollout.stats.power import (
    exposures_for_means,
    exposures_for_non_inferiority,
    exposures_for_proportions,
)

BASELINE, ARMS = (378, 3662), [(462, 3568), (440, 3479), (395, 3504)]  # the button text


def test_the_lifts_of_the_button_text():
    lifts = [(b / m) / (BASELINE[0] / BASELINE[1]) - 1 for b, m in ARMS]
    assert [round(100 * lift, 1) for lift in lifts] == [25.4, 22.5, 9.2]


def test_the_half_widths_of_the_button_text():
    assert [round(100 * half_width(b, m), 1) for b, m in [*ARMS, BASELINE]] == [1.1, 1.1, 1.0, 1.0]


def test_the_z_values_and_corrected_p_values_of_the_button_text():
    found = [two_proportions(arm, BASELINE) for arm in ARMS]
    assert [round(result.statistic, 3) for result in found] == [3.482, 3.079, 1.296]
    pooled = [two_proportions(arm, BASELINE, pooled=True).p_value for arm in ARMS]
    assert [round(p, 4) for p in adjusted(pooled, "Bonferroni")][:2] == [0.0015, 0.0061]
    assert round(adjusted(pooled, "Bonferroni")[2], 2) == 0.58


def test_the_traffic_of_the_button_text_is_split_as_meant():
    result = split([3662, 3568, 3479, 3504], [1, 1, 1, 1])
    assert round(result.p_value, 2) == 0.13
    assert result.freedoms == 3


def test_welch_from_statistics():
    # two samples of 50 from which these figures follow: variances of 22.29 and 30.26, means 2.0492 apart
    result = welch(Sample(12.0492, math.sqrt(30.2616), 50), Sample(10, math.sqrt(22.2904), 50))
    assert (round(result.statistic, 4), round(result.freedoms, 1)) == (1.9988, 95.8)
    assert (round(result.p_value, 4), round(result.standard_error, 4)) == (0.0485, 1.0252)
    assert result.low < 2.0492 < result.high


def test_welch_agrees_with_scipy_on_raw_values():
    rng = np.random.default_rng(1)
    x, y = rng.normal(1, 2, 30), rng.normal(0, 1, 50)
    ours = welch(Sample(x.mean(), x.std(ddof=1), 30), Sample(y.mean(), y.std(ddof=1), 50))
    theirs = stats.ttest_ind(x, y, equal_var=False)
    interval = theirs.confidence_interval()
    assert (ours.statistic, ours.p_value, ours.freedoms) == pytest.approx((theirs.statistic, theirs.pvalue, theirs.df))
    assert (ours.low, ours.high) == pytest.approx((interval.low, interval.high))


def test_paired_values_agree_with_scipy():
    rng = np.random.default_rng(2)
    base = rng.normal(size=25)
    x, y = base + rng.normal(0.2, 0.3, 25), base
    ours, theirs = paired_t(x, y), stats.ttest_rel(x, y)
    assert (ours.statistic, ours.p_value, ours.freedoms) == pytest.approx((theirs.statistic, theirs.pvalue, 24))


def test_fisher_agrees_with_the_lady_who_tastes_tea():
    assert fisher((4, 4), (0, 4)).p_value == pytest.approx(2 / 70)
    assert fisher((3, 4), (1, 4)).p_value == pytest.approx(34 / 70)


def test_holm_never_corrects_more_than_bonferroni():
    p = [0.04, 0.001, 0.02, 0.5]
    assert adjusted(p) == pytest.approx([0.08, 0.004, 0.06, 0.5])
    assert adjusted(p, "Bonferroni") == pytest.approx([0.16, 0.004, 0.08, 1.0])
    assert adjusted([0.3, 0.2, 0.9]) == pytest.approx([0.6, 0.6, 0.9])
    assert adjusted([]) == []


def test_every_result_says_that_it_is_valid_once():
    for result in (two_proportions(ARMS[0], BASELINE), split([10, 12], [1, 1]), fisher((1, 3), (2, 3))):
        assert result.validity == VALID_ONCE
        assert "once" in result.validity


@pytest.mark.parametrize(
    "call",
    [
        lambda: welch(Sample(1, 1, 1), Sample(1, 1, 5)),
        lambda: welch(Sample(1, 0, 5), Sample(1, 0, 5)),
        lambda: paired_t([1, 2], [0, 1]),
        lambda: paired_t([1], [0]),
        lambda: two_proportions((3, 2), (1, 2)),
        lambda: two_proportions((0, 0), (1, 2)),
        lambda: two_proportions((0, 5), (0, 5)),
        lambda: fisher((3, 2), (1, 2)),
        lambda: split([0, 0], [1, 1]),
        lambda: split([1, 2], [1, 0]),
        lambda: exposures_for_proportions(0.1, 0.1),
        lambda: exposures_for_proportions(0.1, 0.2, power=0.01),
        lambda: exposures_for_proportions(0.1, 0.2, sides=3),
        lambda: exposures_for_means(0, 1),
        lambda: exposures_for_non_inferiority(0.1, 0.02, candidate=0.12),
        lambda: exposures_for_non_inferiority(0.1, 0),
    ],
)
def test_what_cannot_be_tested_or_planned_is_refused(call):
    with pytest.raises(ValueError, match=r"\w"):
        call()


def test_a_conversion_of_2_3_against_4_3_per_cent_needs_1251_in_each_arm():
    assert int(exposures_for_proportions(0.023, 0.043)) == 1251
    assert exposures_for_proportions(0.023, 0.043, pooled=False) == pytest.approx(1248.4, abs=0.05)


def test_planned_exposures_have_the_planned_power():
    n = math.ceil(exposures_for_proportions(0.2, 0.3, power=0.9))
    a, b = np.arange(n + 1)[:, None], np.arange(n + 1)[None, :]
    both = (a + b) / (2 * n)
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.abs(a - b) / n / np.sqrt(both * (1 - both) * 2 / n)
    found = (stats.binom.pmf(a, n, 0.2) * stats.binom.pmf(b, n, 0.3))[z > 1.96].sum()
    assert found == pytest.approx(0.9, abs=0.015)


def test_a_mean_of_one_deviation_apart_and_a_share_at_its_margin():
    assert exposures_for_means(1, 1) == pytest.approx(2 * (1.959964 + 0.841621) ** 2, rel=1e-5)
    assert exposures_for_means(1, 1, allocation=1e9) == pytest.approx((1.959964 + 0.841621) ** 2, rel=1e-5)
    # one-sided at 5 %, 80 %: (1.645 + 0.842)^2 * 2 * 0.1 * 0.9 / 0.02^2
    assert exposures_for_non_inferiority(0.1, 0.02) == pytest.approx(2782.2, abs=0.5)
    assert exposures_for_non_inferiority(0.1, 0.02, candidate=0.09) < 2782.2


@pytest.mark.slow
def test_the_room_does_not_load_scipy_stats():
    code = "import sys, modelrollout.stats, modelrollout.stats.fixed_horizon; sys.exit('scipy.stats' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
