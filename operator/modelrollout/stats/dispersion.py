"""How much more a version's counts vary than independent answers would."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from modelrollout.stats.counters import Counters, CounterSeries, Floats, Increases, process_increases

BLOCK = 300.0  # seconds; bursts last minutes, and blocks shorter than they are cannot see them
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


def estimate_dispersion(
    events: Sequence[CounterSeries], total: Sequence[CounterSeries], *, version: str, block: float = BLOCK
) -> Dispersion:
    """Dispersion of one version's recent history, its processes against each other.

    In each block the processes' tables (events, others) are compared by Pearson's chi-square; under independent answers
    with one rate per block its mean is its degrees of freedom. What hits all processes alike cancels, as it does
    between two versions. One standard error is added: too small a value costs false alarms, too large a one only time.

    Args:
        events: the numerator's counters, one or more per process.
        total: the denominator's counters.
        version: whose processes to compare (at least two of them).
        block: length of a block in seconds.

    Source: P. McCullagh, J. A. Nelder, "Generalized Linear Models", 2nd ed., section 4.5.2 (quasi-binomial dispersion).
    """
    statistics, freedoms = [], []
    for answers, bad in process_blocks({"total": total, "events": events}, "total", version=version, block=block):
        bad = np.minimum(bad, answers)  # counters of one instant can be a request apart
        rate = bad.sum() / answers.sum()
        if bad.sum() < MINIMUM_EVENTS or rate == 1:
            continue
        statistics.append(float(((bad - answers * rate) ** 2 / (answers * rate * (1 - rate))).sum()))
        freedoms.append(len(answers) - 1)
    return summarised(statistics, freedoms)


def process_blocks(
    counters: Counters,
    reference: str,
    *,
    version: str,
    block: float = BLOCK,
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


def summarised(statistics: Sequence[float], freedoms: Sequence[int]) -> Dispersion:
    """The dispersion that blocks show together: their statistics, each with its degrees of freedom as expectation."""
    if len(statistics) < MINIMUM_BLOCKS:
        return Dispersion(ASSUMED, "DispersionAssumed", len(statistics))
    per_block = np.array(statistics) / np.array(freedoms)
    weights = np.array(freedoms) / sum(freedoms)
    mean = float((per_block * weights).sum())
    error = float(np.sqrt((weights**2 * (per_block - mean) ** 2).sum()))
    return Dispersion(max(1.0, mean + error), None, len(statistics))


def _altogether(increases: Increases, name: str, size: int) -> Floats:
    """What one counter rose by, over all slices."""
    return sum((rose for (counter, _), rose in increases.items() if counter == name), np.zeros(size))
