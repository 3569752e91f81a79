"""Shares, means and ratios with 95 % intervals."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from benchmarks.stats.outcomes import Outcome, Outcomes

RESAMPLES = 400
_Z = float(-ndtri(0.025))


def wilson(hits: int, runs: int) -> tuple[float, float]:
    """95 % interval of a share.

    Source: E. B. Wilson, J. Am. Stat. Assoc. 22 (1927) 209-212.
    """
    share, z2 = hits / runs, _Z**2
    middle = (share + z2 / (2 * runs)) / (1 + z2 / runs)
    half = _Z * math.sqrt(share * (1 - share) / runs + z2 / (4 * runs**2)) / (1 + z2 / runs)
    return (0.0 if hits == 0 else middle - half, 1.0 if hits == runs else middle + half)


def share(flags: NDArray[np.bool_]) -> dict[str, float]:
    """A share in percent with its interval."""
    low, high = wilson(int(flags.sum()), len(flags))
    return {key: round(100 * value, 3) for key, value in (("is", float(flags.mean())), ("low", low), ("high", high))}


def mean(values: NDArray[np.float64], seed: int = 7) -> dict[str, float]:
    """Mean with its bootstrap interval, and the median."""
    rows = np.random.default_rng(seed).integers(0, len(values), (RESAMPLES, len(values)))
    low, high = np.quantile(values[rows].mean(axis=1), [0.025, 0.975])
    return {
        "is": _short(values.mean()),
        "low": _short(low),
        "high": _short(high),
        "median": _short(np.median(values)),
    }


def ratio(values: NDArray[np.float64], to: NDArray[np.float64], seed: int = 7) -> dict[str, float]:
    """Ratio of two means over the same runs with its bootstrap interval, and the ratio of the medians."""
    rows = np.random.default_rng(seed).integers(0, len(values), (RESAMPLES, len(values)))
    low, high = np.quantile(values[rows].mean(axis=1) / to[rows].mean(axis=1), [0.025, 0.975])
    return {
        "is": round(float(values.mean() / to.mean()), 3),
        "low": round(float(low), 3),
        "high": round(float(high), 3),
        "median": round(float(np.median(values) / np.median(to)), 3),
    }


def course(one: Outcome) -> list[float | None]:
    """Exposures after which 5, 10, ... 100 % of all runs were rolled back; None where that many never were."""
    times = np.sort(one.exposures[one.rolled_back])
    wanted = np.ceil(np.arange(1, 21) / 20 * len(one.exposures)).astype(int)
    return [_short(times[number - 1]) if number <= len(times) else None for number in wanted]


def summary(outcomes: Outcomes, yardstick: str | None) -> dict[str, Any]:
    """Figures of every judge of a scenario; `yardstick` is the judge that exposures are compared with."""
    return {name: _judge(one, outcomes.get(yardstick or "")) for name, one in outcomes.items()}


def _judge(one: Outcome, yardstick: Outcome | None) -> dict[str, Any]:
    runs = len(one.exposures)
    figures: dict[str, Any] = {
        "runs": runs,
        "rolled_back": share(one.rolled_back),
        "promoted": share(one.promoted),
        "decided": share(one.decided),
        "wrong": share(one.wrong),
        "exposures": mean(one.exposures),
        "course": course(one),
        "excess_bad": mean(one.excess),
    }
    if yardstick is not None and yardstick is not one:
        figures["to_oracle"] = ratio(one.exposures, yardstick.take(runs).exposures)
    return figures


def _short(value: float) -> float:
    """Four digits that count: more would be noise."""
    number = float(value)
    return 0.0 if number == 0 else round(number, 3 - math.floor(math.log10(abs(number))))
