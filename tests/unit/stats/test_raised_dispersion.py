"""A dispersion raised within a run: evidence gathered under too small a one is undone, and so is its peak."""

import json

import numpy as np
import pytest

from modelrollout.stats import (
    AgainstLimit,
    Agreement,
    Distribution,
    Mean,
    PairedMean,
    PairedProportion,
    Proportion,
    Rate,
    RatioOfSums,
    SampleRatio,
    holm,
)

BURST, CALM = 6, 10  # strata

# What makes a test of one dispersion, and its strata: a burst of bad answers, and calm ones like stable's.
TESTS = {
    "ratio": (
        lambda **o: Proportion(margin_ratio=3.0, **o),
        (((30, 500), (10, 500)), ((10, 500), (14, 500))),
    ),
    "difference": (
        lambda **o: Proportion("Higher", margin_difference=0.1, **o),
        (((460, 500), (490, 500)), ((490, 500), (485, 500))),
    ),
    "rate": (lambda **o: Rate(margin_ratio=3.0, **o), (((30, 5.0), (10, 5.0)), ((10, 5.0), (14, 5.0)))),
    "mean": (
        lambda **o: Mean(margin_ratio=3.0, **o),
        (((160.0, 100, 400.0), (100.0, 100, 250.0)), ((100.0, 100, 250.0), (110.0, 100, 260.0))),
    ),
    "bounded mean": (
        lambda **o: Mean(margin_difference=0.2, minimum=0.0, maximum=1.0, **o),
        (((60.0, 200), (20.0, 200)), ((20.0, 200), (30.0, 200))),
    ),
    "ratio of sums": (
        lambda **o: RatioOfSums(margin_ratio=3.0, **o),
        (
            ((320.0, 100, 1600.0, 200.0, 500.0, 700.0), (200.0, 100, 700.0, 200.0, 500.0, 450.0)),
            ((200.0, 100, 700.0, 200.0, 500.0, 450.0), (220.0, 100, 750.0, 200.0, 500.0, 480.0)),
        ),
    ),
    "distribution": (
        lambda **o: Distribution(margin_distance=0.5, acceptable_distance=0.05, **o),
        ((([60, 30, 10], [20, 40, 40]), ([30, 40, 30], [31, 39, 30]))),
    ),
    "limit": (lambda **o: AgainstLimit(limit=0.05, **o), (((40, 500),), ((20, 500),))),
    "agreement": (lambda **o: Agreement(min=0.95, **o), (((460, 500),), ((480, 500),))),
    "pairs": (lambda **o: PairedProportion(margin_ratio=3.0, floor=0.001, **o), (((16, 4, 500),), ((5, 7, 500),))),
    "differences of pairs": (
        lambda **o: PairedMean(margin_difference=2.0, **o),
        (((40.0, 100, 250.0),), ((-5.0, 100, 230.0),)),
    ),
}


def after_a_burst(test, strata):
    burst, calm = strata
    for i in range(BURST + CALM):
        if i in (2, 4):
            test.restart(at=60.0 * i)
        test.update(*(burst if i < BURST else calm), start=60.0 * i)
    return test


def undecided(**options):
    """So strict that nothing fails, and nothing passes, which would start other evidence."""
    return {"alpha": 1e-300, "beta": 1e-300, **options}


@pytest.mark.parametrize("late_faults", [False, True])
@pytest.mark.parametrize("name", TESTS)
def test_a_peak_counts_no_more_than_it_would_had_the_dispersion_been_known_from_the_start(name, late_faults):
    make, strata = TESTS[name]
    raised = after_a_burst(make(**undecided(late_faults=late_faults)), strata)
    assert raised.peak_log_e_fail > max(2.0, raised.log_e_fail + 0.5)
    known = after_a_burst(make(**undecided(late_faults=late_faults, dispersion=3.0)), strata)
    raised.raise_dispersion(3.0)
    assert 0 <= raised.peak_log_e_fail <= known.peak_log_e_fail + 1e-4
    assert raised.peak_log_e_fail == pytest.approx(max(0.0, raised.log_e_fail), abs=1e-5)
    restored = type(raised).from_state(json.loads(json.dumps(raised.state())))
    assert restored.peak_log_e_fail == raised.peak_log_e_fail


