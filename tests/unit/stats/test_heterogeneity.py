"""Dispersion as a run itself shows it: what counts as scatter between its blocks, and what does not."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelrollout.stats import Heterogeneity, UnknownState

WIDTH = 60.0
PER_BLOCK = 5
HOURS = 4


def seen(candidate_rate, stable_rate, weight=0.5, seed=0, answers=1200, hours=HOURS, start=1699999800.0):
    """A run of strata of a minute with these rates, numbers or one per stratum; it starts with a block."""
    rng = np.random.default_rng(seed)
    strata = round(hours * 60)
    m, n = rng.poisson(answers * weight, strata), rng.poisson(answers * (1 - weight), strata)
    b = rng.binomial(m, np.broadcast_to(candidate_rate, strata))
    a = rng.binomial(n, np.broadcast_to(stable_rate, strata))
    found = Heterogeneity()
    for i in range(strata):
        found.update(start + WIDTH * i, (b[i], m[i]), (a[i], n[i]))
    return found


def raised(runs, **options):
    return np.array([seen(seed=seed, **options).raise_to or 1.0 for seed in range(runs)])


def bursts(seed, hours=HOURS):
    """A factor on a version's rate, anew in each block: gamma with variance 0.1."""
    blocks = np.random.default_rng(100 + seed).gamma(10, 0.1, hours * 60 // PER_BLOCK)
    return np.repeat(blocks, PER_BLOCK)


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [
        {"candidate_rate": 0.02, "stable_rate": 0.02},
        {"candidate_rate": 0.02, "stable_rate": 0.02, "weight": 0.05},
        {"candidate_rate": 0.06, "stable_rate": 0.02, "weight": 0.05},
        {"candidate_rate": 0.05, "stable_rate": 0.1},
        {"candidate_rate": 0.9, "stable_rate": 0.93, "weight": 0.2},
    ],
)
def test_independent_answers_raise_nothing_to_speak_of_whatever_the_steady_effect(options):
    assert raised(25, **options).mean() < 1.05
    assert np.mean([seen(seed=seed, **options).estimate for seed in range(25)]) == pytest.approx(1.0, abs=0.12)


def test_an_hour_that_moves_both_versions_is_no_scatter():
    incidents = 0.02 * np.where(np.arange(HOURS * 60) % 47 < 10, 5.0, 1.0)
    assert raised(20, candidate_rate=incidents, stable_rate=incidents, weight=0.2).mean() < 1.05


def test_bursts_that_hit_each_version_by_itself_raise_the_dispersion():
    # 150 events a side and block: the variance of either count is 1 + 150 * 0.1 times that of independent answers
    found = [
        seen(0.05 * bursts(2 * seed), 0.05 * bursts(2 * seed + 1), seed=seed, answers=1200).estimate
        for seed in range(20)
    ]
    assert np.median(found) == pytest.approx(1 + 150 * 0.1, rel=0.35)
    assert seen(0.05 * bursts(0), 0.05 * bursts(1)).raise_to > 5


def test_what_is_raised_lies_below_the_estimate_and_never_falls():
    rng = np.random.default_rng(3)
    found, before = Heterogeneity(), 1.0
    for i in range(12 * 60):
        rate = 0.05 * (bursts(0)[i] if i < HOURS * 60 else 1.0)
        found.update(60.0 * i, (rng.binomial(600, rate), 600), (rng.binomial(600, 0.05), 600))
        now = found.raise_to or 1.0
        assert now >= before
        before = now
    assert before > found.estimate > 1.0


def test_nothing_is_raised_before_24_blocks_have_been_compared():
    found = seen(0.05 * bursts(0, 2), 0.05 * bursts(1, 2), hours=2)
    assert found.blocks < 24
    assert found.raise_to is None


def test_a_fault_that_begins_later_is_not_mistaken_for_scatter_for_long():
    late = np.where(np.arange(HOURS * 60) < HOURS * 30, 0.02, 0.06)
    assert raised(20, candidate_rate=late, stable_rate=0.02, weight=0.05).mean() < 1.4


def test_it_does_not_matter_which_of_the_two_outcomes_is_counted():
    good = seen(0.9, 0.93, seed=5)
    rng = np.random.default_rng(5)
    bad, strata = Heterogeneity(), HOURS * 60
    m, n = rng.poisson(600, strata), rng.poisson(600, strata)
    b, a = rng.binomial(m, 0.9), rng.binomial(n, 0.93)
    for i in range(strata):
        bad.update(1699999800.0 + WIDTH * i, (m[i] - b[i], m[i]), (n[i] - a[i], n[i]))
    assert bad.estimate == pytest.approx(good.estimate)


def test_strata_that_say_nothing_change_nothing():
    rng = np.random.default_rng(7)
    through, gaps = Heterogeneity(), Heterogeneity()
    for i in range(200):
        counts = (rng.binomial(600, 0.05), 600), (rng.binomial(600, 0.05), 600)
        through.update(60.0 * i, *counts)
        gaps.update(60.0 * i, *counts)
        for nothing in ((0, 0), (float("nan"), 100), (3, float("nan"))):
            gaps.update(60.0 * i, nothing, (10, 200))
            gaps.update(60.0 * i, (10, 200), nothing)
        gaps.update(60.0 * i, (0, 100), (0, 300))
    assert gaps.state() == through.state()


def test_an_effect_that_stable_has_no_room_for_is_cut_to_what_can_be():
    tight = Heterogeneity()
    for i in range(2):
        # Nine answers of the candidate and one of stable, five events: the candidate has at least four of them.
        tight.update(300.0 * i, (4, 9), (1, 1))
    assert tight.blocks == 0


side = st.integers(0, 400).flatmap(lambda total: st.tuples(st.integers(0, total), st.just(total)))


@given(st.lists(st.tuples(st.integers(1, 400), side, side), max_size=60), st.integers(0, 60))
@settings(max_examples=30)
def test_it_goes_on_exactly_from_its_state_at_any_point(strata, cut):
    through, broken, at = Heterogeneity(), Heterogeneity(), 0.0
    for i, (later, candidate, stable) in enumerate(strata):
        at += later
        if i == cut:
            stored = json.dumps(broken.state())
            assert len(stored) < 300
            broken = Heterogeneity.from_state(json.loads(stored))
        for one in (through, broken):
            one.update(at, candidate, stable)
    assert broken.state() == through.state()
    assert (broken.raise_to, broken.blocks) == (through.raise_to, through.blocks)


def test_another_classes_state_is_refused():
    with pytest.raises(UnknownState):
        Heterogeneity.from_state({**Heterogeneity().state(), "kind": "Proportion"})
