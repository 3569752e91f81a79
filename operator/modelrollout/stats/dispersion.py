"""How much more a version's counts vary than independent answers would."""

import math
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from modelrollout.stats.counters import Counters, CounterSeries, Floats, Increases, process_increases

BLOCK = 300.0  # seconds; bursts last minutes, and blocks shorter than they are cannot see them
LONGER_BLOCKS = (900.0, 1800.0)
SURE = 2.0  # standard errors that make it more than chance
FEW = 3.0  # standard errors that are added to what a few blocks say
MINIMUM_BLOCKS = 24
MINIMUM_EVENTS = 5
ASSUMED = 2.0


@dataclass(frozen=True, slots=True)
class Dispersion:
    """What to divide log evidence by.

    Attributes:
        value: the dispersion, at least 1.
        reason: "DispersionAssumed" when history was too short to measure it, else None.
        blocks: five-minute blocks that were usable.
    """

    value: float
    reason: Literal["DispersionAssumed"] | None
    blocks: int


def estimate_dispersion(events: Sequence[CounterSeries], total: Sequence[CounterSeries], *, version: str) -> Dispersion:
    """Dispersion of one version's recent history, its processes against each other.

    In each block the processes' tables (events, others) are compared by Pearson's chi-square; under independent answers
    with one rate per block its mean is its degrees of freedom. What hits all processes alike cancels, as it does
    between two versions.

    Args:
        events: the numerator's counters, one or more per process.
        total: the denominator's counters.
        version: whose processes to compare (at least two of them).

    Source: P. McCullagh, J. A. Nelder, "Generalized Linear Models", 2nd ed., section 4.5.2 (quasi-binomial dispersion).
    """

    def scatter(block: float) -> Iterator[Scatter]:
        for answers, bad in process_blocks({"total": total, "events": events}, "total", version=version, block=block):
            bad = np.minimum(bad, answers)  # counters of one instant can be a request apart
            rate = bad.sum() / answers.sum()
            if bad.sum() >= MINIMUM_EVENTS and rate < 1:
                chance = answers * rate * (1 - rate)
                yield float(((bad - answers * rate) ** 2 / chance).sum()), len(answers) - 1

    return over_blocks(scatter)


Scatter = tuple[float, int]
"""A statistic of one block, and its degrees of freedom, which chance alone would make it on average."""


def process_blocks(
    counters: Counters,
    reference: str,
    *,
    version: str,
    block: float,
    sums: Collection[str] = (),
    measured: Collection[str] = (),
) -> Iterator[Floats]:
    """Blocks in which at least two processes of a version answered, in order of time.

    The arguments are those of `close_strata`, with the counters in the order in which they are wanted.

    Yields:
        What the counters rose by in each process that answered: shape (counters, processes).
    """
    tables: list[dict[int, Floats]] = []
    for name in sorted({s.series for s in counters[reference] if s.version == version}):
        mine = {key: [s for s in many if (s.version, s.series) == (version, name)] for key, many in counters.items()}
        cells, rose = process_increases(mine, reference, block, sums=sums, measured=measured)
        columns = np.stack([_altogether(rose, key, len(cells)) for key in counters])
        tables.append({int(cell): columns[:, cells == cell].sum(axis=1) for cell in np.unique(cells)})
    place = list(counters).index(reference)
    for cell in sorted(set().union(*tables)):
        answering = [table[cell] for table in tables if cell in table and table[cell][place] > 0]
        if len(answering) > 1:
            yield np.stack(answering, axis=1)


def over_blocks(scatter: Callable[[float], Iterable[Scatter]]) -> Dispersion:
    """The dispersion that blocks show together: the sum of their statistics over the sum of their degrees of freedom.

    Where that is more than chance explains, one standard error is added: the more counts scatter, the less is known of
    how much. Answers that look independent are taken to be: whatever were added would cost as much in samples.

    Blocks of five minutes see little of bursts that last longer, so a quarter and half an hour are looked at too. A
    history of hours has few of those: they count only where they scatter more by two standard errors. Then three are
    added, since so few say so little of how much.

    Args:
        scatter: gives the usable blocks of a length in seconds.
    """
    blocks = list(scatter(BLOCK))
    if len(blocks) < MINIMUM_BLOCKS:
        return Dispersion(ASSUMED, "DispersionAssumed", len(blocks))
    value = _with_error(blocks) if _exceeds(blocks, 1.0) else 1.0
    for length in LONGER_BLOCKS:
        longer = list(scatter(length))
        if longer and _exceeds(longer, value):
            value = _with_error(longer, FEW)
    return Dispersion(value, None, len(blocks))


def _exceeds(blocks: Sequence[Scatter], value: float) -> bool:
    """Whether they scatter more than that by two standard errors; chi-square has a variance of twice its mean."""
    return _mean(blocks) > value * (1 + SURE * math.sqrt(2 / sum(free for _, free in blocks)))


def _mean(blocks: Sequence[Scatter]) -> float:
    return sum(statistic for statistic, _ in blocks) / sum(free for _, free in blocks)


def _with_error(blocks: Sequence[Scatter], errors: float = 1.0) -> float:
    mean, freedom = _mean(blocks), sum(free for _, free in blocks)
    return mean + errors * math.sqrt(sum((statistic - free * mean) ** 2 for statistic, free in blocks)) / freedom


def _altogether(increases: Increases, name: str, size: int) -> Floats:
    """What one counter rose by, over all slices."""
    return sum((rose for (counter, _), rose in increases.items() if counter == name), np.zeros(size))
