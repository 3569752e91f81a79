"""Writes a recording as lines of JSON that `read_lines` reads."""

import heapq
from collections import defaultdict
from collections.abc import Iterator, Mapping

import numpy as np
from pydantic_core import to_json

from modelrollout.api import ModelRolloutSpec
from modelrollout.rehearsal.recording.builder import VALUE, SeriesKey
from modelrollout.rehearsal.recording.keys import BUCKETS, accepted
from modelrollout.rehearsal.recording.recorded import Recording
from modelrollout.stats import CounterSeries


def write_lines(recording: Recording, spec: ModelRolloutSpec) -> Iterator[bytes]:
    """The recording as lines, in order of time; reading them for the same spec gives the same samples."""
    histograms = {metric.name for metric in spec.metrics if accepted(metric).buckets}
    streams = [_scrapes(number, key, columns) for number, (key, columns) in enumerate(_series(recording).items())]
    for at, _, key, values in heapq.merge(*streams):
        line: dict[str, object] = {"t": at, "metric": key.metric, "version": key.version, "series": key.series}
        line |= {"slice": key.slice} if key.slice else {}
        line |= {"part": key.part} if key.part else {}
        yield to_json(line | {"counters": {BUCKETS: values} if key.metric in histograms else values}) + b"\n"


def _series(recording: Recording) -> Mapping[SeriesKey, dict[str, CounterSeries]]:
    """The columns of each series by name; several of one name become parts."""
    series: dict[SeriesKey, dict[str, CounterSeries]] = defaultdict(dict)
    for metric, counters in recording.counters.items():
        for name, many in counters.items():
            for one in many:
                part = 1
                while name in series[key := SeriesKey(metric, one.version, one.series, one.slice, _part(part))]:
                    part += 1
                series[key][name] = one
    for metric, versions in recording.gauges.items():
        for version, gauge in versions.items():
            series[SeriesKey(metric, version, "")][VALUE] = CounterSeries(version, "", gauge.times, gauge.values)
    return series


def _part(number: int) -> str:
    return "" if number == 1 else str(number)


def _scrapes(
    number: int, key: SeriesKey, columns: Mapping[str, CounterSeries]
) -> Iterator[tuple[float, int, SeriesKey, dict[str, float | None]]]:
    """What each scrape of one series found; `number` breaks ties."""
    times = np.unique(np.concatenate([one.times for one in columns.values()]))
    places = {name: np.searchsorted(one.times, times) for name, one in columns.items()}
    for i, at in enumerate(times.tolist()):
        found: dict[str, float | None] = {}
        for name, one in columns.items():
            place = places[name][i]
            if place < len(one.times) and one.times[place] == at:
                value = float(one.values[place])
                found[name] = int(value) if value.is_integer() else None if np.isnan(value) else value
        yield at, number, key, found
