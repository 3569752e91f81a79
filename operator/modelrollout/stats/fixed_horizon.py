"""Classical tests, for an experiment whose size was fixed before it began.

Each is valid once, at the planned end: a test at 5 % that is looked at ten times on the way finds something in about a
fifth of all experiments in which there is nothing (P. Armitage, C. K. McPherson, B. C. Rowe, J. R. Statist. Soc. A 132
(1969) 235-244). The operator asks them at the end of an experiment that was planned so. scipy.stats takes tens of MiB,
so it is loaded by the one function that needs it, which the operator never calls.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import chdtrc, ndtr, ndtri, stdtr, stdtrit

VALID_ONCE = "valid once, at the sample size that was planned"


class Sample(NamedTuple):
    """A side of a comparison of means: mean, standard deviation (divided by n - 1) and number of values."""

    mean: float
    deviation: float
    size: float


@dataclass(frozen=True, slots=True)
class FixedHorizonResult:
    """What a fixed-horizon test found; two-sided.

    Attributes:
        test: its name.
        statistic: t, z, chi-square or, for Fisher's test, the odds ratio.
        p_value: valid for one look only.
        effect: candidate minus baseline; None where the test has no such effect.
        standard_error: of the effect.
        low: lower end of the effect's confidence interval; None without effect.
        high: upper end.
        freedoms: degrees of freedom, None where the test has none.
        validity: when the result may be believed.
    """

    test: str
    statistic: float
    p_value: float
    effect: float | None = None
    standard_error: float | None = None
    low: float | None = None
    high: float | None = None
    freedoms: float | None = None
    validity: str = VALID_ONCE


def welch(candidate: Sample, baseline: Sample, *, level: float = 0.95) -> FixedHorizonResult:
    """Difference of two means with unequal variances.

    Args:
        candidate: its mean, standard deviation and size.
        baseline: the same of the baseline.
        level: of the confidence interval.

    Raises:
        ValueError: fewer than two values on a side, or no variance at all.

    Source: B. L. Welch, Biometrika 34 (1947) 28-35; degrees of freedom after F. E. Satterthwaite, Biometrics Bulletin
    2 (1946) 110-114.
    """
    parts = [side.deviation**2 / side.size if side.size >= 2 else math.nan for side in (candidate, baseline)]
    if not sum(parts) > 0:
        raise ValueError("two values on each side, and some variance, are needed")
    freedoms = sum(parts) ** 2 / (parts[0] ** 2 / (candidate.size - 1) + parts[1] ** 2 / (baseline.size - 1))
    return _student("Welch's t test", candidate.mean - baseline.mean, math.sqrt(sum(parts)), freedoms, level)


def paired_t(candidate: ArrayLike, baseline: ArrayLike, *, level: float = 0.95) -> FixedHorizonResult:
    """Mean of the differences of pairs, such as both versions' answers to one mirrored request.

    Args:
        candidate: one value a pair, shape (N,).
        baseline: the baseline's, shape (N,).
        level: of the confidence interval.

    Raises:
        ValueError: fewer than two pairs, or differences that are all the same.

    Source: Student, Biometrika 6 (1908) 1-25.
    """
    x, y = np.asarray(candidate, dtype=np.float64), np.asarray(baseline, dtype=np.float64)
    if x.shape != y.shape or x.ndim != 1 or len(x) < 2:
        raise ValueError("two or more pairs are needed")
    differences = x - y
    error = float(differences.std(ddof=1)) / math.sqrt(len(x))
    if not error > 0:
        raise ValueError("all pairs differ by the same, so there is nothing to test by")
    return _student("paired t test", float(differences.mean()), error, len(x) - 1, level)


def _student(test: str, effect: float, error: float, freedoms: float, level: float) -> FixedHorizonResult:
    reach = float(stdtrit(freedoms, (1 + level) / 2)) * error
    p_value = 2 * float(stdtr(freedoms, -abs(effect / error)))
    return FixedHorizonResult(
        test, effect / error, p_value, effect, error, effect - reach, effect + reach, float(freedoms)
    )


def two_proportions(
    candidate: tuple[float, float], baseline: tuple[float, float], *, level: float = 0.95, pooled: bool = False
) -> FixedHorizonResult:
    """Difference of two proportions by the normal approximation.

    Args:
        candidate: events and total.
        baseline: the same of the baseline.
        level: of the confidence interval, which is never pooled.
        pooled: whether the test takes the variance from both sides together, as under equality.

    Raises:
        ValueError: an empty side, more events than answers, or no variance at all.
    """
    (b, m), (a, n) = candidate, baseline
    if not (0 <= b <= m and 0 <= a <= n and m > 0 and n > 0):
        raise ValueError("both sides need answers, and events are at most the total")
    p, q, both = b / m, a / n, (a + b) / (m + n)
    unpooled = math.sqrt(p * (1 - p) / m + q * (1 - q) / n)
    error = math.sqrt(both * (1 - both) * (1 / m + 1 / n)) if pooled else unpooled
    if error == 0:
        raise ValueError("proportions of 0 or 1 on both sides have no variance to test by: use Fisher's test")
    z, reach = (p - q) / error, float(ndtri((1 + level) / 2)) * unpooled
    p_value = 2 * float(ndtr(-abs(z)))
    return FixedHorizonResult("two-proportion z test", z, p_value, p - q, error, p - q - reach, p - q + reach)


def half_width(events: float, total: float, *, level: float = 0.95) -> float:
    """Half the width of a proportion's own confidence interval, by the normal approximation (A. Wald)."""
    p = events / total
    return float(ndtri((1 + level) / 2)) * math.sqrt(p * (1 - p) / total)


