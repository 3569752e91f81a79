"""Builds a recording sample by sample, in arrays of plain numbers: a day of scrapes fits in a few megabytes."""

from array import array
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np

from modelrollout.rehearsal.recording.recorded import Floats, Gauge, Recording
from modelrollout.stats import CounterSeries


class SeriesKey(NamedTuple):
    """Whose samples: several parts (one counter per code, say) of one process (`series`) are added up."""

    metric: str
    version: str
    series: str
    slice: str = ""
    part: str = ""


class OutOfOrder(ValueError):  # noqa: N818 - named for what is wrong
    """A sample that is older than one before it, or that was there already."""


class RecordingBuilder:
    """Takes samples in order of time for each series."""

    def __init__(self) -> None:
        self._series: dict[SeriesKey, _Series] = {}
        self._lines = 0

    def add(self, key: SeriesKey, at: float, values: Mapping[str, float]) -> None:
        """Add what one scrape found: counters by name, or `{"value": ...}` of a threshold.

        Raises:
            OutOfOrder: nothing was added.
        """
        series = self._series.get(key)
        if series is None:
            series = self._series[key] = _Series()
        series.add(at, values)
        self._lines += 1

    def last(self, key: SeriesKey) -> float | None:
        """Time of the newest sample of that series, None without one."""
        series = self._series.get(key)
        return None if series is None else series.last

    def gauge_series(self, metric: str, version: str) -> str | None:
        """The series that a threshold's values of that version came in first, None before the first."""
        return next((key.series for key in self._series if key[:2] == (metric, version)), None)

    def recording(self) -> Recording:
        """Everything that was added."""
        counters: dict[str, dict[str, list[CounterSeries]]] = defaultdict(lambda: defaultdict(list))
        gauges: dict[str, dict[str, Gauge]] = defaultdict(dict)
        for key, series in self._series.items():
            for name, times, values in series.columns():
                if name == VALUE:
                    gauges[key.metric][key.version] = Gauge(times, values)
                else:
                    column = CounterSeries(key.version, key.series, times, values, key.slice)
                    counters[key.metric][name].append(column)
        return Recording(
            {metric: {name: tuple(many) for name, many in names.items()} for metric, names in counters.items()},
            {metric: dict(versions) for metric, versions in gauges.items()},
            self._lines,
        )


VALUE = "value"
"""Name under which a threshold's value stands among counters."""


class _Series:
    """Samples of one series: a block for each set of counters that came together."""

    __slots__ = ("_blocks", "_newest", "last")

    def __init__(self) -> None:
        self.last: float | None = None
        self._newest: tuple[str, ...] = ()
        self._blocks: dict[tuple[str, ...], tuple[array[float], tuple[array[float], ...]]] = {}

    def add(self, at: float, values: Mapping[str, float]) -> None:
        names = tuple(values)
        if self.last is not None and at <= self.last:
            if at < self.last:
                raise OutOfOrder(
                    f"t {at:.3f} is before {self.last:.3f}, which came earlier for the same series: sort the lines"
                )
            again = [name for name in names if name in self._newest]
            if again:
                raise OutOfOrder(f"{again[0]} of this series at t {at:.3f} was given already")
            self._newest += names
        else:
            self._newest = names
        self.last = at
        block = self._blocks.get(names)
        if block is None:
            block = self._blocks[names] = (array("d"), tuple(array("d") for _ in names))
        block[0].append(at)
        for column, value in zip(block[1], values.values(), strict=True):
            column.append(value)

    def columns(self) -> Iterator[tuple[str, Floats, Floats]]:
        """Name, times and values of every counter; those that came together share their times."""
        blocks = {names: (np.array(block[0]), block[1]) for names, block in self._blocks.items()}
        for name in dict.fromkeys(name for names in blocks for name in names):
            parts = [(times, columns[names.index(name)]) for names, (times, columns) in blocks.items() if name in names]
            if len(parts) == 1:
                yield name, parts[0][0], np.array(parts[0][1])
                continue
            times = np.concatenate([part[0] for part in parts])
            order = np.argsort(times)
            yield name, times[order], np.concatenate([np.array(part[1]) for part in parts])[order]
