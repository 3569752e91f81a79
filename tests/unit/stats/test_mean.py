import itertools
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from modelrollout.stats import Mean, UnknownState, gaussian

BOUNDS = {"minimum": 0.0, "maximum": 1.0}

# values of a side in a stratum, of a quantity between 0 and 1
values = st.lists(st.sampled_from([0.0, 0.1, 0.25, 0.5, 1.0]), max_size=60)
strata = st.lists(st.tuples(values, values), max_size=12)
forms = st.sampled_from(
    [
        (3, {"margin_ratio": 1.5}),
        (3, {"margin_difference": 0.1, "late_faults": True, "dispersion": 2.0}),
        (3, {"better": "Higher", "gain_difference": 0.0}),
        (2, {"margin_difference": 0.1}),
        (2, {"margin_ratio": 1.5, "late_faults": True}),
        (2, {"margin_difference": 0.1, **BOUNDS}),
        (2, {"better": "Higher", "margin_ratio": 1.2, "late_faults": True, **BOUNDS}),
    ]
)


def sums(observed, size=3):
    """Sum, count and, if wanted, sum of squares of values, the last axis being the values of one comparison."""
    observed = np.asarray(observed, dtype=np.float64)
    count = np.full(observed.shape[:-1], float(observed.shape[-1]))
    return (observed.sum(axis=-1), count, np.square(observed).sum(axis=-1))[:size]


def decided(comparison, candidate, stable, strata=1):
    for _ in range(strata):
        comparison.update(candidate, stable)
    return comparison


@pytest.mark.parametrize("size", [3, 2])
def test_a_higher_mean_fails_where_lower_is_better_and_passes_as_a_gain_where_higher_is(size):
    rng = np.random.default_rng(1)
    guard, goal = Mean(margin_ratio=1.1), Mean("Higher", gain_difference=0.0)
    for _ in range(40):
        candidate, stable = sums(rng.exponential(1.3, 200), size), sums(rng.exponential(1.0, 200), size)
        guard.update(candidate, stable)
        goal.update(candidate, stable)
    assert guard.verdict == "Fail"
    assert goal.verdict == "Pass"
    assert guard.effect == pytest.approx(1.3, rel=0.1)
    assert guard.low < guard.effect < guard.high
    assert goal.effect == pytest.approx(0.3, abs=0.1)
    assert guard.estimates == pytest.approx((1.3, 1.0), rel=0.1)
    assert guard.exposures == (8000, 8000)


def test_where_higher_is_better_a_ratio_limits_how_many_times_as_bad_and_shows_candidate_over_stable():
    rng = np.random.default_rng(2)
    near, far = Mean("Higher", margin_ratio=1.25), Mean("Higher", margin_ratio=1.25)
    for _ in range(40):
        stable = sums(rng.exponential(1.0, 400))
        near.update(sums(rng.exponential(0.99, 400)), stable)
        far.update(sums(rng.exponential(0.7, 400)), stable)
    assert near.verdict == "Pass"
    assert far.verdict == "Fail"
    assert far.effect == pytest.approx(0.7, rel=0.1)
    assert far.effect_kind == "ratio"


def test_with_the_sum_of_squares_a_decision_needs_a_fraction_of_the_requests():
    rng = np.random.default_rng(3)
    needed = {}
    for size in (3, 2):
        comparison = Mean(margin_difference=0.03, **BOUNDS)
        for i in range(400):
            comparison.update(sums(rng.beta(11.5, 18.5, 20), size), sums(rng.beta(10, 20, 20), size))
            if comparison.verdict == "Fail":
                needed[size] = 20 * (i + 1)
                break
    assert needed[3] < needed[2] / 4


@pytest.mark.slow
@pytest.mark.parametrize("late_faults", [False, True])
@pytest.mark.parametrize("better", ["Lower", "Higher"])
@pytest.mark.parametrize("size", [3, 2])
def test_a_heavy_tail_on_a_small_share_of_traffic_does_not_fail_an_equal_candidate(size, better, late_faults):
    rng = np.random.default_rng(4)
    comparison = Mean(better, margin_ratio=1.1, late_faults=late_faults)
    for i in range(60):
        latency = np.exp(1.5 * rng.standard_normal((300, 120), dtype=np.float32))
        comparison.update(sums(latency[:, :8], size), sums(latency[:, 8:], size), start=60.0 * i)
    assert (comparison.verdict == "Fail").mean() <= 0.01


