"""From raw counters to strata: a pure fold that gives the same counts live, after a restart and in a backtest.

A stratum is one cell of a fixed epoch grid, ``(i·width, (i+1)·width]``. What a pod adds to it is the increase of its
counters between its last scrape in the cell before and its last scrape in this cell. Every rule looks back by one width
at most, so a fold that begins one width before a checkpoint gives the very strata a fold from the start would give.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class CounterSeries:
    """Raw samples of one cumulative counter, as scraped.

    Attributes:
        version: the version it belongs to.
        series: the process that exposes it (a pod). Several counters of one process (one per code, say) are added up.
        times: seconds since the epoch, rising, shape (T,).
        values: the counter, shape (T,); it starts again from 0 when the process does.
    """

    version: str
    series: str
    times: Floats
    values: Floats


@dataclass(frozen=True, slots=True)
class Strata:
    """Closed strata with data of both versions, in order of time, arrays of shape (S,).

    Attributes:
        starts: start of each stratum, seconds since the epoch.
        ends: end of each stratum.
        candidate_events: the numerator's increase, whole numbers, at most the total's.
        candidate_total: the denominator's increase.
        stable_events: the same of stable.
        stable_total: the same of stable.
        lost: closed strata without a scrape of one version or of both; left out for both.
        checkpoint: end of the last closed stratum, lost or not; fold on from here. None if none has closed.
        candidate_numerator_seen: whether any numerator series of the candidate was there. Where none was, 0 events may
            mean a broken signal: whether they count as none is the caller's decision.
        stable_numerator_seen: the same of stable.
        candidate_newest: time of the candidate's newest sample, None without one.
        stable_newest: the same of stable.
    """

    starts: Floats
    ends: Floats
    candidate_events: Floats
    candidate_total: Floats
    stable_events: Floats
    stable_total: Floats
    lost: int
    checkpoint: float | None
    candidate_numerator_seen: bool
    stable_numerator_seen: bool
    candidate_newest: float | None
    stable_newest: float | None

    def __len__(self) -> int:
        return len(self.starts)


@dataclass(frozen=True, slots=True)
class _Side:
    """One version's increases by stratum: index, events, total (equal shapes), and what was seen of it."""

    index: NDArray[np.int64]
    events: Floats
    total: Floats
    numerator_seen: bool
    newest: float | None
    oldest: float | None


def stratum_width(interval: float, series: Sequence[CounterSeries]) -> float:
    """Width of the grid in seconds: the analysis interval, but at least twice the scrape interval seen.

    Choose it once per run: another width is another grid, and its checkpoints do not fit.

    Args:
        interval: the analysis interval in seconds.
        series: samples; the scrape interval is the median distance of neighbours, over the slowest series.
    """
    gaps = [float(np.median(np.diff(s.times))) for s in series if len(s.times) > 1]
    return max(interval, 2 * math.ceil(max(gaps) * 10) / 10) if gaps else interval


def close_strata(
    events: Sequence[CounterSeries],
    total: Sequence[CounterSeries],
    *,
    candidate: str,
    stable: str,
    width: float,
    settle: float,
    since: float | None = None,
    until: float | None = None,
    warm_up: float = 0.0,
    started: Mapping[str, float] | None = None,
    complement: bool = False,
) -> Strata:
    """Fold raw counters into closed strata.

    - A process's first scrape in sight is where counting begins, not an increase. A counter that appears later in a
      process already seen began at 0: all it shows is increase.
    - A counter that falls was reset, and all counters of that process with it; what it shows then is increase.
    - A process not scraped for a whole stratum starts afresh; what it counted meanwhile is left out on numerator
      and denominator alike. A process that goes away counts up to its last scrape.
    - Numerator and denominator are read at the denominator's scrapes.
    - Cumulative values, not increases, are rounded to whole numbers, so that fractions are carried on.

    Args:
        events: the numerator's counters.
        total: the denominator's counters.
        candidate: the candidate's version.
        stable: the stable version.
        width: of a stratum, in seconds; see `stratum_width`.
        settle: a stratum closes this many seconds after its end.
        since: first moment to judge (run start or checkpoint); strata that begin earlier are left out. To fold on from
            a checkpoint, give samples from one width before it. Default: the oldest sample.
        until: the moment up to which samples were asked for; default: the newest sample.
        warm_up: a process's answers in its first so many seconds are left out.
        started: when each process (`series`) started, seconds since the epoch; one that is missing counts as warm.
        complement: the numerator's counters count the other answers (fast ones, say): events = total - counted.

    Returns:
        The closed strata.

    Raises:
        ValueError: a width that is not above 0.
    """
    if not width > 0:
        raise ValueError("a stratum has a width above 0")
    warm_from = {name: at + warm_up for name, at in (started or {}).items()} if warm_up > 0 else {}
    sides = [
        _side(
            [s for s in events if s.version == version],
            [s for s in total if s.version == version],
            width,
            warm_from,
            complement,
        )
        for version in (candidate, stable)
    ]
    newest = [s.newest for s in sides if s.newest is not None]
    oldest = [s.oldest for s in sides if s.oldest is not None]
    horizon = until if until is not None else max(newest, default=None)
    beginning = since if since is not None else min(oldest, default=None)
    empty = np.empty(0)
    starts: Floats = empty
    ends: Floats = empty
    counts: list[Floats] = [empty] * 4
    lost, checkpoint = 0, since
    if horizon is not None and beginning is not None:
        # the small tolerance keeps a checkpoint that is a product in floating point on its own cell
        first = math.floor(beginning / width) if since is None else math.ceil(beginning / width - 1e-6)
        last = math.floor((horizon - settle) / width + 1e-6) - 1
        if last >= first:
            both = np.intersect1d(sides[0].index, sides[1].index)
            both = both[(both >= first) & (both <= last)]
            lost = last - first + 1 - len(both)
            checkpoint = (last + 1) * width
            starts, ends = np.multiply(both, width), np.multiply(both + 1, width)
            picked = [np.searchsorted(s.index, both) for s in sides]
            counts = [a[i] for s, i in zip(sides, picked, strict=True) for a in (s.events, s.total)]
    return Strata(
        starts=starts,
        ends=ends,
        candidate_events=counts[0],
        candidate_total=counts[1],
        stable_events=counts[2],
        stable_total=counts[3],
        lost=lost,
        checkpoint=checkpoint,
        candidate_numerator_seen=sides[0].numerator_seen,
        stable_numerator_seen=sides[1].numerator_seen,
        candidate_newest=sides[0].newest,
        stable_newest=sides[1].newest,
    )


