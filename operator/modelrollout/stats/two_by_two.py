"""Evidence on a difference, or on a ratio where bad answers are common: the two-by-two e-variable.

For a null that is convex in the pair of rates (candidate, stable) and one point outside it, the likelihood ratio of
that point to its projection on the null (in Kullback-Leibler divergence, weighted by the sizes of both samples) has
expectation at most 1 under every pair of the null, also where the rates change inside a stratum.

Source: R. J. Turner, P. D. Grünwald, "Exact anytime-valid confidence intervals for contingency tables and beyond",
arXiv:2302.11401, and arXiv:2106.02693; the projection has the closed form of a restricted maximum-likelihood estimate:
O. S. Miettinen, M. Nurminen, Statistics in Medicine 4 (1985) 213-226; C. P. Farrington, G. Manning, 9 (1990) 1447-1454.
"""

from typing import Literal

import numpy as np

from modelrollout.stats.comparison import Floats

Kind = Literal["ratio", "difference"]

_EDGE = 1e-9


def project(rate_c: Floats, rate_s: Floats, share_c: Floats, kind: Kind, limit: float) -> tuple[Floats, Floats]:
    """The pair on the boundary of the null that is nearest to an alternative.

    Args:
        rate_c: the candidate's rate under the alternative, strictly between 0 and 1.
        rate_s: stable's rate under the alternative, strictly between 0 and 1.
        share_c: the candidate's share of the stratum's answers, strictly between 0 and 1.
        kind: "ratio" (boundary: candidate = limit · stable) or "difference" (candidate = stable + limit).
        limit: the limit.

    Returns:
        Candidate's and stable's rate on the boundary, minimising ``m·KL(rate_c, ·) + n·KL(rate_s, ·)``.
    """
    share_s = 1 - share_c
    pooled = share_c * rate_c + share_s * rate_s
    if kind == "ratio":
        b = share_c * (limit + rate_c) + share_s * (1 + limit * rate_s)
        stable = 2 * pooled / (b + np.sqrt(np.maximum(b * b - 4 * limit * pooled, 0.0)))
        return limit * stable, stable
    l2 = (share_c + 2 * share_s) * limit - 1 - pooled
    l1 = (share_s * limit - 1 - 2 * share_s * rate_s) * limit + pooled
    l0 = share_s * rate_s * limit * (1 - limit)
    q = (l2 / 3) ** 3 - l1 * l2 / 6 + l0 / 2
    p = np.copysign(np.sqrt(np.maximum((l2 / 3) ** 2 - l1 / 3, 1e-300)), q)
    stable = 2 * p * np.cos((np.pi + np.arccos(np.clip(q / p**3, -1.0, 1.0))) / 3) - l2 / 3
    lowest, highest = max(0.0, -limit), min(1.0, 1.0 - limit)
    tiny = _EDGE * 1e-3
    # The closed form is exact to about 1e-8, and the validity hangs on the minimum itself: one step of Newton's method.
    y = np.clip(stable, lowest + tiny, highest - tiny)
    x = y + limit
    vx, vy = x * (1 - x), y * (1 - y)
    slope = share_c * (x - rate_c) / vx + share_s * (y - rate_s) / vy
    bend = share_c * (x * x - 2 * rate_c * x + rate_c) / vx**2 + share_s * (y * y - 2 * rate_s * y + rate_s) / vy**2
    stable = np.clip(y - slope / bend, (y + lowest) / 2, (y + highest) / 2)
    return stable + limit, stable


def log_evidence(
    table: tuple[Floats, Floats, Floats, Floats],
    baselines: Floats,
    log_weights: Floats,
    kind: Kind,
    limit: float,
    shifts: Floats,
) -> Floats:
    """Log e-value of each stratum, for alternatives that differ from the limit by a factor on the odds.

    Args:
        table: bad and total of the candidate, bad and total of stable, each of shape (N,); totals above 0.
        baselines: what stable's rate may be, fixed before the stratum was seen, shape (Q, N).
        log_weights: log prior weight of each baseline, shape (Q,).
        kind: "ratio" or "difference".
        limit: the limit of the null; positive means worse.
        shifts: log odds ratios between alternative and limit; positive when the null says "not worse than the
            limit", negative when it says "at least as bad as the limit", shape (J,).

    Returns:
        Shape (J, N). 0 where the limit leaves no alternative (a rate beyond 0 or 1).
    """
    bad_c, total_c, bad_s, total_s = table
    at_limit = baselines * limit if kind == "ratio" else baselines + limit
    possible = (at_limit > _EDGE) & (at_limit < 1 - _EDGE)
    safe = np.where(possible, at_limit, 0.5)
    odds = np.exp(np.log(safe / (1 - safe)) + shifts[:, None, None])
    rate_c = np.clip(odds / (1 + odds), _EDGE, 1 - _EDGE)
    rate_s = np.broadcast_to(np.where(possible, baselines, 0.5), rate_c.shape)
    with np.errstate(divide="ignore", invalid="ignore"):  # only where there is no alternative, masked below
        null_c, null_s = project(rate_c, rate_s, total_c / (total_c + total_s), kind, limit)
        evidence = (
            bad_c * np.log(rate_c / null_c)
            + (total_c - bad_c) * np.log((1 - rate_c) / (1 - null_c))
            + bad_s * np.log(rate_s / null_s)
            + (total_s - bad_s) * np.log((1 - rate_s) / (1 - null_s))
        )
    evidence = np.where(possible, evidence, 0.0)
    mixed: Floats = np.logaddexp.reduce(evidence + log_weights[:, None], axis=1)
    return mixed
