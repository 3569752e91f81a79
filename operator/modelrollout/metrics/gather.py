"""Asks everything a question needs, at one moment for all of it."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import Executor
from typing import Any

from modelrollout.api import Metric
from modelrollout.decisions.analysis import window_start
from modelrollout.decisions.analysis_samples import CounterSamples, Sample, Samples, Trouble
from modelrollout.decisions.analysis_state import AnalysisState
from modelrollout.decisions.questions import Question
from modelrollout.metrics.addresses import check_address
from modelrollout.metrics.answers import Answer
from modelrollout.metrics.errors import AddressRefused, PrometheusError, Unreachable
from modelrollout.metrics.prometheus import DEFAULT_BOUNDS, Bounds, Prometheus
from modelrollout.metrics.queries import (
    bounds_query,
    counter_queries,
    counter_samples,
    missing_bucket,
    threshold_query,
    value_sample,
    without_bucket,
)

Ask = Callable[[str], Coroutine[Any, Any, Answer]]


class Gatherer:
    """Turns questions into samples.

    Args:
        executor: bounded; its threads are the questions that are under way at once, over all rollouts.
        default_address: where rollouts that name no Prometheus are asked for; always allowed.
        allowed: further addresses that a rollout may name (see `check_address`).
        bounds: what one query may cost.
        token: bearer token for the default address; it is sent nowhere else.
    """

    def __init__(
        self,
        executor: Executor,
        default_address: str,
        allowed: Sequence[str] = (),
        bounds: Bounds = DEFAULT_BOUNDS,
        token: str = "",
    ) -> None:
        self._executor = executor
        self._default = default_address.rstrip("/")
        self._allowed = (self._default, *allowed)
        self._bounds = bounds
        self._token = token
        self._servers: dict[str, Prometheus] = {}

    async def gather(self, question: Question, state: AnalysisState, at: float) -> Samples:
        """Ask for every metric of the question's spec, with `at` (seconds since the epoch) as the time of all queries.

        Nothing is raised for what Prometheus says or fails to say: it stands in the samples, metric by metric.
        """
        try:
            server = self._server(question.spec.prometheus_address(self._default))
        except AddressRefused as error:
            return Samples(at, {one.name: _trouble(error) for one in question.spec.metrics}, str(error))
        under_way: dict[str, asyncio.Task[Answer]] = {}

        async def ask(query: str) -> Answer:
            # Metrics often share a denominator: the same text is asked once.
            task = under_way.get(query)
            if task is None:
                task = under_way[query] = asyncio.create_task(server.query(query, at))
            return await asyncio.shield(task)

        metrics = question.spec.metrics
        try:
            answers = await asyncio.gather(*(_answer(ask, one, question, state, at) for one in metrics))
        finally:
            for task in under_way.values():
                task.cancel()
            await asyncio.gather(*under_way.values(), return_exceptions=True)
        lost = [one for one, dead in answers if dead]
        return Samples(
            at,
            {metric.name: sample for metric, (sample, _) in zip(metrics, answers, strict=True)},
            lost[0].message if lost and len(lost) == len(answers) and isinstance(lost[0], Trouble) else "",
        )

    def _server(self, address: str) -> Prometheus:
        plain = check_address(address, self._allowed)
        if plain not in self._servers:
            token = self._token if plain == self._default else ""
            self._servers[plain] = Prometheus(plain, self._executor, self._bounds, token)
        return self._servers[plain]


async def _answer(ask: Ask, metric: Metric, question: Question, state: AnalysisState, at: float) -> tuple[Sample, bool]:
    """What a metric's queries came to, and whether they failed in a way that concerns Prometheus as a whole."""
    try:
        if metric.threshold is not None:
            return value_sample(await ask(threshold_query(metric, question))), False
        return await _compared(ask, metric, question, at - window_start(state, question, metric)), False
    except PrometheusError as error:
        return _trouble(error), isinstance(error, Unreachable)


async def _compared(ask: Ask, metric: Metric, question: Question, seconds: float) -> Sample:
    queries = counter_queries(metric, question, seconds)
    events, total = await asyncio.gather(ask(queries.events), ask(queries.total))
    samples = counter_samples(metric, question, events, total, queries.complement)
    if metric.latency is not None and isinstance(samples, CounterSamples):
        version = without_bucket(samples)
        if version is not None:
            return missing_bucket(metric, version, await ask(bounds_query(metric, question)))
    return samples


def _trouble(error: PrometheusError) -> Trouble:
    return Trouble(error.reason, str(error))