def fisher(candidate: tuple[int, int], baseline: tuple[int, int]) -> FixedHorizonResult:
    """Equality of two proportions, exactly, for small numbers.

    Args:
        candidate: events and total.
        baseline: the same of the baseline.

    Raises:
        ValueError: more events than answers.

    Source: R. A. Fisher, "The Design of Experiments" (1935), chapter II.
    """
    from scipy import stats

    (b, m), (a, n) = candidate, baseline
    if not (0 <= b <= m and 0 <= a <= n):
        raise ValueError("counts are at least 0, and events at most total")
    found = stats.fisher_exact(np.array([[b, m - b], [a, n - a]]))
    return FixedHorizonResult("Fisher's exact test", float(found.statistic), float(found.pvalue))


def split(counts: Sequence[float], intended: Sequence[float]) -> FixedHorizonResult:
    """Whether exposures are split over the arms as intended (sample ratio mismatch).

    Args:
        counts: exposures of each arm.
        intended: the intended share of each arm, in any unit.

    Raises:
        ValueError: fewer than two arms, no exposures, or a share that is not above 0.

    Source: K. Pearson, Philosophical Magazine 50 (1900) 157-175 (chi-square).
    """
    found, shares = np.asarray(counts, dtype=np.float64), np.asarray(intended, dtype=np.float64)
    if found.shape != shares.shape or len(found) < 2 or not (shares > 0).all() or not found.sum() > 0:
        raise ValueError("two or more arms with exposures, and a share above 0 for each, are needed")
    expected = found.sum() * shares / shares.sum()
    statistic, freedoms = float(((found - expected) ** 2 / expected).sum()), len(found) - 1
    return FixedHorizonResult("chi-square test", statistic, float(chdtrc(freedoms, statistic)), freedoms=freedoms)


def adjusted(p_values: Sequence[float], method: Literal["Holm", "Bonferroni"] = "Holm") -> list[float]:
    """P-values corrected for there being several of them, so that any at most alpha is a finding at alpha.

    Args:
        p_values: one for each comparison, in any order.
        method: Holm's step-down procedure, or Bonferroni's, which is never better.

    Returns:
        In the same order, at most 1.

    Source: S. Holm, Scand. J. Statist. 6 (1979) 65-70.
    """
    count = len(p_values)
    if method == "Bonferroni":
        return [min(1.0, count * p) for p in p_values]
    result, largest = [0.0] * count, 0.0
    for rank, i in enumerate(sorted(range(count), key=lambda i: p_values[i])):
        largest = max(largest, min(1.0, (count - rank) * p_values[i]))
        result[i] = largest
    return result
