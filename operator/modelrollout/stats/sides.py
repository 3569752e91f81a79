"""One version's counters, put together over its processes: what they rose by in every stratum."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from modelrollout.stats.counters import Cells, CounterSeries, Floats, process_increases


@dataclass(frozen=True, slots=True)
class Side:
    """One version's increases: the strata, a column of equal shape for each counter and slice, and what was seen.

    The slice None stands for all requests together.
    """

    index: Cells
    columns: Mapping[tuple[str, str | None], Floats] = field(default_factory=dict)
    seen: frozenset[str] = frozenset()
    newest: float | None = None
    oldest: float | None = None

    def column(self, key: tuple[str, str | None]) -> Floats:
        """Of a counter in a slice; all zeros for one that the version has not."""
        found = self.columns.get(key)
        return np.zeros(len(self.index)) if found is None else found


def side_of(
    counters: Mapping[str, Sequence[CounterSeries]],
    reference: str,
    width: float,
    warm_from: Mapping[str, float],
    special: tuple[Collection[str], Collection[str], Collection[str]],
) -> Side:
    """The counters of one version, put together.

    Args:
        counters: the series of each counter, of this version alone.
        reference: as for `close_strata`, like all that follows.
        width: of a stratum.
        warm_from: from when on each process counts; one that is missing does from the beginning.
        special: names of the counters that are sums, of those that are measured, and of those that are late.
    """
    processes: dict[str, dict[str, list[CounterSeries]]] = {}
    for name, many in counters.items():
        for s in many:
            processes.setdefault(s.series, {}).setdefault(name, []).append(s)
    parts = [
        process_increases(processes[process], reference, width, warm_from.get(process, -math.inf), *special)
        for process in sorted(processes)
    ]
    scraped = [s.times for s in counters.get(reference, ()) if len(s.times)]
    index, where = np.unique(np.concatenate([cells for cells, _ in parts] or [_NO_CELLS]), return_inverse=True)
    pieces: dict[tuple[str, str | None], tuple[list[Cells], list[Floats]]] = {}
    at = 0
    for cells, increases in parts:
        mine = where[at : at + len(cells)]
        at += len(cells)
        for (name, value), rose in increases.items():
            for key in ((name, None), (name, value)) if value else ((name, None),):
                places, amounts = pieces.setdefault(key, ([], []))
                places.append(mine)
                amounts.append(rose)
    return Side(
        index=index,
        columns={
            key: np.bincount(np.concatenate(places), np.concatenate(amounts), len(index)).astype(np.float64, copy=False)
            for key, (places, amounts) in pieces.items()
        },
        seen=frozenset(name for name, many in counters.items() if any(len(s.times) for s in many)),
        newest=max((float(t[-1]) for t in scraped), default=None),
        oldest=min((float(t[0]) for t in scraped), default=None),
    )


_NO_CELLS: Cells = np.empty(0, dtype=np.int64)
