"""What a judge sees: the counts of both versions, scrape by scrape, of many simulated runs at once."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

SCRAPE = 15.0
"""Seconds between two scrapes; each is a stratum."""


@dataclass(frozen=True, slots=True)
class Counts:
    """Bad answers and all answers of both versions, each of shape (S, R): scrapes by runs."""

    bad_c: Floats
    total_c: Floats
    bad_s: Floats
    total_s: Floats

    def __iter__(self) -> Any:  # noqa: ANN401 - four arrays
        return iter((self.bad_c, self.total_c, self.bad_s, self.total_s))


@dataclass(frozen=True, slots=True)
class Stream:
    """Runs of one scenario; every judge sees the same ones.

    Attributes:
        counts: as a dashboard shows them, shape (S, R).
        rate_c: the candidate's true rate of bad answers, broadcastable to (S, R).
        rate_s: the stable version's.
        width: seconds of a stratum.
        steps: numbers of the strata at which a step of the rollout begins, the first one left out.
        prepared: the counts after the operator's own preparation (warm-up, label cohorts), where that changes them.
        dispersion: what the operator measures on each run's history, shape (R,); None stands for 1.
        since: number of the stratum in which the fault begins.
    """

    counts: Counts
    rate_c: Floats
    rate_s: Floats
    width: float = SCRAPE
    steps: tuple[int, ...] = ()
    prepared: Counts | None = None
    dispersion: Floats | None = None
    since: int = 0

    @property
    def shape(self) -> tuple[int, int]:
        """Strata and runs."""
        strata, runs = self.counts.total_c.shape
        return strata, runs


@dataclass(frozen=True, slots=True)
class Design:
    """What the rules that need a plan are told: stable's rate, the effect to be found, and the weight."""

    base: float
    effect: float
    weight: float


@dataclass(frozen=True, slots=True)
class Scenario:
    """One situation.

    Attributes:
        name: its key in the results.
        title: one line for people.
        truth: "equal" (must not be rolled back), "bad" (must not be promoted), "margin" (at the margin: must not be
            promoted), "late" (a fault that begins late), "indifferent" (both decisions are right).
        build: makes so many runs from a generator of random numbers.
        design: what the planned rules know.
        margin: worst ratio that may be promoted.
        note: a sentence for the page.
        oracle: whether a test that knows all rates is a fair yardstick (independent answers, a fault from the start).
        bursty: whether answers are not independent, so that only a test with a measured dispersion can keep its word.
        extra: further judges.
    """

    name: str
    title: str
    truth: str
    build: Callable[[np.random.Generator, int], Stream]
    design: Design
    margin: float = 1.5
    note: str = ""
    oracle: bool = True
    bursty: bool = False
    extra: tuple[str, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Decisions:
    """When a judge decided, in strata; the number of strata stands for never. Arrays of shape (R,).

    Attributes:
        fail: first stratum after which it rolls back, whether or not it would have promoted before.
        passed: first stratum after which it promotes, whether or not it would have rolled back before.
    """

    fail: Ints
    passed: Ints


def first_true(flags: NDArray[np.bool_]) -> Ints:
    """Index of the first True along the first axis, its length where there is none: (S, R) to (R,)."""
    return np.where(flags.any(axis=0), flags.argmax(axis=0), len(flags)).astype(np.int64)


def cumulated(counts: Counts) -> Counts:
    """Sums since the start."""
    return Counts(*(np.cumsum(one, axis=0) for one in counts))
