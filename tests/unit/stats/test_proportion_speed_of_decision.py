"""How many answers a decision takes, against Wald's test that knows both true rates: a small share of the benchmark."""

import math

import numpy as np
import pytest

from modelrollout.stats import Proportion

ALPHA = 0.01
RUNS = 200


def divergence(p, q):
    return p * math.log(p / q) + (1 - p) * math.log((1 - p) / (1 - q))


def answers_to_a_fail(stable, ratio, weight, per_stratum, width=15.0, **options):
    """The candidate's answers until a Fail in every run: of the test that knows the rates, and of ours.

    The oracle weighs the true rates against the one rate that lies nearest to both (Grünwald et al., arXiv:2106.02693).
    """
    rng = np.random.default_rng(17)
    candidate = stable * ratio
    m = round(per_stratum * weight)
    n = per_stratum - m
    null = (m * candidate + n * stable) / (m + n)
    needed = -math.log(ALPHA) / (m * divergence(candidate, null) + n * divergence(stable, null))
    strata = 5 + math.ceil(6 * needed)
    comparison = Proportion(margin_ratio=ratio, alpha=ALPHA, beta=1e-9, **options)
    oracle, first = np.zeros(RUNS), np.full((2, RUNS), strata)
    for i in range(strata):
        b, a = rng.binomial(m, candidate, RUNS), rng.binomial(n, stable, RUNS)
        oracle += b * math.log(candidate / null) + (m - b) * math.log((1 - candidate) / (1 - null))
        oracle += a * math.log(stable / null) + (n - a) * math.log((1 - stable) / (1 - null))
        comparison.update((b, m), (a, n), start=width * i)
        for row, evidence in zip(first, (oracle, comparison.peak_log_e_fail), strict=True):
            row[(evidence >= -math.log(ALPHA)) & (row == strata)] = i + 1
        if (first < strata).all():
            break
    return first * m


def is_within(times, answers):
    """Whether the second test takes at most so many times the first one's answers, but for two standard errors."""
    oracle, ours = answers
    excess = ours - times * oracle
    return excess.mean() <= 2 * excess.std() / math.sqrt(RUNS)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("stable", "ratio", "weight", "per_stratum", "most"),
    [
        (0.02, 1.5, 0.5, 300, 1.2),
        (0.02, 2.5, 0.5, 300, 1.2),
        (0.02, 2.5, 0.05, 300, 1.2),
        (0.002, 5.0, 0.5, 300, 1.2),
        (0.02, 1.2, 0.5, 3000, 1.3),
        (0.3, 1.2, 0.05, 300, 1.3),
    ],
)
def test_a_fault_is_found_with_little_more_than_the_answers_of_a_test_that_knows_the_rates(
    stable, ratio, weight, per_stratum, most
):
    assert is_within(most, answers_to_a_fail(stable, ratio, weight, per_stratum))


@pytest.mark.parametrize(("ratio", "per_stratum"), [(1.2, 3000), (1.5, 300), (2.5, 300)])
def test_a_part_of_the_stake_kept_for_late_faults_costs_little_where_the_fault_is_there_from_the_start(
    ratio, per_stratum
):
    assert is_within(1.4, answers_to_a_fail(0.02, ratio, 0.5, per_stratum, late_faults=True))
