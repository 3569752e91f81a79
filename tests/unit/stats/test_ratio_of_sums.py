import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelrollout.stats import Mean, Proportion, RatioOfSums, UnknownState

# (y, x) of a user
user = st.tuples(st.integers(0, 3), st.integers(1, 9))
strata = st.lists(st.tuples(st.lists(user, max_size=40), st.lists(user, max_size=40)), max_size=10)
limits = st.sampled_from(
    [
        {"margin_ratio": 1.5},
        {"margin_difference": 0.2, "late_faults": True, "dispersion": 2.0},
        {"better": "Higher", "gain_difference": 0.0},
    ]
)


def totals(y, x):
    """Σy, users, Σy², Σx, Σx², Σxy over users, the last axis."""
    y, x = np.asarray(y, dtype=np.float64), np.asarray(x, dtype=np.float64)
    count = np.full(y.shape[:-1], float(y.shape[-1]))
    return y.sum(-1), count, np.square(y).sum(-1), x.sum(-1), np.square(x).sum(-1), (x * y).sum(-1)


def of(users):
    return totals(*np.array(users, dtype=np.float64).reshape(-1, 2).T)


def visits(rng, runs, users, requests, rate=0.1):
    """Bad answers of users whose own rates differ."""
    own = rng.beta(0.2, 0.2 / rate - 0.2, (runs, users))
    return rng.binomial(requests, own)


def test_equal_versions_rarely_fail_though_users_differ_while_a_test_on_requests_fails_most_of_them():
    rng = np.random.default_rng(1)
    by_user, by_request = RatioOfSums(margin_ratio=1.05), Proportion(margin_ratio=1.05)
    for _ in range(25):
        requests = rng.poisson(49, (200, 60)) + 1
        bad = visits(rng, 200, 60, requests)
        sides = [(bad[:, part], requests[:, part]) for part in (slice(0, 20), slice(20, 60))]
        by_user.update(*(totals(*side) for side in sides))
        by_request.update(*((y.sum(1), x.sum(1)) for y, x in sides))
    assert (by_user.verdict == "Fail").mean() <= 0.01
    assert (by_request.verdict == "Fail").mean() > 0.5


def test_heavy_users_whose_rates_differ_do_not_fail_an_equal_candidate():
    rng = np.random.default_rng(2)
    comparison = RatioOfSums(margin_ratio=1.2, late_faults=True)
    for i in range(60):
        requests = np.ceil(np.exp(1.2 * rng.standard_normal((300, 60)) + 2))
        bad = rng.binomial(requests.astype(int), np.where(requests > 30, 0.02, 0.1))
        comparison.update(totals(bad[:, :8], requests[:, :8]), totals(bad[:, 8:], requests[:, 8:]), start=60.0 * i)
    assert (comparison.verdict == "Fail").mean() <= 0.01


def test_a_real_effect_on_users_is_found_and_shown():
    rng = np.random.default_rng(3)
    worse, better = RatioOfSums(margin_ratio=1.2), RatioOfSums("Higher", gain_difference=0.0)
    for _ in range(60):
        requests = rng.poisson(49, (2, 100)) + 1
        candidate = totals(visits(rng, 1, 100, requests[0], 0.15)[0], requests[0])
        stable = totals(visits(rng, 1, 100, requests[1], 0.1)[0], requests[1])
        worse.update(candidate, stable)
        better.update(candidate, stable)
    assert worse.verdict == "Fail"
    assert better.verdict == "Pass"
    assert worse.effect == pytest.approx(1.5, rel=0.1)
    assert worse.low < 1.5 < worse.high
    assert better.low < 0.05 < better.high
    assert worse.estimates == pytest.approx((0.15, 0.1), rel=0.1)
    assert worse.exposures == (6000, 6000)