@pytest.mark.parametrize("size", [3, 2])
def test_a_candidate_at_the_margin_rarely_passes_at_any_time(size):
    rng = np.random.default_rng(5)
    comparison = Mean(margin_ratio=1.2)
    ever = np.zeros(400, dtype=bool)
    for _ in range(60):
        drawn = rng.standard_exponential((400, 120), dtype=np.float32)
        comparison.update(sums(1.2 * drawn[:, :60], size), sums(drawn[:, 60:], size))
        ever |= comparison.verdict == "Pass"
    assert ever.mean() <= 0.05 + 0.03


def test_with_bounds_alone_neither_an_equal_candidate_fails_nor_one_at_the_margin_passes():
    rng = np.random.default_rng(6)
    equal, at_margin = Mean(margin_difference=0.2, **BOUNDS), Mean(margin_difference=0.2, **BOUNDS)
    ever = np.zeros(200, dtype=bool)
    for _ in range(30):  # a quantity that scatters as far as its bounds allow
        stable = sums(rng.random((200, 20)) < 0.4, 2)
        equal.update(sums(rng.random((200, 20)) < 0.4, 2), stable)
        at_margin.update(sums(rng.random((200, 20)) < 0.6, 2), stable)
        ever |= at_margin.verdict == "Pass"
    assert (equal.verdict == "Fail").mean() <= 0.01 + 0.02
    assert ever.mean() <= 0.05 + 0.03


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "chances_c", "chances_s", "evidence"),
    [
        ({"margin_ratio": 1.5}, (0.5, 0.3, 0.2), (0.5, 0.3, 0.2), "log_e_fail"),
        ({"margin_ratio": 1.5}, (0.2, 0.5, 0.3), (0.4, 0.1, 0.5), "log_e_fail"),
        ({"margin_difference": 0.2}, (0.4, 0.1, 0.5), (0.6, 0.1, 0.3), "log_e_pass"),
        ({"better": "Higher", "margin_ratio": 1.25}, (0.5, 0.2, 0.3), (0.4, 0.2, 0.4), "log_e_pass"),
        ({"better": "Higher", "margin_difference": 0.2}, (0.2, 0.6, 0.2), (0.5, 0.0, 0.5), "log_e_fail"),
    ],
)
def test_with_bounds_alone_the_evidence_is_fair_at_any_sample_size(options, chances_c, chances_s, evidence):
    comparison = Mean(**options, **BOUNDS, beta=1e-9)
    # two strata, of two values of the candidate and one of stable each: 0, a half or 1
    drawn = np.array(list(itertools.product(range(3), repeat=6)))
    mine, theirs = drawn[:, :4], drawn[:, 4:]
    probability = np.prod(np.concatenate([np.take(chances_c, mine), np.take(chances_s, theirs)], axis=1), axis=1)
    assert probability.sum() == pytest.approx(1)
    for i in range(2):
        comparison.update(sums(mine[:, 2 * i : 2 * i + 2] / 2, 2), sums(theirs[:, i : i + 1] / 2, 2))
    assert np.exp(getattr(comparison, evidence)) @ probability <= 1 + 1e-5


