"""How much more a version's counts vary than independent answers would."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from modelrollout.stats.counters import CounterSeries, Floats, Increases, process_increases

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
    names = sorted({s.series for s in total if s.version == version})
    tables = []
    for name in names:
        groups = {"events": events, "total": total}
        mine = {key: [s for s in many if (s.version, s.series) == (version, name)] for key, many in groups.items()}
        cells, rose = process_increases(mine, "total", block)
        bad, answers = (_altogether(rose, key, len(cells)) for key in ("events", "total"))
        tables.append({cell: (bad[cells == cell].sum(), answers[cells == cell].sum()) for cell in np.unique(cells)})
    statistics, freedoms = [], []
    for cell in sorted(set().union(*tables)):
        counts = np.array([t[cell] for t in tables if cell in t and t[cell][1] > 0], dtype=np.float64)
        if len(counts) < 2:
            continue
        bad, answers = np.minimum(counts[:, 0], counts[:, 1]), counts[:, 1]
        rate = bad.sum() / answers.sum()
        if bad.sum() < MINIMUM_EVENTS or rate == 1:
            continue
        statistics.append(float(((bad - answers * rate) ** 2 / (answers * rate * (1 - rate))).sum()))
        freedoms.append(len(counts) - 1)
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