def test_a_candidate_at_the_margin_rarely_passes_at_any_time():
    rng = np.random.default_rng(4)
    comparison = RatioOfSums(margin_ratio=1.5)
    ever = np.zeros(300, dtype=bool)
    for _ in range(40):
        requests = rng.poisson(9, (300, 80)) + 1
        bad = visits(rng, 300, 40, requests[:, :40], 0.15), visits(rng, 300, 40, requests[:, 40:], 0.1)
        comparison.update(totals(bad[0], requests[:, :40]), totals(bad[1], requests[:, 40:]))
        ever |= comparison.verdict == "Pass"
    assert ever.mean() <= 0.05 + 0.03


@given(limits=limits, data=strata)
@settings(max_examples=15)
def test_with_the_same_exposure_for_every_user_it_is_the_mean_per_user(limits, data):
    ratio, mean = RatioOfSums(**limits), Mean(**limits)
    for candidate, stable in data:
        sides = [of([(y, 1) for y, _ in users]) for users in (candidate, stable)]
        ratio.update(*sides)
        mean.update(*(side[:3] for side in sides))
    assert (ratio.log_e_fail, ratio.log_e_pass) == (mean.log_e_fail, mean.log_e_pass)
    assert str(ratio.interval()) == str(mean.interval())


@given(limits=limits, data=strata, cut=st.integers(0, 10))
@settings(max_examples=20)
def test_a_restored_comparison_goes_on_exactly(limits, data, cut):
    through, broken = RatioOfSums(**limits), RatioOfSums(**limits)
    for i, (candidate, stable) in enumerate(data):
        if i == cut:
            broken = RatioOfSums.from_state(json.loads(json.dumps(broken.state())))
        for comparison in (through, broken):
            if i % 5 == 3:
                comparison.restart(700.0 * i)
            comparison.update(of(candidate), of(stable), start=700.0 * i)
    assert broken.state() == through.state()
    assert (broken.verdict, broken.log_e_fail, broken.log_e_pass) == (
        through.verdict,
        through.log_e_fail,
        through.log_e_pass,
    )
    assert str(broken.interval()) == str(through.interval())


@pytest.mark.parametrize("missing", [0, 1])
def test_no_users_no_exposure_and_no_numbers_never_pass_and_never_fail(missing):
    comparison = RatioOfSums(margin_ratio=1.5)
    whole = of([(1, 5), (0, 3)] * 20)
    for empty in ((0.0,) * 6, (0.0, 40, 0.0, 0.0, 0.0, 0.0), (*whole[:5], np.nan)):
        for _ in range(30):
            comparison.update(*((empty, whole) if missing == 0 else (whole, empty)))
    assert comparison.verdict == "Inconclusive"
    assert (comparison.log_e_fail, comparison.log_e_pass) == (0.0, 0.0)
    assert np.isnan(comparison.effect)


def test_a_state_with_every_restart_taken_fits_in_a_kibibyte():
    comparison = RatioOfSums(
        "Higher", acceptable_ratio=1.05123, margin_ratio=1.1751, alpha=0.00125, beta=0.025, late_faults=True
    )
    for i in range(60):
        comparison.update(of([(1, 5), (0, 3)] * 20), of([(1, 5), (0, 3)] * 20), start=600.0 * i)
        if i % 6 == 0:
            comparison.restart(600.0 * i)
    comparison.raise_dispersion(2.345678901234567)
    assert len(json.dumps(comparison.state())) <= 1024
    with pytest.raises(UnknownState):
        Mean.from_state(comparison.state())


@pytest.mark.parametrize(
    ("candidate", "message"),
    [
        ((1.0, -2, 1.0, 9.0, 50.0, 5.0), "at least 0"),
        ((1.0, 2, 1.0, -9.0, 50.0, 5.0), "at least 0"),
        ((9.0, 2, 1.0, 9.0, 50.0, 5.0), "too small"),
        ((1.0, 2, 1.0, 9.0, 5.0, 5.0), "too small"),
    ],
)
def test_impossible_sums_are_refused(candidate, message):
    with pytest.raises(ValueError, match=message):
        RatioOfSums(margin_ratio=1.5).update(candidate, of([(1, 5), (0, 3)]))
