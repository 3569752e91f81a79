"""Sums of e-processes: how long they are silent while nothing has changed, and how soon they speak."""

import math

import numpy as np
import pytest

from modelrollout.stats.change import (
    DistributionChange,
    ShareChange,
    scatter_of_distributions,
    scatter_of_shares,
)

REFERENCE = np.array([400.0, 300.0, 200.0, 100.0])


def looks_to_alarm(change: ShareChange, shares: np.ndarray, total: int, mean_looks: float, seed: int) -> int:
    """How many looks until the alarm; one more than there are where it never came."""
    rng = np.random.default_rng(seed)
    for number, share in enumerate(shares, 1):
        change.update(rng.binomial(total, share), total)
        if change.log_value >= math.log(mean_looks):
            return number
    return len(shares) + 1


@pytest.mark.slow
@pytest.mark.parametrize("total", [200, 5000])
def test_at_the_limit_false_alarms_are_as_rare_as_promised(total: int) -> None:
    mean_looks, horizon = 50, 500
    waits = [
        looks_to_alarm(ShareChange("Lower", limit=0.03, dispersion=1), np.full(horizon, 0.03), total, mean_looks, seed)
        for seed in range(60)
    ]
    assert np.mean(waits) >= mean_looks  # even with those who never alarmed counted at the horizon


def test_a_version_as_good_as_its_reference_is_left_alone_for_years() -> None:
    change = ShareChange("Lower", limit=0.03, dispersion=1)
    assert looks_to_alarm(change, np.full(3 * 365, 0.02), 10_000, 365, seed=1) == 3 * 365 + 1


def test_a_good_year_does_not_delay_the_alarm() -> None:
    fresh = ShareChange("Lower", limit=0.03, dispersion=1)
    after_a_year = ShareChange("Lower", limit=0.03, dispersion=1)
    assert looks_to_alarm(after_a_year, np.full(365, 0.02), 10_000, 365, seed=1) == 366
    bad = np.full(30, 0.035)
    assert looks_to_alarm(after_a_year, bad, 10_000, 365, seed=2) <= looks_to_alarm(fresh, bad, 10_000, 365, seed=2)


def test_a_slow_degradation_is_found_soon_after_it_has_passed_the_limit() -> None:
    slope = 0.02 + 0.0002 * np.arange(200)  # passes 3 % at look 50
    found = looks_to_alarm(ShareChange("Lower", limit=0.03, dispersion=1), slope, 10_000, 365, seed=3)
    assert 50 < found <= 75


def test_what_is_better_when_higher_alarms_when_it_falls() -> None:
    change = ShareChange("Higher", limit=0.9, dispersion=1)
    assert looks_to_alarm(change, np.full(50, 0.95), 1000, 365, seed=4) == 51
    assert looks_to_alarm(change, np.full(50, 0.85), 1000, 365, seed=4) <= 3


def drawn(shares: np.ndarray, total: int, seed: int, mean_looks: float, looks: int) -> int:
    rng = np.random.default_rng(seed)
    change = DistributionChange(REFERENCE * 100, acceptable_distance=0.1, dispersion=1)
    for number in range(1, looks + 1):
        change.update(rng.multinomial(total, shares).astype(float))
        if change.log_value >= math.log(mean_looks):
            return number
    return looks + 1


def test_a_distribution_like_its_reference_is_left_alone() -> None:
    assert drawn(REFERENCE / 1000, 2000, 5, 365, 1000) == 1001


@pytest.mark.slow
def test_at_the_acceptable_distance_false_alarms_are_as_rare_as_promised() -> None:
    far = np.array([0.1, 0.2, 0.3, 0.4])
    low, high = 0.0, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        shares = REFERENCE / 1000 * (1 - middle) + far * middle
        mid = (shares + REFERENCE / 1000) / 2
        distance = math.sqrt(
            (np.sum(shares * np.log2(shares / mid)) + np.sum(REFERENCE / 1000 * np.log2(REFERENCE / 1000 / mid))) / 2
        )
        low, high = (low, middle) if distance > 0.1 else (middle, high)
    at_limit = REFERENCE / 1000 * (1 - low) + far * low
    waits = [drawn(at_limit, 1000, seed, 50, 300) for seed in range(40)]
    assert np.mean(waits) >= 50
    beyond = REFERENCE / 1000 * (1 - 2 * low) + far * 2 * low
    assert max(drawn(beyond, 1000, seed, 365, 60) for seed in range(10)) <= 6


def test_scatter_is_taken_at_its_upper_end_and_never_below_one() -> None:
    steady = scatter_of_shares(np.full(7, 20.0), np.full(7, 1000.0))
    assert steady == 1.0
    uneven = scatter_of_shares(np.array([10.0, 40, 10, 40, 10, 40, 10]), np.full(7, 1000.0))
    assert uneven > 10
    alike = scatter_of_distributions(np.tile(REFERENCE, (7, 1)))
    assert alike == 1.0
    assert scatter_of_distributions(np.array([REFERENCE, REFERENCE[::-1]] * 3)) > 10
