"""Takes the samples of a backtest from a Prometheus server: raw samples of a range, in pieces of bounded size."""

import asyncio
import math
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np

from modelrollout.api import Metric, ModelRollout
from modelrollout.decisions.analysis.samples import CounterSamples, Sample, Trouble, ValueSample
from modelrollout.decisions.questions import Question, SeriesTarget
from modelrollout.errors import ModelRolloutError
from modelrollout.metrics.answers import Answer, Range
from modelrollout.metrics.errors import TooLarge
from modelrollout.metrics.prometheus import Bounds, Prometheus
from modelrollout.metrics.queries import counter_queries, counter_samples, threshold_query, value_sample
from modelrollout.rehearsal.recording.recorded import PAST_SECONDS, PAST_STEP, Gauge, Recording
from modelrollout.rehearsal.replay.roles import Roles
from modelrollout.routers import series_of
from modelrollout.stats import CounterSeries

BOUNDS = Bounds(connect=5.0, seconds=60.0, largest=64 << 20)

_THREADS = 4
_PIECE, _SMALLEST = 3600.0, 60.0
_AT_ONCE = 64

Tell = Callable[[str], None]
_Sample = TypeVar("_Sample", CounterSamples, ValueSample)


class NotRecorded(ModelRolloutError):  # noqa: N818 - named for what is wrong, as all leaves
    """Prometheus' answer for a metric cannot be used; the message says why."""


def question_of_past(rollout: ModelRollout, roles: Roles, start: float) -> Question:
    """The question whose queries find both versions in the past.

    Which pods there were then nobody knows any more, so with `series: pods` they are found by the pattern that their
    workload's name implies.
    """
    spec = rollout.spec
    targets = {
        version.name: SeriesTarget(version.service.name, version.service.port, version.workload.name)
        for version in spec.versions
    }
    return Question(
        namespace=rollout.metadata.namespace,
        spec=spec,
        run="backtest",
        candidate=roles.candidate,
        stable=roles.stable,
        since=start,
        step=0,
        step_since=start,
        weight=0,
        targets=targets,
        router=series_of(rollout),
    )


def record(address: str, token: str, question: Question, end: float, tell: Tell) -> Recording:
    """All samples that a replay of [question.since, end] needs, with the hours before that measure the scatter.

    Args:
        address: of the server, in its plain form.
        token: bearer token, empty for none.
        question: which versions and metrics; `since` is the start.
        end: last moment, seconds since the epoch.
        tell: is told how far it is.

    Raises:
        PrometheusError: the server does not answer, or refuses a query.
        NotRecorded: it answers with what a metric cannot be made of.
    """

    async def work() -> Recording:
        with ThreadPoolExecutor(_THREADS, thread_name_prefix="prometheus") as threads:
            server = Prometheus(address, threads, BOUNDS, token, slots=_THREADS)
            return await _recorded(server, question, end, tell)

    return asyncio.run(work())


async def _recorded(server: Prometheus, question: Question, end: float, tell: Tell) -> Recording:
    counters: dict[str, Mapping[str, tuple[CounterSeries, ...]]] = {}
    gauges: dict[str, dict[str, Gauge]] = {}
    for metric in question.spec.metrics:
        if metric.threshold is not None:
            gauges[metric.name] = {question.candidate: await _values(server, metric, question, end, tell)}
        else:
            counters[metric.name] = (await _counters(server, metric, question, end, tell)).counters
    # Series that Prometheus has not are not recorded, rather than recorded as empty.
    found = {metric: {name: many for name, many in names.items() if many} for metric, names in counters.items()}
    samples = sum(len(one.times) for names in found.values() for many in names.values() for one in many)
    samples += sum(len(gauge.times) for versions in gauges.values() for gauge in versions.values())
    return Recording({metric: names for metric, names in found.items() if names}, gauges, samples)


async def _counters(server: Prometheus, metric: Metric, question: Question, end: float, tell: Tell) -> CounterSamples:
    """Raw samples of every counter of a metric, piece by piece; a piece whose answer is too large is cut smaller."""
    first = moment = float(math.floor(question.since - PAST_SECONDS - PAST_STEP))
    piece, pieces = _PIECE, _Pieces()
    while moment < end:
        tell(f"{metric.name}: {(moment - first) / (end - first):.0%} of the samples fetched")
        until = min(end, moment + piece)
        queries = counter_queries(metric, question, until - moment)
        try:
            answers = await asyncio.gather(*(server.query(query, until) for query in queries.values()))
        except TooLarge:
            if piece <= _SMALLEST:
                raise
            piece = max(_SMALLEST, piece / 4)
            continue
        for name, answer in zip(queries, answers, strict=True):
            pieces.add(name, answer)
        moment = until
    return _usable(metric, counter_samples(metric, question, pieces.joined()), CounterSamples)


class _Pieces:
    """Answers for neighbouring pieces of time, put together series by series."""

    def __init__(self) -> None:
        self._parts: dict[str, dict[tuple[tuple[str, str], ...], list[Range]]] = {}
        self._warnings: dict[str, tuple[str, ...]] = {}

    def add(self, name: str, answer: Answer) -> None:
        """The next piece of a counter."""
        known = self._parts.setdefault(name, {})
        for one in answer.ranges:
            known.setdefault(tuple(sorted(one.labels.items())), []).append(one)
        self._warnings[name] = self._warnings.get(name, ()) + answer.warnings

    def joined(self) -> dict[str, Answer]:
        """One answer for each counter."""
        return {
            name: Answer("matrix", tuple(map(_joined, known.values())), warnings=self._warnings[name])
            for name, known in self._parts.items()
        }


def _joined(parts: Sequence[Range]) -> Range:
    """One series from its pieces; older servers give the sample on a boundary twice."""
    times, first = np.unique(np.concatenate([one.times for one in parts]), return_index=True)
    return Range(parts[0].labels, times, np.concatenate([one.values for one in parts])[first])


async def _values(server: Prometheus, metric: Metric, question: Question, end: float, tell: Tell) -> Gauge:
    """What the threshold's query gives at each moment at which the operator would have asked."""
    interval = question.spec.analysis.interval.total_seconds()
    ticks = [cell * interval for cell in range(math.ceil(question.since / interval), math.floor(end / interval) + 1)]
    query, values = threshold_query(metric, question), []
    for place in range(0, len(ticks), _AT_ONCE):
        tell(f"{metric.name}: {place:,} of {len(ticks):,} values fetched")
        answers = await asyncio.gather(*(server.query(query, tick) for tick in ticks[place : place + _AT_ONCE]))
        values += [_usable(metric, value_sample(answer), ValueSample).value for answer in answers]
    return Gauge(np.array(ticks), np.array([math.nan if value is None else value for value in values]))


def _usable(metric: Metric, sample: Sample, wanted: type[_Sample]) -> _Sample:
    if isinstance(sample, wanted):
        return sample
    why = f"{sample.message} ({sample.reason})" if isinstance(sample, Trouble) else "it is data of another kind"
    raise NotRecorded(f"{metric.name} cannot be taken from Prometheus: {why}")