@pytest.mark.parametrize("score", [-30.0, -2.0, 0.0, 3.0, 25.0])
def test_the_normal_mixture_is_the_integral_it_stands_for(score):
    variance, scale = 40.0, 2.0
    sides = {1: 0.0, 2: 0.0}
    for spread, weight in zip(gaussian.SPREADS, (0.25, 0.5, 0.25), strict=True):
        tilt = np.linspace(0, 12 * spread / np.sqrt(scale), 40001)
        prior = weight * 2 * norm.pdf(tilt, scale=spread / np.sqrt(scale))
        for signs in (1, 2):  # tilts upwards alone, or upwards and downwards with half the weight each
            grown = sum(np.exp(sign * tilt * score - tilt**2 * variance / 2) for sign in (1, -1)[:signs]) / signs
            sides[signs] += np.trapezoid(prior * grown, tilt)
    arguments = np.array(score), np.array(variance), np.array(scale)
    assert gaussian.log_one_sided(*arguments) == pytest.approx(np.log(sides[1]), abs=1e-5)
    assert gaussian.log_two_sided(*arguments) == pytest.approx(np.log(sides[2]), abs=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize(("size", "options"), [(3, {}), (2, {}), (2, BOUNDS)])
def test_the_confidence_sequences_hold_the_truth_at_every_look(size, options):
    rng = np.random.default_rng(7)
    ratio, difference = Mean(margin_ratio=1.5, **options), Mean(margin_difference=0.1, **options)
    missed = np.zeros((2, 150), dtype=bool)
    for _ in range(30):
        candidate, stable = sums(rng.beta(2, 3, (150, 20)), size), sums(rng.beta(2, 6, (150, 30)), size)
        for i, (comparison, truth) in enumerate([(ratio, 0.4 / 0.25), (difference, 0.15)]):
            comparison.update(candidate, stable)
            interval = comparison.interval()
            missed[i] |= (interval.low > truth) | (interval.high < truth)
    assert (missed.mean(axis=1) <= 0.05 + 0.025).all()
    assert np.isfinite(ratio.high).mean() > 0.9


@pytest.mark.parametrize("size", [3, 2])
def test_bounds_far_from_0_and_1_leave_the_difference_in_its_own_unit(size):
    rng = np.random.default_rng(13)
    comparison, plain = Mean(margin_difference=30.0, minimum=100.0, maximum=300.0), Mean(margin_difference=30.0)
    for _ in range(30):
        candidate, stable = (100 + 200 * rng.beta(a, 2, 100) for a in (3, 2))
        comparison.update(sums(candidate, size), sums(stable, size))
        plain.update(sums(candidate), sums(stable))
    assert comparison.effect == plain.effect == pytest.approx(20.0, abs=4.0)
    assert comparison.low <= plain.low < 20.0 < plain.high <= comparison.high
    assert comparison.high - comparison.low < 3 * (plain.high - plain.low)


@pytest.mark.parametrize("kind", ["ratio", "difference"])
def test_the_interval_ends_where_the_test_of_that_limit_would_reject(kind):
    rng = np.random.default_rng(8)
    data = [(sums(rng.gamma(4.0, 0.25, 100)), sums(rng.gamma(4.0, 0.25, 150))) for _ in range(12)]
    comparison = Mean(**{f"margin_{kind}": 2.0})
    for candidate, stable in data:
        comparison.update(candidate, stable)
    interval = comparison.interval(0.98)
    low, high = interval.low, interval.high
    at_low, at_high = (Mean(**{f"acceptable_{kind}": end, f"margin_{kind}": end}) for end in (low, high))
    for candidate, stable in data:
        at_low.update(candidate, stable)
        at_high.update(candidate, stable)
    # one side alone has twice the evidence of both together; the scale is fixed at the acceptable limit
    assert at_low.log_e_fail == pytest.approx(np.log(2 * 50), abs=0.05)
    assert at_high.log_e_pass == pytest.approx(np.log(2 * 50), abs=0.05)


def test_a_changing_baseline_and_changing_weights_are_not_mistaken_for_a_worse_candidate():
    rng = np.random.default_rng(9)
    comparison = Mean(margin_ratio=1.2)
    for i in range(60):
        n = (10, 50, 100)[i // 20]
        drawn = (1 + i / 30) * rng.standard_exponential((300, 200), dtype=np.float32)
        comparison.update(sums(drawn[:, :n]), sums(drawn[:, n:]))
    assert (comparison.verdict == "Fail").mean() <= 0.01
    assert (comparison.verdict == "Pass").mean() > 0.9


def test_a_late_fault_is_found_though_hours_of_good_values_came_before():
    def strata_until_fail(**options):
        rng = np.random.default_rng(10)
        comparison = Mean(margin_ratio=1.2, **options)
        for i in range(480):  # two hours of 15 s
            comparison.update(sums(rng.exponential(1.0, 100)), sums(rng.exponential(1.0, 100)), start=15.0 * i)
        for i in range(480, 720):
            comparison.update(sums(rng.exponential(1.5, 100)), sums(rng.exponential(1.0, 100)), start=15.0 * i)
            if comparison.verdict == "Fail":
                return i - 480
        return 240

    # after its Pass the processes against the margin have seen an hour or more of values well inside it
    assert strata_until_fail(late_faults=True) < 30 < strata_until_fail()


def test_values_that_never_differ_pass_any_margin_and_gain_nothing():
    guard, goal = Mean(margin_ratio=1.1), Mean(gain_ratio=1.0)
    for comparison in (guard, goal):
        decided(comparison, (5.0, 10, 2.5), (25.0, 50, 12.5), 30)
    assert guard.verdict == "Pass"
    assert goal.verdict == "Inconclusive"


@given(form=forms, data=strata, cut=st.integers(0, 12))
@settings(max_examples=25)
def test_a_restored_comparison_goes_on_exactly(form, data, cut):
    size, limits = form
    through, broken = Mean(**limits), Mean(**limits)
    for i, (candidate, stable) in enumerate(data):
        if i == cut:
            broken = Mean.from_state(json.loads(json.dumps(broken.state())))
        if i % 5 == 3:
            through.restart(700.0 * i)
            broken.restart(700.0 * i)
        for comparison in (through, broken):
            comparison.update(sums(candidate, size), sums(stable, size), start=700.0 * i)
    assert broken.state() == through.state()
    assert (broken.verdict, broken.log_e_fail, broken.log_e_pass, broken.step_exposures) == (
        through.verdict,
        through.log_e_fail,
        through.log_e_pass,
        through.step_exposures,
    )
    assert str(broken.interval()) == str(through.interval())


@given(form=forms, data=strata)
@settings(max_examples=15)
def test_elements_of_an_array_are_comparisons_of_their_own(form, data):
    size, limits = form
    other = sums([0.2, 0.4] * 20, size), sums([0.1, 0.3, 0.2] * 20, size)
    alone, together = [Mean(**limits) for _ in range(2)], Mean(**limits)
    for candidate, stable in data:
        mine = sums(candidate, size), sums(stable, size)
        alone[0].update(*mine)
        alone[1].update(*other)
        together.update(*(tuple(map(np.array, zip(*sides, strict=True))) for sides in zip(mine, other, strict=True)))
    if data:
        assert together.log_e_fail == pytest.approx([c.log_e_fail for c in alone], abs=1e-4)
        assert together.log_e_pass == pytest.approx([c.log_e_pass for c in alone], abs=1e-4)
        assert list(together.verdict) == [c.verdict for c in alone]


@given(form=forms, data=st.lists(st.tuples(st.integers(0, 500), st.booleans()), max_size=20))
@settings(max_examples=20)
def test_no_data_never_passes_and_never_fails(form, data):
    size, limits = form
    comparison = Mean(**limits)
    for count, of_candidate in data:
        some, nothing = (0.5 * count, count, 0.3 * count)[:size], (0.0, 0, 0.0)[:size]
        comparison.update(*((some, nothing) if of_candidate else (nothing, some)))
        comparison.update((np.nan, 100, 50.0)[:size], (50.0, 100, 40.0)[:size])
    assert comparison.verdict == "Inconclusive"
    assert (comparison.log_e_fail, comparison.log_e_pass) == pytest.approx((0.0, 0.0), abs=1e-6)
    assert np.isnan(comparison.effect)


@pytest.mark.parametrize(("size", "bounds"), [(3, {}), (2, {}), (2, {"minimum": -1234.5678, "maximum": 98765.4321})])
def test_a_state_with_every_restart_taken_fits_in_a_kibibyte(size, bounds):
    comparison = Mean(
        "Higher",
        acceptable_difference=0.05123,
        margin_difference=0.1751,
        alpha=0.00125,
        beta=0.025,
        late_faults=True,
        **bounds,
    )
    rng = np.random.default_rng(11)
    for i in range(60):
        comparison.update(sums(rng.random(100), size), sums(rng.random(100), size), start=600.0 * i)
        if i % 6 == 0:
            comparison.restart(600.0 * i)
    comparison.raise_dispersion(2.345678901234567)
    assert len(json.dumps(comparison.state())) <= 1024


def test_an_unknown_or_damaged_state_is_refused():
    state = Mean(margin_ratio=1.5).state()
    for damaged in ({**state, "v": 99}, {**state, "kind": "Rate"}, {**state, "data": state["data"][:20]}, {"v": 1}):
        with pytest.raises(UnknownState):
            Mean.from_state(damaged)


@pytest.mark.parametrize(("size", "options"), [(3, {}), (2, {}), (2, BOUNDS)])
def test_raising_the_dispersion_weakens_evidence_in_both_directions(size, options):
    rng = np.random.default_rng(12)
    worse, same = Mean(margin_ratio=3.0, beta=1e-99, **options), Mean(margin_ratio=3.0, **options)
    for _ in range(30):
        stable = sums(rng.beta(2, 6, 50), size)
        worse.update(sums(rng.beta(4, 4, 50), size), stable)
        same.update(sums(rng.beta(2, 6, 50), size), stable)
    before = worse.interval(), worse.log_e_fail, same.log_e_pass
    for comparison in (worse, same):
        comparison.raise_dispersion(3.0)
        comparison.raise_dispersion(2.0)
        assert comparison.dispersion == 3.0
    assert worse.log_e_fail < before[1]
    assert same.log_e_pass < before[2]
    assert worse.low < before[0].low < before[0].high < worse.high


def test_a_step_has_its_own_estimates():
    comparison = decided(Mean(margin_ratio=1.5), (100.0, 100, 150.0), (100.0, 100, 150.0), 3)
    comparison.restart()
    assert np.isnan(comparison.step_effect)
    decided(comparison, (200.0, 100, 500.0), (100.0, 50, 250.0))
    assert comparison.step_effect == pytest.approx(1.0)
    assert comparison.step_estimates == (2.0, 2.0)
    assert comparison.step_exposures == (100, 50)
    assert comparison.exposures == (400, 350)


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"margin_ratio": 1.5, "margin_difference": 0.1},
        {"margin_ratio": 1.5, "gain_ratio": 0.9},
        {"margin_ratio": 1.2, "acceptable_ratio": 1.5},
        {"margin_ratio": 1.2, "acceptable_difference": 0.0},
        {"margin_difference": 1.0, "acceptable_difference": 0.5, "acceptable_ratio": 1.0},
        {"gain_ratio": 0.9, "acceptable_ratio": 0.95},
        {"margin_ratio": -1},
        {"margin_difference": float("nan")},
        {"gain_ratio": 1.2},
        {"gain_difference": -0.1},
        {"margin_ratio": 1.5, "minimum": 0},
        {"margin_ratio": 1.5, "minimum": 1, "maximum": 1},
        {"margin_ratio": 1.5, "minimum": -1, "maximum": 1},
        {"margin_ratio": 1.5, "dispersion": 0.5},
        {"margin_ratio": 1.5, "alpha": 0},
        {"margin_ratio": 1.5, "better": "Bigger"},
    ],
)
def test_limits_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ValueError, match=r"\w"):
        Mean(**wrong)


@pytest.mark.parametrize(
    ("options", "candidate", "message"),
    [
        ({}, (5.0, -3, 9.0), "at least 0"),
        ({}, (10.0, 10, 5.0), "too small"),
        (BOUNDS, (5.0, 3), "largest value"),
    ],
)
def test_impossible_sums_are_refused_and_change_nothing(options, candidate, message):
    comparison = Mean(margin_ratio=1.5, **options)
    before = comparison.state()
    with pytest.raises(ValueError, match=message):
        comparison.update(candidate, (5.0, 10, 5.0)[: len(candidate)])
    assert comparison.state() == before


def test_squares_or_a_shape_that_come_and_go_are_refused():
    comparison = decided(Mean(margin_ratio=1.5), (1.0, 10, 1.0), (1.0, 10, 1.0))
    with pytest.raises(ValueError, match="every stratum"):
        comparison.update((1.0, 10), (1.0, 10))
    with pytest.raises(ValueError, match="shape"):
        comparison.update((np.ones(2), 10, 1.0), (1.0, 10, 1.0))
