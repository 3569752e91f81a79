"""Chances to be better, as people like to read them beside an interval.

They are posterior probabilities at one moment. Nothing is decided by them: who stops as soon as a chance looks good is
wrong far more often than it says.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betainc, betaincinv, betaln, ndtr

from modelrollout.stats.comparison import Floats, Value
from modelrollout.stats.fixed_horizon import Sample

Counts = tuple[ArrayLike, ArrayLike]

_LEVELS = np.concatenate([[1e-12, 1e-9, 1e-6, 1e-4, 1e-3], np.linspace(0.01, 0.99, 21)])
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(8)


def chance_to_beat(candidate: Counts, baseline: Counts) -> Value:
    """Chance that the candidate's proportion is the higher one, by the normal approximation with unpooled variances.

    Args:
        candidate: events and total, numbers or arrays of one shape.
        baseline: the same of the baseline.

    Returns:
        0 to 1, of the counts' shape; NaN where a side is empty or both are without any variance.
    """
    (b, m), (a, n) = (tuple(np.asarray(x, dtype=np.float64) for x in side) for side in (candidate, baseline))
    with np.errstate(divide="ignore", invalid="ignore"):
        p, q = b / m, a / n
        chance = np.asarray(ndtr((p - q) / np.sqrt(p * (1 - p) / m + q * (1 - q) / n)))
    return chance if chance.shape else float(chance)


def chance_to_beat_flat(candidate: tuple[float, float], baseline: tuple[float, float]) -> float:
    """Chance that the candidate's proportion is the higher one, from flat priors (exact Beta posteriors).

    Args:
        candidate: events and total.
        baseline: the same of the baseline.
    """
    return float(chances_to_be_best(*np.array([candidate, baseline], dtype=np.float64).T)[0])


def chances_to_be_best(events: ArrayLike, totals: ArrayLike) -> Floats:
    """For each arm the chance that its proportion is the highest of all, from flat priors.

    The integral over x of one arm's Beta density times the others' distribution functions, by Gauss-Legendre
    quadrature between the quantiles of all arms; no random numbers.

    Args:
        events: per arm, shape (K,).
        totals: per arm, at least its events, shape (K,).

    Returns:
        Shape (K,), sum 1.

    Raises:
        ValueError: fewer than two arms, or more events than answers.
    """
    successes, answers = np.asarray(events, dtype=np.float64), np.asarray(totals, dtype=np.float64)
    if successes.shape != answers.shape or successes.ndim != 1 or len(successes) < 2:
        raise ValueError("events and totals of two or more arms are needed")
    if not ((successes >= 0) & (successes <= answers)).all():
        raise ValueError("counts are at least 0, and events at most total")
    a, b = (successes + 1)[:, None], (answers - successes + 1)[:, None]
    cuts = np.unique(np.concatenate([betaincinv(a, b, _LEVELS), 1 - betaincinv(b, a, _LEVELS)], axis=None))
    half = np.diff(cuts)[:, None] / 2
    x = np.clip((cuts[:-1, None] + half * (_NODES + 1)).ravel(), 1e-300, 1 - 1e-16)
    step = (half * _WEIGHTS).ravel()
    density = np.exp((a - 1) * np.log(x) + (b - 1) * np.log1p(-x) - betaln(a, b))
    below = betainc(a, b, x)
    chances = np.array(
        [(step * density[i] * np.delete(below, i, axis=0).prod(axis=0)).sum() for i in range(len(successes))]
    )
    result: Floats = chances / chances.sum()
    return result


def chance_of_larger_mean(candidate: Sample, baseline: Sample) -> float:
    """Chance that the candidate's mean is the higher one, by the normal approximation; NaN without any variance."""
    error = sum(side.deviation**2 / side.size for side in (candidate, baseline)) ** 0.5
    return float(ndtr((candidate.mean - baseline.mean) / error)) if error > 0 else float("nan")


def chances_of_largest_mean(samples: Sequence[Sample]) -> Floats:
    """For each arm the chance that its mean is the highest of all, by the normal approximation.

    By the same quadrature as `chances_to_be_best`.

    Args:
        samples: of two or more arms, each with some variance.

    Returns:
        Shape (K,), sum 1.

    Raises:
        ValueError: fewer than two arms, or one without variance.
    """
    means = np.array([one.mean for one in samples])[:, None]
    errors = np.array([one.deviation / one.size**0.5 for one in samples])[:, None]
    if len(samples) < 2 or not (errors > 0).all():
        raise ValueError("two or more arms with some variance are needed")
    cuts = np.unique(means + errors * np.linspace(-8, 8, 33))
    half = np.diff(cuts)[:, None] / 2
    x = (cuts[:-1, None] + half * (_NODES + 1)).ravel()
    step = (half * _WEIGHTS).ravel()
    density = np.exp(-(((x - means) / errors) ** 2) / 2) / (errors * np.sqrt(2 * np.pi))
    below = ndtr((x - means) / errors)
    chances = np.array(
        [(step * density[i] * np.delete(below, i, axis=0).prod(axis=0)).sum() for i in range(len(samples))]
    )
    result: Floats = chances / chances.sum()
    return result
