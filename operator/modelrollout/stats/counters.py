"""Raw cumulative counters as scraped, and what they rose by from scrape to scrape."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Cells = NDArray[np.int64]

Increases = Mapping[tuple[str, str], Floats]
"""By name of the counter and value of the slice label: what it rose by, one number for each pair of scrapes."""


@dataclass(frozen=True, slots=True)
class CounterSeries:
    """Raw samples of one cumulative counter, as scraped.

    Attributes:
        version: the version it belongs to.
        series: the process that exposes it (a pod). Several counters of one process (one per code, say) are added up.
        times: seconds since the epoch, rising, shape (T,).
        values: the counter, shape (T,); it starts again from 0 when the process does.
        slice: value of the label that tells groups of requests apart, empty where nobody does.
    """

    version: str
    series: str
    times: Floats
    values: Floats
    slice: str = ""


Counters = Mapping[str, Sequence[CounterSeries]]
"""The series of each counter of a metric, by the counter's name ("bad", "total", "sum", ...)."""


def process_increases(
    counters: Counters,
    reference: str,
    width: float,
    warm_from: float = -math.inf,
    sums: Collection[str] = (),
    measured: Collection[str] = (),
    late: Collection[str] = (),
) -> tuple[Cells, Increases]:
    """Increases of one process from scrape to scrape: number of the cell, and by how much each counter rose there.

    The arguments are those of `close_strata`, with the series of this process alone; `warm_from` is the first moment at
    which it is warm. A counter without series is not in the result.
    """
    scraped = [s.times for s in counters.get(reference, ())]
    times = scraped[0] if len(scraped) == 1 else np.unique(np.concatenate(scraped)) if scraped else np.empty(0)
    if len(times) < 2:
        return np.empty(0, dtype=np.int64), {}
    rows = [(name, s) for name, many in counters.items() for s in many]
    values = np.stack([_at(s, times, width, rounded=name not in sums and name not in measured) for name, s in rows])
    there = ~np.isnan(values)
    values[~there] = 0.0
    steps = values[:, 1:] - values[:, :-1]
    # A counter that is gone is not a reset: its series may have ended while others of the process live on. Sums do not
    # tell either: that of a quantity which may be negative falls by itself.
    counts = np.array([name not in sums for name, _ in rows])[:, None]
    fell = (steps < 0) & (values[:, 1:] > 0) & counts
    reset = fell.any(axis=0)
    if late:  # put back in time they show a restart as much too early, which says nothing of the others, nor they of it
        behind = np.array([name in late for name, _ in rows])[:, None]
        reset = np.where(behind, (fell & behind).any(axis=0), (fell & ~behind).any(axis=0))
    increases = np.where(reset, values[:, 1:], np.where(there[:, 1:], steps, 0.0))
    increases = np.where(counts, np.maximum(increases, 0.0), increases)
    cell = np.ceil(times[1:] / width - 1e-9).astype(np.int64) - 1
    counted = (times[:-1] > (cell - 1) * width + 1e-9 * width) & (times[:-1] >= warm_from)
    members: dict[tuple[str, str], list[int]] = {}
    for i, (name, s) in enumerate(rows):
        members.setdefault((name, s.slice), []).append(i)
    kept = increases[:, counted]
    return cell[counted], {key: kept[index].sum(axis=0) for key, index in members.items()}


def _at(series: CounterSeries, times: Floats, width: float, *, rounded: bool) -> Floats:
    """The counter at each time: its last sample, NaN where that is missing or a whole width old."""
    if series.times is times or np.array_equal(series.times, times):  # scraped together, as most are
        return np.rint(series.values) if rounded else series.values
    if not len(series.times):
        return np.full(len(times), np.nan)
    position = np.searchsorted(series.times, times, side="right") - 1
    fresh = (position >= 0) & (times - series.times[position] < width)
    found = series.values[position]
    result: Floats = np.where(fresh, np.rint(found) if rounded else found, np.nan)
    return result
