"""How far two distributions over the same buckets lie apart, and what a stratum says about it.

Distances are Jensen-Shannon distances: the square root of the divergence in bits, from 0 (equal) to 1 (no bucket in
common). J. Lin, "Divergence measures based on the Shannon entropy", IEEE Trans. Inf. Theory 37 (1991) 145-151.
"""

import math

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln, ive, xlogy

from modelrollout.stats.comparison import Floats

Flags = NDArray[np.bool_]

BITS = math.log(2.0)
_STEEPEST = 0.95  # shares of one side against the mean of both; keeps every logarithm finite
_LEAST_FACTOR = 0.1  # no single answer may take more than nine tenths of the stake


def divergence(p: Floats, q: Floats) -> Floats:
    """Jensen-Shannon divergence in nats of the distributions (N, K), shape (N,)."""
    mid = (p + q) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = xlogy(p, p / mid) + xlogy(q, q / mid)
    result: Floats = np.maximum(np.where(mid > 0, terms, 0.0).sum(axis=1) / 2, 0.0)
    return result


def stability_index(p: Floats, q: Floats) -> Floats:
    """Population stability index ``Σ (p - q)·ln(p/q)`` of the distributions (N, K), all above 0, shape (N,).

    Source: B. Yurdakul, "Statistical Properties of Population Stability Index", Western Michigan University (2018).
    """
    result: Floats = ((p - q) * np.log(p / q)).sum(axis=1)
    return result


def log_evidence(candidate: Floats, stable: Floats, mid: Floats, slope: Floats, limit: float) -> Floats:
    """Log e-value of a stratum against "the divergence is at most the limit".

    A bet on a discriminator D, fixed before the stratum: for every D,
    ``E_p ln 2D + E_q ln 2(1 - D) ≤ 2·JS(p, q)`` (Goodfellow et al., arXiv:1406.2661, proposition 1), so the null says
    that the mean score is at most the limit. Each answer multiplies the stake by ``1 + bet·(score - share of the
    limit)``, where an answer of the candidate bets n/(m+n) and one of stable m/(m+n); by the inequality of the means
    the product has expectation at most 1 for all distributions in the null, also where they change inside the stratum.
    D is the likelihood ratio at the nearest pair of the null on the way from equality to the alternative, the bet the
    growth-optimal one for small distances (Grünwald, de Heide, Koolen, arXiv:1906.07801). With the limit 0 this is the
    growth-optimal multinomial e-variable of Turner, Ly, Grünwald, arXiv:2106.02693.

    Args:
        candidate: counts per bucket, shape (N, K).
        stable: the same of stable.
        mid: forecast of the mean of both distributions, all above 0, shape (N, K).
        slope: the alternative: p = mid·(1 + slope), q = mid·(1 - slope), shape (N, K).
        limit: divergence in nats, at least 0.

    Returns:
        Shape (N,); 0 where the alternative lies in the null or a side has no answers.
    """
    m, n = candidate.sum(axis=1, keepdims=True), stable.sum(axis=1, keepdims=True)
    both = np.maximum(m + n, 1.0)
    slope = np.clip(slope, -_STEEPEST, _STEEPEST)
    if limit == 0:
        pool = 1 + (m - n) / both * slope
        factor_c, factor_s = (1 + slope) / pool, (1 - slope) / pool
        outside: Flags = np.ones(len(m), dtype=bool)
    else:
        way, outside = _way_to(mid, slope, limit)
        score_c, score_s = np.log1p(way * slope) / 2, np.log1p(-way * slope) / 2
        share = (mid * (1 + way * slope) * score_c).sum(axis=1, keepdims=True)
        gain_c, gain_s = n / both * (score_c - share), m / both * (score_s - (limit - share))
        deepest = np.maximum(-gain_c.min(axis=1), -gain_s.min(axis=1))[:, None]
        bet = np.minimum(4 * (1 - way) / way, (1 - _LEAST_FACTOR) / np.maximum(deepest, 1e-300))
        factor_c, factor_s = 1 + bet * gain_c, 1 + bet * gain_s
    evidence = (candidate * np.log(factor_c) + stable * np.log(factor_s)).sum(axis=1)
    result: Floats = np.where(outside & (m[:, 0] > 0) & (n[:, 0] > 0), evidence, 0.0)
    return result


def _way_to(mid: Floats, slope: Floats, limit: float) -> tuple[Floats, Flags]:
    """The part of the way to the alternative at which the limit lies (N, 1), and where the alternative is beyond it.

    Newton's method on a convex function from the side where it cannot overshoot; the evidence is valid for any result.
    """

    def at(way: Floats) -> Floats:
        up, down = 1 + way * slope, 1 - way * slope
        value: Floats = (mid * (up * np.log(up) + down * np.log(down))).sum(axis=1, keepdims=True) / 2
        return value

    whole = at(np.ones((len(mid), 1)))
    outside = whole > limit * (1 + 1e-6)
    way = np.sqrt(limit / np.where(outside, whole, 4 * limit))
    for _ in range(3):
        rise = (mid * slope * (np.log1p(way * slope) - np.log1p(-way * slope))).sum(axis=1, keepdims=True) / 2
        step = np.where(outside, (at(way) - limit) / np.where(rise > 0, rise, 1.0), 0.0)
        way = np.clip(way - step, 1e-3, 1.0)
    return way, outside[:, 0]


def log_likelihood(radius: Floats, found: Floats, weight: Floats, freedoms: Floats) -> Floats:
    """Log-likelihood of a distance, from the distance found, relative to distance 0.

    Near equality the divergence is an eighth of a squared length, and the length found is that of a vector of
    normal variables around the true one. Under every direction of the truth the length alone has the density of the
    noncentral chi distribution, so its likelihood ratios may be looked at any time (group invariance: M. F.
    Perez-Ortiz, T. Lardy, R. de Heide, P. Grünwald, arXiv:2208.07610). Asymptotic: it holds once counts are large.

    Args:
        radius: ``sqrt(8·divergence)`` of the distances asked about, shape (G, 1).
        found: ``sqrt(8·divergence)`` of the distributions found, shape (N,).
        weight: ``Σ mn/(m+n)`` over the strata, divided by the dispersion, shape (N,).
        freedoms: buckets with answers, minus 1, at least 1, shape (N,).

    Returns:
        Shape (G, N): ``ln ₀F₁(d/2, x²/4) - weight·radius²/2`` with x = radius·weight·found.
    """
    x = radius * weight * found
    order = freedoms / 2 - 1
    with np.errstate(divide="ignore", invalid="ignore"):
        bessel = np.log(ive(order, x)) + x + gammaln(freedoms / 2) - order * np.log(x / 2)
    small = (x < 1e-2) | ~np.isfinite(bessel)  # two terms of the series; they also stand in where ive underflows
    series = np.log1p(x * x / (2 * freedoms) * (1 + x * x / (4 * freedoms + 8)))
    result: Floats = np.where(small, series, bessel) - weight * radius**2 / 2
    return result
