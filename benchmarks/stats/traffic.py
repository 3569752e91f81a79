"""Requests and bad answers of two versions, drawn for many runs at once."""

from dataclasses import dataclass

import numpy as np

from benchmarks.stats.streams import SCRAPE, Counts, Floats
from modelrollout.stats import CounterSeries, estimate_dispersion

BLOCK = 300.0
HISTORY_BLOCKS = 30  # the operator asks for 150 minutes before the run
STABLE_PODS = 4


@dataclass(frozen=True, slots=True)
class Bursts:
    """Bad answers come in bursts: a pod's rate is multiplied by a gamma variable of mean 1, anew after each spell.

    Attributes:
        shape: of the gamma distribution; small means wild.
        spell: seconds that a factor lasts, a whole number of scrapes.
    """

    shape: float
    spell: float

    def factors(self, rng: np.random.Generator, strata: int, width: float, *more: int) -> Floats:
        """Factors of shape (S, *more)."""
        length = max(1, round(self.spell / width))
        drawn = rng.gamma(self.shape, 1 / self.shape, (-(-strata // length), *more))
        return np.repeat(drawn, length, axis=0)[:strata]


def column(values: object) -> Floats:
    """A number or an array over the strata as an array that broadcasts to (S, R)."""
    array = np.asarray(values, dtype=np.float64)
    return array[:, None] if array.ndim == 1 else array.reshape(1, 1) if array.ndim == 0 else array


def split(
    rng: np.random.Generator, strata: int, runs: int, rate: object, weight: object, width: float = SCRAPE
) -> tuple[Floats, Floats]:
    """Answers of the candidate and of stable in each stratum, shape (S, R) each.

    Args:
        rng: source of randomness.
        strata: S.
        runs: R.
        rate: requests a second of both versions, a number or (S,).
        weight: the candidate's share, a number, (S,) or (S, R).
        width: seconds of a stratum.
    """
    expected, share = np.broadcast_to(column(rate) * width, (strata, runs)), column(weight)
    return (
        rng.poisson(expected * share).astype(np.float64),
        rng.poisson(expected * (1 - share)).astype(np.float64),
    )


def bad_of(
    rng: np.random.Generator,
    total: Floats,
    rate: object,
    bursts: Bursts | None = None,
    pods: int = STABLE_PODS,
    width: float = SCRAPE,
) -> Floats:
    """Bad answers among these, shape (S, R); with bursts each of the pods has its own."""
    rates = np.broadcast_to(column(rate), total.shape)
    if bursts is None:
        return rng.binomial(total.astype(np.int64), rates).astype(np.float64)
    left, bad = total.astype(np.int64), np.zeros(total.shape)
    for pod in range(pods, 0, -1):
        mine = rng.binomial(left, 1 / pod)
        factor = bursts.factors(rng, total.shape[0], width, total.shape[1])
        bad += rng.binomial(mine, np.minimum(rates * factor, 1.0))
        left = left - mine
    return bad


def answered(rng: np.random.Generator, total_c: Floats, total_s: Floats, rate_c: object, rate_s: object) -> Counts:
    """Counts of independent answers at these rates."""
    return Counts(bad_of(rng, total_c, rate_c), total_c, bad_of(rng, total_s, rate_s), total_s)


def measured_dispersion(
    rng: np.random.Generator,
    runs: int,
    rate: float,
    base: float,
    bursts: Bursts | None = None,
    pods: int = STABLE_PODS,
) -> Floats:
    """What the operator measures on 150 minutes of stable's history, shape (R,).

    Args:
        rng: source of randomness.
        runs: R.
        rate: requests a second of the stable version.
        base: its rate of bad answers.
        bursts: how they come.
        pods: of the stable version.
    """
    scrapes = round(BLOCK / SCRAPE)
    strata = HISTORY_BLOCKS * scrapes
    times = BLOCK * np.arange(1.0, HISTORY_BLOCKS + 1)
    answers = rng.poisson(rate * SCRAPE / pods, (strata, pods, runs))
    factors = 1.0 if bursts is None else bursts.factors(rng, strata, SCRAPE, pods, runs)
    bad = rng.binomial(answers, np.minimum(base * factors, 1.0))
    shaped = (HISTORY_BLOCKS, scrapes, pods, runs)
    totals, errors = (np.cumsum(one.reshape(shaped).sum(axis=1), axis=0) for one in (answers, bad))
    result = np.empty(runs)
    for run in range(runs):
        series = [
            [CounterSeries("stable", f"pod-{pod}", times, one[:, pod, run].astype(float)) for pod in range(pods)]
            for one in (errors, totals)
        ]
        result[run] = estimate_dispersion(series[0], series[1], version="stable").value
    return result
