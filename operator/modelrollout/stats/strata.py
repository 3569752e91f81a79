"""From raw counters to strata: a pure fold that gives the same counts live, after a restart and in a backtest.

A stratum is one cell of a fixed epoch grid, ``(i·width, (i+1)·width]``. What a pod adds to it is the increase of its
counters between its last scrape in the cell before and its last scrape in this cell. Every rule looks back by one width
at most, so a fold that begins one width before a checkpoint gives the very strata a fold from the start would give.
"""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from modelrollout.stats.counters import Cells, Counters, CounterSeries, Floats
from modelrollout.stats.sides import Side, side_of

Columns = Mapping[str, Floats]
"""By the counter's name: what it rose by in each stratum, shape (S,)."""


@dataclass(frozen=True, slots=True)
class SliceColumns:
    """What the counters of one group of requests rose by, on both sides; a counter it has not is all zeros."""

    candidate: Columns
    stable: Columns


@dataclass(frozen=True, slots=True)
class Strata:
    """Closed strata with data of both versions, in order of time, arrays of shape (S,).

    Attributes:
        starts: start of each stratum, seconds since the epoch.
        ends: end of each stratum.
        candidate: what the candidate's counters rose by, over all requests. Counts are whole numbers, sums are not.
        stable: the same of stable.
        slices: the same for each value of the slice label that is not empty.
        lost: closed strata without a scrape of one version or of both; left out for both.
        checkpoint: end of the last closed stratum, lost or not; fold on from here. None if none has closed.
        candidate_seen: names of the counters of which the candidate has shown any sample. Where a numerator was never
            there, 0 events may mean a broken signal: whether they count as none is the caller's decision.
        stable_seen: the same of stable.
        candidate_newest: time of the candidate's newest sample of the reference counter, None without one.
        stable_newest: the same of stable.
        alone_starts: start of each lost stratum in which stable was scraped and the candidate was not.
        alone: what stable's reference counter rose by there, of the same shape.
    """

    starts: Floats
    ends: Floats
    candidate: Columns
    stable: Columns
    slices: Mapping[str, SliceColumns]
    lost: int
    checkpoint: float | None
    candidate_seen: frozenset[str]
    stable_seen: frozenset[str]
    candidate_newest: float | None
    stable_newest: float | None
    alone_starts: Floats
    alone: Floats

    def __len__(self) -> int:
        return len(self.starts)


def stratum_width(interval: float, series: Iterable[CounterSeries]) -> float:
    """Width of the grid in seconds: the analysis interval, but at least twice the scrape interval seen.

    Choose it once per run: another width is another grid, and its checkpoints do not fit.

    Args:
        interval: the analysis interval in seconds.
        series: samples; the scrape interval is the median distance of neighbours, over the slowest series.
    """
    gaps = [float(np.median(np.diff(s.times))) for s in series if len(s.times) > 1]
    return max(interval, 2 * math.ceil(max(gaps) * 10) / 10) if gaps else interval


def close_strata(
    counters: Counters,
    *,
    reference: str,
    candidate: str,
    stable: str,
    width: float,
    settle: float,
    since: float | None = None,
    until: float | None = None,
    warm_up: float = 0.0,
    started: Mapping[str, float] | None = None,
    sums: Collection[str] = (),
    measured: Collection[str] = (),
    late: Collection[str] = (),
) -> Strata:
    """Fold raw counters into closed strata.

    - A process's first scrape in sight is where counting begins, not an increase. A counter that appears later in a
      process already seen began at 0: all it shows is increase.
    - A counter that falls was reset, and all counters of that process with it; what it shows then is increase.
    - A process not scraped for a whole stratum starts afresh; what it counted meanwhile is left out of all counters
      alike. A process that goes away counts up to its last scrape.
    - All counters of a process are read at the reference counter's scrapes.
    - Cumulative values, not increases, are rounded to whole numbers, so that fractions are carried on.

    Args:
        counters: the series of each counter, of both versions.
        reference: name of the counter whose scrapes set the times; most often the denominator.
        candidate: the candidate's version.
        stable: the stable version.
        width: of a stratum, in seconds; see `stratum_width`.
        settle: a stratum closes this many seconds after its end.
        since: first moment to judge (run start or checkpoint); strata that begin earlier are left out. To fold on from
            a checkpoint, give samples from one width before it. Default: the oldest sample.
        until: the moment up to which samples were asked for; default: the newest sample.
        warm_up: a process's answers in its first so many seconds are left out.
        started: when each process (`series`) started, seconds since the epoch; one that is missing counts as warm.
        sums: names of counters that add up a quantity: they are not rounded, and they may fall.
        measured: names of counters that are not rounded either, but fall only when they are reset (hours, say).
        late: names of counters whose samples were put back in time: a reset is theirs alone, or all the others'.

    Returns:
        The closed strata.

    Raises:
        ValueError: a width that is not above 0.
    """
    if not width > 0:
        raise ValueError("a stratum has a width above 0")
    warm_from = {name: at + warm_up for name, at in (started or {}).items()} if warm_up > 0 else {}
    sides = [
        side_of(_of(counters, name), reference, width, warm_from, (sums, measured, late))
        for name in (candidate, stable)
    ]
    first, last = _closed(sides, width, settle, since, until)
    mine, theirs = (side.index[(side.index >= first) & (side.index <= last)] for side in sides)
    both = np.intersect1d(mine, theirs, assume_unique=True)
    alone = np.setdiff1d(theirs, mine, assume_unique=True)
    picked = [np.searchsorted(side.index, both) for side in sides]
    candidate_columns, stable_columns = (
        {name: side.column((name, None))[i] for name in counters} for side, i in zip(sides, picked, strict=True)
    )
    return Strata(
        starts=np.multiply(both, width),
        ends=np.multiply(both + 1, width),
        candidate=candidate_columns,
        stable=stable_columns,
        slices=_slices(counters, sides, picked),
        lost=last - first + 1 - len(both) if last >= first else 0,
        checkpoint=(last + 1) * width if last >= first else since,
        candidate_seen=sides[0].seen,
        stable_seen=sides[1].seen,
        candidate_newest=sides[0].newest,
        stable_newest=sides[1].newest,
        alone_starts=np.multiply(alone, width),
        alone=sides[1].column((reference, None))[np.searchsorted(sides[1].index, alone)],
    )


def _of(counters: Counters, version: str) -> dict[str, list[CounterSeries]]:
    return {name: [s for s in many if s.version == version] for name, many in counters.items()}


def _closed(
    sides: Sequence[Side], width: float, settle: float, since: float | None, until: float | None
) -> tuple[int, int]:
    """Numbers of the first and the last stratum that are closed; the last is the smaller one where none is."""
    newest = [side.newest for side in sides if side.newest is not None]
    oldest = [side.oldest for side in sides if side.oldest is not None]
    horizon = until if until is not None else max(newest, default=None)
    beginning = since if since is not None else min(oldest, default=None)
    if horizon is None or beginning is None:
        return 0, -1
    # the small tolerance keeps a checkpoint that is a product in floating point on its own cell
    first = math.floor(beginning / width) if since is None else math.ceil(beginning / width - 1e-6)
    return first, math.floor((horizon - settle) / width + 1e-6) - 1


def _slices(counters: Counters, sides: Sequence[Side], picked: Sequence[Cells]) -> dict[str, SliceColumns]:
    values = sorted({value for side in sides for _, value in side.columns if value is not None})
    return {
        value: SliceColumns(
            *({name: side.column((name, value))[i] for name in counters} for side, i in zip(sides, picked, strict=True))
        )
        for value in values
    }
