"""Quantiles of a histogram, by its buckets."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from modelrollout.stats.comparison import Floats


def quantile_of(counts: ArrayLike, bounds: Sequence[float], quantile: float, *, lowest: float | None = None) -> Floats:
    """A quantile by linear interpolation within its bucket, as Prometheus' ``histogram_quantile`` does it.

    Beyond the last finite bound it is that bound; the first bucket begins at 0, or is only its bound if that is not
    above 0.

    Args:
        counts: answers per bucket (not cumulative), buckets on the last axis, the last one unbounded, shape (..., K).
        bounds: finite upper bounds, ascending, shape (K - 1,).
        quantile: 0 to 1.
        lowest: where the first bucket begins, if not at 0.

    Returns:
        In the bounds' unit, shape (...); NaN without answers.
    """
    answers = np.asarray(counts, dtype=np.float64)
    upper = np.asarray(bounds, dtype=np.float64)
    start = min(0.0, upper[0]) if lowest is None else lowest
    lower = np.concatenate([[start], upper[:-1]])
    cumulative = np.cumsum(answers, axis=-1)
    total = cumulative[..., -1:]
    rank = quantile * total
    at = np.minimum((cumulative < rank).sum(axis=-1, keepdims=True), len(upper) - 1)
    here = np.take_along_axis(answers, at, axis=-1)
    before = np.take_along_axis(cumulative, at, axis=-1) - here
    with np.errstate(divide="ignore", invalid="ignore"):
        part = np.clip((rank - before) / here, 0.0, 1.0)
    value = lower[at] + (upper[at] - lower[at]) * np.where(here > 0, part, 1.0)
    result: Floats = np.where(total > 0, value, np.nan)[..., 0]
    return result


def bounds_around(counts: ArrayLike, bounds: Sequence[float], quantile: float) -> tuple[float, ...]:
    """Three neighbouring bounds: the one nearest to a quantile, and those beside it.

    Nearest is where the share of answers beyond it is nearest to 1 - quantile, as a ratio.

    Args:
        counts: answers per bucket (not cumulative), the last one unbounded, shape (K,).
        bounds: finite upper bounds, ascending, shape (K - 1,).
        quantile: above 0 and below 1.

    Returns:
        The bounds, the nearest in the middle; only that one where it is the first or the last of the histogram.

    Raises:
        ValueError: no answers.
    """
    cumulative = np.cumsum(np.asarray(counts, dtype=np.float64))
    if not cumulative[-1] > 0:
        raise ValueError("stable's history has no answers yet, so nobody knows where its quantile lies")
    beyond = np.maximum(1 - cumulative[:-1] / cumulative[-1], 1e-12)
    nearest = int(np.argmin(np.abs(np.log(beyond / (1 - quantile)))))
    if 0 < nearest < len(bounds) - 1:
        return float(bounds[nearest - 1]), float(bounds[nearest]), float(bounds[nearest + 1])
    return (float(bounds[nearest]),)


def whole_counts(columns: Floats) -> Floats:
    """The counts of two histograms in whole numbers, all 0 where one has no answers or a NaN.

    Args:
        columns: answers per bucket (not cumulative) of candidate and then of stable, shape (2·K, N).

    Raises:
        ValueError: negative counts.
    """
    counts = np.rint(columns)
    sides = counts.reshape(2, -1, counts.shape[1])
    usable = np.isfinite(counts).all(axis=0) & (np.nan_to_num(sides).sum(axis=1) > 0).all(axis=0)
    counts = np.where(usable, counts, 0.0)
    if (counts < 0).any():
        raise ValueError("counts are at least 0")
    return counts