def _side(
    events: Sequence[CounterSeries],
    total: Sequence[CounterSeries],
    width: float,
    warm_from: Mapping[str, float],
    complement: bool,
) -> _Side:
    parts = [
        process_increases(
            [s for s in events if s.series == name],
            [s for s in total if s.series == name],
            width,
            warm_from.get(name, -math.inf),
        )
        for name in sorted({s.series for s in total})
    ]
    index = np.concatenate([p[0] for p in parts]) if parts else np.empty(0, dtype=np.int64)
    cells, where = np.unique(index, return_inverse=True)
    all_events, all_total = np.zeros(len(cells)), np.zeros(len(cells))
    for number, column in ((1, all_events), (2, all_total)):
        np.add.at(column, where, np.concatenate([p[number] for p in parts]) if parts else column)
    # numerator and denominator of one instant can be a request apart in a busy process
    all_events = np.minimum(all_events, all_total)
    seen = [s.times for s in total if len(s.times)]
    return _Side(
        index=cells,
        events=all_total - all_events if complement else all_events,
        total=all_total,
        numerator_seen=any(len(s.times) for s in events),
        newest=max((float(t[-1]) for t in seen), default=None),
        oldest=min((float(t[0]) for t in seen), default=None),
    )


def process_increases(
    events: Sequence[CounterSeries], total: Sequence[CounterSeries], width: float, warm_from: float = -math.inf
) -> tuple[NDArray[np.int64], Floats, Floats]:
    """Increases of one process from scrape to scrape: number of the cell, events, total; equal shapes.

    The arguments are those of `close_strata`; `warm_from` is the first moment at which the process is warm.
    """
    times = np.unique(np.concatenate([s.times for s in total]))
    if len(times) < 2:
        return np.empty(0, dtype=np.int64), np.empty(0), np.empty(0)
    values = np.stack([_at(s, times, width) for s in (*total, *events)])
    steps = np.diff(values, axis=1)
    # a counter that is gone is not a reset: its series may have ended while others of the process live on
    reset = ((steps < 0) & (values[:, 1:] > 0)).any(axis=0)
    increases = np.where(reset, values[:, 1:], np.maximum(steps, 0.0))
    cell = np.ceil(times[1:] / width - 1e-9).astype(np.int64) - 1
    counted = (times[:-1] > (cell - 1) * width + 1e-9 * width) & (times[:-1] >= warm_from)
    return cell[counted], increases[len(total) :, counted].sum(axis=0), increases[: len(total), counted].sum(axis=0)


def _at(series: CounterSeries, times: Floats, width: float) -> Floats:
    """The counter, rounded, at each time: its last sample, 0 where that is missing or a whole width old."""
    position = np.searchsorted(series.times, times, side="right") - 1
    if not len(series.times):
        return np.zeros(len(times))
    fresh = (position >= 0) & (times - series.times[position] < width)
    result: Floats = np.where(fresh, np.rint(series.values[position]), 0.0)
    return result
