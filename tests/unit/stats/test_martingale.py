"""Expectations by enumeration: summed over every table, evidence against a true null is at most 1."""

import itertools

import numpy as np
import pytest
from scipy.stats import binom

from modelrollout.stats import AgainstLimit, Proportion

STRATA = [(4, 6), (5, 3)]  # answers of candidate and stable
TABLES = np.array(list(itertools.product(*(range(total + 1) for pair in STRATA for total in pair)))).T


def expectation(limits, rates, evidence):
    """Mean of exp(evidence) over all tables of two strata, with (candidate, stable) rates for each."""
    comparison = Proportion(floor=None, beta=1e-9, **limits)  # no Pass, which would start another process
    probability = np.ones(TABLES.shape[1])
    for i, ((m, n), (rate_c, rate_s)) in enumerate(zip(STRATA, rates, strict=True)):
        b, a = TABLES[2 * i], TABLES[2 * i + 1]
        probability *= binom.pmf(b, m, rate_c) * binom.pmf(a, n, rate_s)
        comparison.update((b, m), (a, n), start=1000.0 * i)
    assert probability.sum() == pytest.approx(1)
    return float(np.exp(getattr(comparison, evidence)) @ probability)


@pytest.mark.parametrize("rates", [[(0.02, 0.02), (0.3, 0.3)], [(0.5, 0.5), (0.9, 0.9)], [(0.1, 0.2), (0.05, 0.06)]])
@pytest.mark.parametrize("late_faults", [False, True])
def test_a_candidate_no_worse_than_stable_cannot_gain_evidence_of_failure_whatever_the_baseline_does(
    rates, late_faults
):
    assert expectation({"margin_ratio": 1.5, "late_faults": late_faults}, rates, "log_e_fail") <= 1 + 1e-6


@pytest.mark.parametrize("rates", [[(0.03, 0.02), (0.15, 0.1)], [(0.6, 0.4), (0.9, 0.6)], [(0.5, 0.1), (0.01, 0.005)]])
def test_a_candidate_at_or_beyond_a_ratio_margin_cannot_gain_evidence_of_passing(rates):
    assert expectation({"margin_ratio": 1.5}, rates, "log_e_pass") <= 1 + 1e-6


@pytest.mark.parametrize("rates", [[(0.01, 0.008), (0.12, 0.1)], [(0.05, 0.05), (0.06, 0.05)]])
def test_a_candidate_within_an_acceptable_ratio_cannot_gain_evidence_of_failure_while_bad_answers_are_rare(rates):
    limits = {"acceptable_ratio": 1.25, "margin_ratio": 2.0}
    assert expectation(limits, rates, "log_e_fail") <= 1 + 1e-6


@pytest.mark.parametrize("rates", [[(0.07, 0.05), (0.52, 0.5)], [(0.3, 0.1), (0.98, 0.96)], [(0.02, 0.0), (0.02, 0.0)]])
def test_a_candidate_at_or_beyond_a_difference_margin_cannot_gain_evidence_of_passing(rates):
    assert expectation({"margin_difference": 0.02}, rates, "log_e_pass") <= 1 + 1e-6


@pytest.mark.parametrize("rates", [[(0.06, 0.05), (0.51, 0.5)], [(0.3, 0.4), (0.97, 0.96)]])
def test_a_candidate_within_an_acceptable_difference_cannot_gain_evidence_of_failure(rates):
    limits = {"acceptable_difference": 0.01, "margin_difference": 0.02}
    assert expectation(limits, rates, "log_e_fail") <= 1 + 1e-6


@pytest.mark.parametrize("rates", [[(0.05, 0.1), (0.3, 0.35)], [(0.2, 0.2), (0.4, 0.1)]])
def test_a_candidate_short_of_its_gain_cannot_gain_evidence_of_passing(rates):
    assert expectation({"gain_difference": 0.05}, rates, "log_e_pass") <= 1 + 1e-6


def test_a_dispersion_only_lowers_the_expectation():
    rates = [(0.3, 0.3), (0.3, 0.3)]
    plain = expectation({"margin_ratio": 1.5}, rates, "log_e_fail")
    assert expectation({"margin_ratio": 1.5, "dispersion": 2.0}, rates, "log_e_fail") <= plain + 1e-9


@pytest.mark.parametrize("better", ["Lower", "Higher"])
@pytest.mark.parametrize(("rate", "evidence"), [(0.1, "log_e_fail"), (0.1, "log_e_pass")])
def test_a_version_at_its_limit_gains_no_evidence_in_either_direction(better, rate, evidence):
    limit = rate if better == "Lower" else 1 - rate
    test = AgainstLimit(better, limit=limit)
    counts = np.array(list(itertools.product(range(7), range(5)))).T
    for events, total in zip(counts, (6, 4), strict=True):
        test.update((events, total))
    probability = binom.pmf(counts[0], 6, limit) * binom.pmf(counts[1], 4, limit)
    assert np.exp(getattr(test, evidence)) @ probability <= 1 + 1e-6


def test_with_a_floor_the_evidence_of_passing_stays_fair_for_a_candidate_beyond_both():
    comparison = Proportion(margin_ratio=1.5, floor=0.05)
    b, a = np.array(list(itertools.product(range(13), range(13)))).T
    comparison.update((b, 12), (a, 12))
    probability = binom.pmf(b, 12, 0.06) * binom.pmf(a, 12, 0.04)
    assert np.exp(comparison.log_e_pass) @ probability <= 1 + 1e-6
