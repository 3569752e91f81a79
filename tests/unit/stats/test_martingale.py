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


def second(b, a):
    """Answers of the second stratum, chosen by what the first one showed: more weight after good answers, or none."""
    return [(3, 2), (2, 4), (1, 4)][min(b, 2)] if a < 3 else (0, 3)


def two_strata(rates):
    """All pairs of tables in which the second's size depends on the first: counts (8, P), the first's number, chances.

    The second chance is conditional on the first table.
    """
    rows = []
    (m, n), ((rate_c, rate_s), (next_c, next_s)) = (3, 4), rates
    for i, (b, a) in enumerate(itertools.product(range(m + 1), range(n + 1))):
        first = binom.pmf(b, m, rate_c) * binom.pmf(a, n, rate_s)
        m2, n2 = second(b, a)
        for b2, a2 in itertools.product(range(m2 + 1), range(n2 + 1)):
            rows.append((b, m, a, n, b2, m2, a2, n2, i, first, binom.pmf(b2, m2, next_c) * binom.pmf(a2, n2, next_s)))
    table = np.array(rows).T
    return table[:8], table[8].astype(int), table[9], table[10]


EQUAL = [(0.3, 0.3), (0.2, 0.2)]
OPTIONS = [{}, {"dispersion": 1.7}, {"late_faults": True}, {"late_faults": True, "dispersion": 3.0}]


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize(
    ("limits", "evidence", "rates"),
    [
        ({"margin_ratio": 1.5}, "log_e_fail", EQUAL),
        ({"margin_ratio": 1.5}, "log_e_fail", [(0.9, 0.9), (0.01, 0.01)]),
        ({"margin_difference": 0.1}, "log_e_fail", EQUAL),
        ({"acceptable_ratio": 1.2, "margin_ratio": 2.0}, "log_e_fail", [(0.6, 0.5), (0.36, 0.3)]),
        ({"acceptable_difference": 0.1, "margin_difference": 0.2}, "log_e_fail", [(0.4, 0.3), (0.2, 0.1)]),
        ({"margin_ratio": 1.5}, "log_e_pass", [(0.45, 0.3), (0.03, 0.02)]),
        ({"margin_difference": 0.1}, "log_e_pass", [(0.4, 0.3), (0.9, 0.8)]),
        ({"gain_ratio": 0.8}, "log_e_pass", [(0.4, 0.5), (0.08, 0.1)]),
        ({"gain_difference": 0.1, "better": "Higher"}, "log_e_pass", [(0.7, 0.8), (0.2, 0.3)]),
    ],
)
@pytest.mark.slow
def test_evidence_is_fair_stratum_by_stratum_also_where_the_next_one_depends_on_the_last(
    options, limits, evidence, rates
):
    counts, first, chance, then = two_strata(rates)
    if limits.get("better") == "Higher":
        counts = counts.copy()
        counts[0::2] = counts[1::2] - counts[0::2]
    comparison = Proportion(floor=None, beta=1e-9, **options, **limits)
    comparison.restart(at=0.0)
    comparison.update(counts[0:2], counts[2:4], start=0.0)
    before = np.exp(getattr(comparison, evidence))
    comparison.restart(at=900.0)
    comparison.update(counts[4:6], counts[6:8], start=900.0)
    after = np.exp(getattr(comparison, evidence))
    assert chance @ (then * before) <= 1 + 1e-6
    given = np.bincount(first, then * after)
    assert (given <= before[np.unique(first, return_index=True)[1]] * (1 + 1e-5)).all()


@pytest.mark.parametrize("rates", [[(0.06, 0.04), (0.06, 0.04)], [(0.3, 0.2), (0.06, 0.0)]])
@pytest.mark.parametrize("options", OPTIONS)
def test_neither_limit_nor_floor_can_be_gained_on_where_the_next_stratum_depends_on_the_last(rates, options):
    counts, _, chance, then = two_strata(rates)
    comparison = Proportion(margin_ratio=1.5, floor=0.06, beta=1e-9, **options)
    comparison.update(counts[0:2], counts[2:4], start=0.0)
    comparison.restart(at=900.0)
    comparison.update(counts[4:6], counts[6:8], start=900.0)
    assert chance @ (then * np.exp(comparison.log_e_pass)) <= 1 + 1e-6
    # below the floor nothing is a fault, however much better stable is
    counts, _, chance, then = two_strata([(0.06, 0.001), (0.06, 0.001)])
    comparison = Proportion(margin_ratio=1.5, floor=0.06, beta=1e-9, **options)
    comparison.update(counts[0:2], counts[2:4], start=0.0)
    comparison.update(counts[4:6], counts[6:8], start=900.0)
    assert chance @ (then * np.exp(comparison.log_e_fail)) <= 1 + 1e-6


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("evidence", ["log_e_fail", "log_e_pass"])
def test_a_version_alone_at_its_limit_is_fair_stratum_by_stratum(options, evidence):
    counts, first, chance, then = two_strata([(0.2, 0.2), (0.2, 0.2)])
    test = AgainstLimit(limit=0.2, **options)
    test.update((counts[0] + counts[2], counts[1] + counts[3]), start=0.0)
    before = np.exp(getattr(test, evidence))
    test.restart(at=900.0)
    test.update((counts[4] + counts[6], counts[5] + counts[7]), start=1800.0)
    after = np.exp(getattr(test, evidence))
    assert chance @ (then * before) <= 1 + 1e-6
    given = np.bincount(first, then * after)
    assert (given <= before[np.unique(first, return_index=True)[1]] * (1 + 1e-5)).all()


@pytest.mark.parametrize("limits", [{"margin_ratio": 1.5}, {"margin_difference": 0.1}])
def test_a_larger_dispersion_in_between_only_lowers_what_can_be_gained(limits):
    counts, _, chance, then = two_strata(EQUAL)
    comparison = Proportion(floor=None, beta=1e-9, **limits)
    comparison.update(counts[0:2], counts[2:4])
    comparison.raise_dispersion(2.0)
    comparison.update(counts[4:6], counts[6:8])
    assert chance @ (then * np.exp(comparison.log_e_fail)) <= 1 + 1e-6
