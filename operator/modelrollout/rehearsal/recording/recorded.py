"""Recorded samples: raw cumulative counters of all versions, as scraped, and the values of thresholds."""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from modelrollout.decisions.analysis.samples import CounterSamples
from modelrollout.stats import CounterSeries

Floats = NDArray[np.float64]
_Cut = Callable[[CounterSeries], CounterSeries | None]

LOOKBACK = 300.0
"""Seconds for which an instant query of Prometheus takes a series' newest sample for its present value."""

PAST_SECONDS = 9000.0
PAST_STEP = 60.0
"""How far back, and how often, the counters before a run are read to measure how they scatter: as it is done live."""


@dataclass(frozen=True, slots=True)
class Gauge:
    """Recorded values of a threshold: `times` rising, in seconds since the epoch, and `values`, NaN where none was."""

    times: Floats
    values: Floats

    def at(self, moment: float) -> float | None:
        """The newest value that is at most `LOOKBACK` old at that moment, None without one."""
        place = int(np.searchsorted(self.times, moment, side="right")) - 1
        if place < 0 or moment - self.times[place] >= LOOKBACK:
            return None
        value = float(self.values[place])
        return None if math.isnan(value) else value


@dataclass(frozen=True, slots=True)
class Recording:
    """What was recorded.

    Attributes:
        counters: by metric and name of the counter, every series of it. Series scraped together share their `times`.
        gauges: by metric and version, the values of thresholds.
        lines: how many samples it was made from.
    """

    counters: Mapping[str, Mapping[str, tuple[CounterSeries, ...]]] = field(default_factory=dict)
    gauges: Mapping[str, Mapping[str, Gauge]] = field(default_factory=dict)
    lines: int = 0

    def metrics(self) -> tuple[str, ...]:
        """Names of the metrics that have a sample."""
        return tuple(sorted({*self.counters, *self.gauges}))

    def versions(self) -> tuple[str, ...]:
        """Names of the versions that have a sample."""
        return tuple(sorted({version for version, _ in self._times()}))

    def first(self, version: str) -> float | None:
        """Time of that version's first sample, None without one."""
        return min((float(times[0]) for name, times in self._times() if name == version), default=None)

    def last(self) -> float | None:
        """Time of the newest sample of all, None without one."""
        return max((float(times[-1]) for _, times in self._times()), default=None)

    def _times(self) -> Iterable[tuple[str, Floats]]:
        for counters in self.counters.values():
            yield from ((one.version, one.times) for many in counters.values() for one in many)
        for values in self.gauges.values():
            yield from ((version, gauge.times) for version, gauge in values.items())

    def window(self, metric: str, versions: frozenset[str], start: float, end: float) -> CounterSamples:
        """The counters' samples in (start, end], as Prometheus gives them: series without any are not there."""
        cuts: dict[int, tuple[slice, Floats]] = {}

        def cut(one: CounterSeries) -> CounterSeries | None:
            known = cuts.get(id(one.times))
            if known is None:
                inside = slice(*np.searchsorted(one.times, (start, end), side="right"))
                known = cuts[id(one.times)] = (inside, one.times[inside])
            inside, times = known
            return CounterSeries(one.version, one.series, times, one.values[inside], one.slice) if len(times) else None

        return self._cut(metric, versions, cut)

    def past(self, metric: str, versions: frozenset[str], since: float) -> CounterSamples:
        """The counters before `since`, one sample a minute at whole minutes, as a subquery gives them."""
        grid = np.arange(math.ceil((since - PAST_SECONDS) / PAST_STEP), math.floor(since / PAST_STEP) + 1) * PAST_STEP
        known: dict[int, tuple[NDArray[np.intp], Floats]] = {}

        def cut(one: CounterSeries) -> CounterSeries | None:
            found = known.get(id(one.times))
            if found is None:
                place = np.searchsorted(one.times, grid, side="right") - 1
                fresh = (place >= 0) & (grid - one.times[place] < LOOKBACK)
                found = known[id(one.times)] = (place[fresh], np.array(grid[fresh], dtype=np.float64))
            place, times = found
            return CounterSeries(one.version, one.series, times, one.values[place], one.slice) if len(times) else None

        return self._cut(metric, versions, cut)

    def _cut(self, metric: str, versions: frozenset[str], cut: _Cut) -> CounterSamples:
        return CounterSamples(
            {
                name: tuple(part for one in many if one.version in versions and (part := cut(one)) is not None)
                for name, many in self.counters.get(metric, {}).items()
            }
        )