def test_a_third_of_the_old_peak_would_be_more_than_there_had_been_with_three_times_the_dispersion():
    make, strata = TESTS["ratio"]
    old = after_a_burst(make(**undecided(late_faults=True)), strata).peak_log_e_fail
    true = after_a_burst(make(**undecided(late_faults=True, dispersion=3.0)), strata).peak_log_e_fail
    assert old / 3 > true + 0.5


def test_evidence_from_a_burst_is_not_rejected_in_its_family_when_another_comparison_fails_later():
    make, strata = TESTS["limit"]
    burst = after_a_burst(make(alpha=np.exp(-22.6)), strata)
    family = {"alpha": 2 * np.exp(-22.6), "planned": 2}  # the failing one leaves all of the level to the other
    assert 21.95 < burst.peak_log_e_fail < 22.55
    assert holm([burst.peak_log_e_fail, 30.0], **family).rejected.tolist() == [True, True]
    burst.raise_dispersion(1.5)
    assert holm([burst.peak_log_e_fail, 30.0], **family).rejected.tolist() == [False, True]


def test_a_fail_stays_one_whenever_the_dispersion_is_raised():
    make, _ = TESTS["ratio"]
    test = make(alpha=np.exp(-5.0))
    for i in range(BURST + CALM):
        counts = (np.array([30, 17] if i < BURST else [10, 8]), 500)
        test.update(counts, (np.array([10, 10]), 500))
    before = test.peak_log_e_fail
    assert before[0] >= 5 > before[1] > 0
    test.raise_dispersion(4.0)
    assert test.verdict[0] == "Fail"
    assert test.peak_log_e_fail[0] == before[0]
    assert test.peak_log_e_fail[1] < before[1]


def test_a_fault_that_lasts_fails_under_the_larger_dispersion_too():
    make, (fault, _) = TESTS["ratio"]
    comparison = make()
    comparison.update(*fault)
    assert comparison.verdict == "Inconclusive"
    comparison.raise_dispersion(4.0)
    for _ in range(20):
        comparison.update(*fault)
    assert comparison.verdict == "Fail"


def test_a_smaller_dispersion_leaves_the_peak_alone():
    make, strata = TESTS["limit"]
    test = after_a_burst(make(**undecided(dispersion=1.5)), strata)
    before = test.peak_log_e_fail
    test.raise_dispersion(1.5)
    assert test.peak_log_e_fail == before > 0


def test_once_the_dispersion_is_known_bursts_rarely_fail_an_equal_candidate_at_any_level_of_a_family():
    rng = np.random.default_rng(21)
    comparison = Proportion(margin_ratio=1.5, alpha=0.0025)  # a quarter of what is left for it when others have failed
    for i in range(40):  # answers come in fives that are alike
        candidate, stable = (5 * rng.binomial(60, 0.05, 500) for _ in range(2))
        comparison.update((candidate, 300), (stable, 300))
        if i == 9:
            open_yet = comparison.verdict != "Fail"
            assert (np.exp(-comparison.peak_log_e_fail[open_yet]) <= 0.01).mean() > 0.02
            comparison.raise_dispersion(5.0)
    assert (np.exp(-comparison.peak_log_e_fail[open_yet]) <= 0.01).mean() <= 0.01


def test_a_split_that_looked_doubtful_is_no_longer_so_and_a_mismatch_remains_one():
    test = SampleRatio()
    for _ in range(2):  # a wave to one arm and then the other, and another test with all to one
        test.update(np.array([[550, 450], [700, 300]]), (1, 1))
    test.update(np.array([[450, 550], [500, 500]]), (1, 1))
    before = test.p_value
    assert test.verdict.tolist() == ["Healthy", "Mismatch"]
    test.raise_dispersion(3.0)
    assert before[0] < 0.05 < test.p_value[0] == pytest.approx(min(1.0, np.exp(-test.log_e[0])), rel=1e-5)
    assert test.verdict.tolist() == ["Healthy", "Mismatch"]
    assert test.p_value[1] == before[1]
