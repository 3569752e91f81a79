"""From raw samples to closed strata, the same ones whatever the pieces in which the samples come.

Everything here looks only at samples, never at when they were asked for: strata close by the newest sample Prometheus
has, so one whose data come late (a remote store, a clock that lags) closes its strata late instead of losing them.
"""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from modelrollout.stats import CounterSeries, Strata, close_strata, stratum_width

SeriesByName = Mapping[str, tuple[CounterSeries, ...]]

SETTLE = 1.0
"""Seconds, after one scrape more, that a stratum stays open for samples that are on their way."""

_FIRST_LOOK = 150.0  # seconds before the run that show the scrape interval; two scrapes of one a minute


@dataclass(frozen=True, slots=True)
class Grid:
    """Width of the strata, and seconds between two scrapes."""

    width: float
    scrape: float


def grid_of(interval: float, series: Iterable[CounterSeries]) -> Grid | None:
    """The grid that these samples allow; None while no series has two.

    The width is a whole number of analysis intervals, so that scrapes that come a little early or late do not make
    another grid.
    """
    known = [one for one in series if len(one.times) > 1]
    if not known:
        return None
    scrape = stratum_width(0.0, known) / 2
    return Grid(interval * max(1, math.ceil(2 * scrape / interval - 0.05)), scrape)


def start_of_window(grid: Grid | None, until: float | None, since: float, interval: float, warm_up: float) -> float:
    """From when on samples are needed, seconds since the epoch, so that strata after `until` come out whole.

    One stratum back for the counters' last values; with a warm-up two more and the warm-up itself, to see which
    processes were new then.
    """
    if grid is None:
        return since - max(_FIRST_LOOK, 4 * interval) - warm_up
    first = math.floor((since if until is None else until) / grid.width + 1e-6) * grid.width
    return first - grid.width * (3 if warm_up else 1) - warm_up


def horizon_of(reference: Iterable[CounterSeries], grid: Grid, at: float) -> float | None:
    """The moment up to which Prometheus has been heard of, None without samples."""
    newest = [float(one.times[-1]) for one in reference if len(one.times)]
    return min(at, max(newest) + grid.scrape) if newest else None


def delayed(counters: SeriesByName, names: Collection[str], delay: float) -> SeriesByName:
    """The counters with those that count an answer `delay` seconds late put back to the time of the answers."""
    if not delay:
        return counters
    return {
        name: tuple(replace(one, times=one.times - delay) for one in many) if name in names else many
        for name, many in counters.items()
    }


@dataclass(frozen=True, slots=True)
class Window:
    """Which strata of which samples are wanted.

    Attributes:
        reference: name of the counter whose scrapes set the times.
        candidate, stable: versions of the two sides.
        since: strata begin at or after it, seconds since the epoch.
        horizon: they are closed by then.
    """

    reference: str
    candidate: str
    stable: str
    since: float
    horizon: float


def any_closed(grid: Grid, window: Window) -> bool:
    """Whether the window has a closed stratum at all: questions are asked more often than strata close."""
    first = math.ceil(window.since / grid.width - 1e-6)
    return math.floor((window.horizon - grid.scrape - SETTLE) / grid.width + 1e-6) > first


def close(
    counters: SeriesByName,
    grid: Grid,
    window: Window,
    *,
    warm_up: float = 0.0,
    sums: frozenset[str] = frozenset(),
    measured: frozenset[str] = frozenset(),
    late: frozenset[str] = frozenset(),
    delay: float = 0.0,
) -> Strata:
    """The closed strata of a window; the counters in `late` count an answer `delay` seconds after it was given."""
    started, counters = None, delayed(counters, late, delay)
    if warm_up:
        lives = _Lives(counters.get(window.reference, ()), grid.width)
        counters = {name: lives.split(many) for name, many in counters.items()}
        started = lives.started
    return close_strata(
        counters,
        reference=window.reference,
        candidate=window.candidate,
        stable=window.stable,
        width=grid.width,
        settle=grid.scrape + SETTLE,
        since=window.since,
        until=window.horizon,
        warm_up=warm_up,
        started=started,
        sums=sums,
        measured=measured,
        late=late if delay else (),
    )


class _Lives:
    """Processes told apart by their starts: one that was silent for a whole stratum is taken for a new one.

    Attributes:
        started: when each life began; lives that were there already when the samples begin are not in it.
    """

    def __init__(self, reference: Iterable[CounterSeries], width: float) -> None:
        times: dict[str, list[float]] = {}
        for one in reference:
            times.setdefault(one.series, []).extend(map(float, one.times))
        first = min((min(many) for many in times.values() if many), default=0.0)
        self.started: dict[str, float] = {}
        self._cuts: dict[str, list[float]] = {}
        for name, many in times.items():
            self._cuts[name] = _beginnings(sorted(many), width, first)
            self.started.update({_life(name, cut): cut for cut in self._cuts[name]})

    def split(self, series: Iterable[CounterSeries]) -> tuple[CounterSeries, ...]:
        """The same samples, each under the name of the life it belongs to."""
        return tuple(part for one in series for part in self._parts(one))

    def _parts(self, one: CounterSeries) -> Iterable[CounterSeries]:
        cuts = self._cuts.get(one.series)
        if not cuts:
            yield one
            return
        ends = [-math.inf, *cuts, math.inf]
        for begin, end in pairwise(ends):
            inside = (one.times >= begin) & (one.times < end)
            if inside.any():
                name = one.series if begin == -math.inf else _life(one.series, begin)
                yield CounterSeries(one.version, name, one.times[inside], one.values[inside], one.slice)


def _beginnings(times: list[float], width: float, first: float) -> list[float]:
    """The samples before which there was none in the same stratum nor in the one before."""
    cells = np.ceil(np.array(times) / width - 1e-9)
    start = math.ceil(first / width - 1e-9)
    new = [times[0]] if cells[0] > start + 1 else []
    return new + [times[i] for i in range(1, len(times)) if cells[i] - cells[i - 1] > 1]


def _life(name: str, begin: float) -> str:
    return f"{name}\0{begin:.3f}"  # sorts right behind the process itself, so that sums add up in one order


def newest_of(reference: Sequence[CounterSeries], versions: Iterable[str]) -> Mapping[str, float | None]:
    """Time of each version's newest sample, None without any."""
    return {
        version: max((float(one.times[-1]) for one in reference if one.version == version), default=None)
        for version in versions
    }
