"""Whether a Prometheus has the series that a rollout's metrics ask for, and if not, what is missing."""

import asyncio
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from modelrollout.api import Metric, ModelRollout
from modelrollout.cli.lint.advised import Advice
from modelrollout.cli.lint.findings import Severity
from modelrollout.decisions.analysis.samples import CounterSamples, Trouble
from modelrollout.decisions.kinds import WantedCounter, kind_of
from modelrollout.decisions.questions import Question, SeriesTarget
from modelrollout.metrics import Bounds
from modelrollout.metrics.errors import BadQuery
from modelrollout.metrics.prometheus import Prometheus
from modelrollout.metrics.queries import (
    bounds_query,
    counter_queries,
    counter_samples,
    missing_bucket,
    threshold_query,
    value_sample,
    wanted_counters,
    without_bucket,
)
from modelrollout.metrics.selectors import Matcher, Selector, parse_selector
from modelrollout.metrics.targets import matchers_of
from modelrollout.routers import series_of

BOUNDS = Bounds(connect=5.0, seconds=30.0)

_LOOK_BACK = 300.0
"""Seconds within which a series must have a sample to be there: as long as Prometheus itself looks back."""

_VALUES = 6
_THREADS = 4


def missing_series(address: str, token: str, rollout: ModelRollout) -> list[Advice]:
    """What the metrics of a rollout, presets and templates expanded, do not find now.

    Raises:
        PrometheusError: the server does not answer, or refuses a query.
    """

    async def work() -> list[Advice]:
        with ThreadPoolExecutor(_THREADS, thread_name_prefix="prometheus") as threads:
            server = Prometheus(address, threads, BOUNDS, token, slots=_THREADS)
            look = _Look(server, _question(rollout), time.time())
            return [one for place, metric in enumerate(rollout.spec.metrics) for one in await look.at(metric, place)]

    return asyncio.run(work())


def _question(rollout: ModelRollout) -> Question:
    """Asks about the target and one other version; pods are found by the names that their workload gives them."""
    spec, now = rollout.spec, time.time()
    names = [version.name for version in spec.versions]
    candidate = spec.target or names[-1]
    stable = next((name for name in names if name != candidate), candidate)
    targets = {
        version.name: SeriesTarget(version.service.name, version.service.port, version.workload.name)
        for version in spec.versions
    }
    asked = Question(
        rollout.metadata.namespace, spec, "lint", candidate, stable, now, 0, now, weight=0, targets=targets
    )
    return replace(asked, router=series_of(rollout))


class _Look:
    """One look at a Prometheus."""

    def __init__(self, server: Prometheus, question: Question, now: float) -> None:
        self._server = server
        self._question = question
        self._now = now

    async def at(self, metric: Metric, place: int) -> list[Advice]:
        """What a metric does not find."""
        field = f"spec.metrics[{place}]"
        try:
            if metric.threshold is not None:
                return [one async for one in self._threshold(metric, field)]
            return [one async for one in self._counters(metric, field)]
        except BadQuery as error:
            return [Advice(field, str(error))]

    async def _threshold(self, metric: Metric, field: str) -> AsyncIterator[Advice]:
        sample = value_sample(await self._server.query(threshold_query(metric, self._question), self._now))
        if isinstance(sample, Trouble):
            yield Advice(f"{field}.threshold.query", sample.message)
        elif getattr(sample, "value", None) is None:
            yield Advice(f"{field}.threshold.query", f"the query finds nothing of {self._question.candidate} now")

    async def _counters(self, metric: Metric, field: str) -> AsyncIterator[Advice]:
        queries = counter_queries(metric, self._question, _LOOK_BACK)
        answers = {name: await self._server.query(query, self._now) for name, query in queries.items()}
        samples = counter_samples(metric, self._question, answers)
        if isinstance(samples, Trouble):
            yield Advice(field, samples.message)
            return
        assert isinstance(samples, CounterSamples)  # noqa: S101 - counters give nothing else
        kind = kind_of(metric)
        versions = dict.fromkeys((self._question.candidate, self._question.stable))
        for counter in wanted_counters(metric):
            if counter.bound is not None:
                continue  # a bucket: below
            having = {one.version for one in samples.counters.get(counter.name, ())}
            absent = [name for name in versions if name not in having]
            if len(absent) == len(versions):
                why = await self._why(metric, counter)
                first = kind is not None and counter.name == kind.numerator(metric)
                later = "; it may begin with the first such answer" if first else ""
                yield Advice(field, f"{why}{later}", Severity.NOTE if first else Severity.WARNING)
            elif absent:
                name = parse_selector(counter.selector).name + counter.suffix
                yield Advice(field, f"{name} has series of {', '.join(having)} and none of {absent[0]}", Severity.NOTE)
        short = without_bucket(metric, samples)
        if short is not None:
            bounds = await self._server.query(bounds_query(metric, self._question), self._now)
            yield Advice(f"{field}.{metric.kind}", missing_bucket(metric, short, bounds).message)

    async def _why(self, metric: Metric, counter: WantedCounter) -> str:
        """What of a selector it is that finds nothing."""
        selector = parse_selector(counter.selector).renamed(counter.suffix)
        if not await self._there(Selector(selector.name)):
            return f"Prometheus has no series {selector.name}"
        bound = Selector(selector.name, matchers_of(metric.series, self._question))
        if not await self._there(bound):
            labels = ", ".join(map(str, bound.matchers))
            return f"{selector.name} is there, but not with {labels}, by which series: {metric.series} finds versions"
        for matcher in selector.matchers:
            if not await self._there(bound.bound((matcher,))):
                return f"{selector.name} has no series with {matcher}{await self._values(bound, matcher)}"
        return f"{selector.name} has no series with all of {', '.join(map(str, selector.matchers))}"

    async def _there(self, selector: Selector) -> bool:
        return bool((await self._server.query(f"count({selector})", self._now)).points)

    async def _values(self, bound: Selector, matcher: Matcher) -> str:
        """The values of its label that there are."""
        answer = await self._server.query(f"count by ({matcher.label}) ({bound})", self._now)
        values = sorted({point.labels.get(matcher.label, "") for point in answer.points})
        listed = ", ".join(repr(one) for one in values[:_VALUES]) + (", ..." if len(values) > _VALUES else "")
        return f": {matcher.label} is {listed}"
