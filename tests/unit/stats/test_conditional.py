import numpy as np
import pytest
from scipy.special import gammaln, logsumexp
from scipy.stats import nchypergeom_fisher

from modelrollout.stats.conditional import conditional_likelihood
from modelrollout.stats.two_by_two import project

THETAS = (-3.4, -0.7, 0.0, 0.4, 2.7)


def column(*values):
    return [np.array([float(v)]) for v in values]


def brute_force(b, m, a, n):
    k = a + b
    u = np.arange(max(0, k - n), min(k, m) + 1, dtype=float)
    h = -gammaln(u + 1) - gammaln(m - u + 1) - gammaln(k - u + 1) - gammaln(n - k + u + 1)
    return np.array([b * t - logsumexp(h + u * t) for t in THETAS])


def differences(values):
    return np.asarray(values) - values[2]


def test_the_likelihood_is_that_of_the_noncentral_hypergeometric_distribution():
    b, m, a, n = 7, 60, 5, 90
    expected = [nchypergeom_fisher.logpmf(b, m + n, m, a + b, np.exp(t)) for t in THETAS]
    got = conditional_likelihood(THETAS).at(*column(b, m, a, n))[0]
    assert differences(got) == pytest.approx(differences(expected), abs=1e-9)


@pytest.mark.parametrize(
    "table",
    [
        (0, 50, 0, 50),
        (50, 50, 40, 40),
        (90, 5000, 110, 5000),
        (500, 20000, 400, 20000),
        (30, 1000, 900, 19000),
        (2000, 20000, 1800, 20000),
        (1, 2000, 2500, 200000),
        (15000, 20000, 14000, 20000),
        (4990, 5000, 4000, 9000),
    ],
)
def test_large_and_lopsided_tables_agree_with_the_sum_over_every_table(table):
    got = conditional_likelihood(THETAS).at(*column(*table))[0]
    assert differences(got) == pytest.approx(differences(brute_force(*table)), abs=1e-6)


def test_tables_of_every_size_at_once_agree_with_the_sum_over_every_table_of_each():
    # sizes on both sides of what is summed term by term, of wide and narrow windows, and of the table of factorials
    rng = np.random.default_rng(6)
    m, n = np.rint(10 ** rng.uniform(0, 5.3, (2, 150)))
    rate_c, rate_s = 10 ** rng.uniform(-3.5, 0, (2, 150))
    b, a = rng.binomial(m.astype(int), rate_c), rng.binomial(n.astype(int), rate_s)
    got = conditional_likelihood(THETAS).at(b.astype(float), m, a.astype(float), n)
    expected = [brute_force(*table) for table in np.stack([b, m, a, n], axis=1)]
    for ours, theirs in zip(got, expected, strict=True):
        assert differences(ours) == pytest.approx(differences(theirs), abs=2e-8)


@pytest.mark.parametrize("spread", [3.0, 9.9, 10.1])
def test_narrow_and_wide_windows_meet_without_a_seam(spread):
    # a quarter of all events falls to the candidate, and both outcomes are common: the spread is about √(k/8)
    k = round(8 * spread**2) + 300
    table = (k // 4, 3 * k, k - k // 4, 9 * k)
    got = conditional_likelihood(THETAS).at(*column(*table))[0]
    assert differences(got) == pytest.approx(differences(brute_force(*table)), abs=2e-8)


@pytest.mark.parametrize(
    ("kind", "limit"), [("ratio", 1.5), ("ratio", 0.7), ("difference", 0.02), ("difference", -0.1)]
)
def test_the_projection_is_the_nearest_pair_on_the_boundary(kind, limit):
    rng = np.random.default_rng(5)
    rate_c, rate_s, share = rng.uniform(0.001, 0.6, 300), rng.uniform(0.001, 0.6, 300), rng.uniform(0.02, 0.98, 300)
    x, y = project(rate_c, rate_s, share, kind, limit)

    def distance(y):
        x = limit * y if kind == "ratio" else y + limit
        cross_c = rate_c * np.log(x) + (1 - rate_c) * np.log(1 - x)
        return -share * cross_c - (1 - share) * (rate_s * np.log(y) + (1 - rate_s) * np.log(1 - y))

    assert x == pytest.approx(limit * y if kind == "ratio" else y + limit)
    room = np.minimum.reduce([y, 1 - y, x, 1 - x])
    for step in (-1e-3, 1e-3):
        assert (distance(y) <= distance(y + step * room) + 1e-15).all()
