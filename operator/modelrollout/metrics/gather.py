"""Asks everything a question needs, at one moment for all of it."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from typing import Any

from modelrollout.api import Metric, ModelRolloutSpec
from modelrollout.decisions.analysis.looking import wants_past, window_start
from modelrollout.decisions.analysis.samples import CounterSamples, Sample, Samples, Trouble
from modelrollout.decisions.analysis.state import AnalysisState
from modelrollout.decisions.monitoring.fold import MonitoringState, start_of_look, step_of
from modelrollout.decisions.monitoring.monitored import Monitored
from modelrollout.decisions.questions import Question
from modelrollout.metrics.addresses import check_address
from modelrollout.metrics.answers import Answer
from modelrollout.metrics.errors import AddressRefused, PrometheusError, QueryRefused, TooLarge, Unreachable
from modelrollout.metrics.hints import hint, problem_query, silent
from modelrollout.metrics.prometheus import DEFAULT_BOUNDS, Bounds, Prometheus
from modelrollout.metrics.queries import (
    bounds_query,
    counter_queries,
    counter_samples,
    look_queries,
    missing_bucket,
    past_queries,
    threshold_query,
    value_sample,
    without_bucket,
)

Ask = Callable[[str, float], Coroutine[Any, Any, Answer]]
_Answering = Callable[[Ask, Metric], Coroutine[Any, Any, tuple[Sample, bool]]]

_SHARES = (1, 8, 64)  # of the time that is missing, tried until the answer is small enough


class Gatherer:
    """Turns questions into samples.

    Args:
        executor: bounded; its threads are the questions that are under way at once, over all rollouts.
        default_address: where rollouts that name no Prometheus are asked for; always allowed.
        allowed: further addresses that a rollout may name (see `check_address`).
        bounds: what one query may cost.
        token: bearer token for the default address; it is sent nowhere else.
        slots: queries under way at once at the default address, a quarter of that at any other: as many as the executor
            has threads, so that a tenant's server that hangs leaves threads for everybody else.
    """

    def __init__(
        self,
        executor: Executor,
        default_address: str,
        allowed: Sequence[str] = (),
        bounds: Bounds = DEFAULT_BOUNDS,
        token: str = "",
        slots: int = 8,
    ) -> None:
        self._executor = executor
        self._slots = slots
        self._default = default_address.rstrip("/")
        self._allowed = (self._default, *allowed)
        self._bounds = bounds
        self._token = token
        self._servers: dict[str, Prometheus] = {}

    async def gather(self, question: Question, state: AnalysisState, at: float) -> Samples:
        """Ask for every metric of the question's spec, as of the moment `at` (seconds since the epoch).

        Nothing is raised for what Prometheus says or fails to say: it stands in the samples, metric by metric.
        """
        return (await self.gather_all([(question, state)], at))[0]

    async def gather_all(self, asked: Sequence[tuple[Question, AnalysisState]], at: float) -> list[Samples]:
        """The same for several questions of one rollout; what they have in common is asked once."""
        jobs = [(question.spec.metrics, self._answering(question, state, at)) for question, state in asked]
        return await self._gathered_all(asked[0][0].spec, jobs, at)

    def _answering(self, question: Question, state: AnalysisState, at: float) -> _Answering:
        return lambda ask, metric: self._answer(ask, metric, question, state, at)

    async def gather_looks(self, question: Monitored, state: MonitoringState, at: float) -> Samples:
        """Ask for what the version that serves answered since the last look; as `gather` for all else."""

        def answer(ask: Ask, metric: Metric) -> Coroutine[Any, Any, tuple[Sample, bool]]:
            return self._look(ask, metric, question, state, at)

        return (await self._gathered_all(question.asked.spec, [(question.metrics, answer)], at))[0]

    async def _gathered_all(
        self, spec: ModelRolloutSpec, jobs: Sequence[tuple[Sequence[Metric], _Answering]], at: float
    ) -> list[Samples]:
        try:
            server = self._server(spec.prometheus_address(self._default))
        except AddressRefused as error:
            return [Samples(at, {one.name: _trouble(error) for one in metrics}, str(error)) for metrics, _ in jobs]
        under_way: dict[tuple[str, float], asyncio.Task[Answer]] = {}

        async def ask(query: str, moment: float) -> Answer:
            # Metrics often share a denominator: the same text is asked once.
            task = under_way.get((query, moment))
            if task is None:
                task = under_way[query, moment] = asyncio.create_task(server.query(query, moment))
            return await asyncio.shield(task)

        try:
            return list(await asyncio.gather(*(_samples(ask, metrics, answer, at) for metrics, answer in jobs)))
        finally:
            for task in under_way.values():
                task.cancel()
            await asyncio.gather(*under_way.values(), return_exceptions=True)

    def _server(self, address: str) -> Prometheus:
        plain = check_address(address, self._allowed)
        if plain not in self._servers:
            ours = plain == self._default
            token, slots = (self._token, self._slots) if ours else ("", max(1, self._slots // 4))
            self._servers[plain] = Prometheus(plain, self._executor, self._bounds, token, slots)
        return self._servers[plain]

    async def _answer(
        self, ask: Ask, metric: Metric, question: Question, state: AnalysisState, at: float
    ) -> tuple[Sample, bool]:
        """What a metric's queries came to, and whether they failed in a way that concerns Prometheus as a whole."""
        try:
            if metric.threshold is not None:
                return value_sample(await ask(threshold_query(metric, question), at)), False
            sample = await self._compared(ask, metric, question, window_start(state, question, metric), at)
            if (
                isinstance(sample, CounterSamples)
                and any(sample.counters.values())
                and wants_past(state, question, metric)
            ):
                sample = replace(sample, past=await self._past(ask, metric, question))
        except PrometheusError as error:
            return _trouble(error), isinstance(error, Unreachable)
        return sample, False

    async def _look(
        self, ask: Ask, metric: Metric, question: Monitored, state: MonitoringState, at: float
    ) -> tuple[Sample, bool]:
        step = step_of(question)
        seconds = at - start_of_look(state, question, metric, at) + 2 * step
        try:
            answers = await _asked(ask, look_queries(metric, question.asked, seconds, step), at)
        except PrometheusError as error:
            return _trouble(error), isinstance(error, Unreachable)
        return counter_samples(metric, question.asked, answers), False

    async def _compared(self, ask: Ask, metric: Metric, question: Question, start: float, at: float) -> Sample:
        """The samples since `start`; where those are too many at once, the first part of them, and more next time."""
        for share in _SHARES[:-1]:
            with contextlib.suppress(TooLarge):
                return await self._window(ask, metric, question, start, start + (at - start) / share)
        return await self._window(ask, metric, question, start, start + (at - start) / _SHARES[-1])

    async def _past(self, ask: Ask, metric: Metric, question: Question) -> CounterSamples | None:
        """The counters before the run; None where this server cannot give them all: the dispersion is assumed then."""
        queries = past_queries(metric, question)
        try:
            answers = await _asked(ask, queries, question.since)
        except (TooLarge, QueryRefused):
            return None
        samples = counter_samples(metric, question, answers)
        return samples if isinstance(samples, CounterSamples) else None

    async def _window(self, ask: Ask, metric: Metric, question: Question, start: float, end: float) -> Sample:
        queries = counter_queries(metric, question, end - start)
        answers = await _asked(ask, queries, end)
        # Many thousand series take a while to sort: not in the event loop.
        samples = await asyncio.get_running_loop().run_in_executor(
            self._executor, counter_samples, metric, question, answers
        )
        if isinstance(samples, CounterSamples):
            version = without_bucket(metric, samples)
            if version is not None:
                return missing_bucket(metric, version, await ask(bounds_query(metric, question), end))
            versions = silent(metric, question, samples)
            if versions:
                # Nothing hangs on it: whatever keeps this question from being answered says itself elsewhere.
                with contextlib.suppress(PrometheusError):
                    said = await ask(problem_query(metric, question), end)
                    return replace(samples, hint=hint(metric, versions, said))
        return samples


async def _samples(ask: Ask, metrics: Sequence[Metric], answer: _Answering, at: float) -> Samples:
    """The samples of these metrics; unreachable where not one of them could be asked."""
    answers = await asyncio.gather(*(answer(ask, one) for one in metrics))
    lost = [one for one, dead in answers if dead]
    return Samples(
        at,
        {metric.name: sample for metric, (sample, _) in zip(metrics, answers, strict=True)},
        lost[0].message if lost and len(lost) == len(answers) and isinstance(lost[0], Trouble) else "",
    )


async def _asked(ask: Ask, queries: Mapping[str, str], moment: float) -> dict[str, Answer]:
    """The answers by the counters' names."""
    answers = await asyncio.gather(*(ask(query, moment) for query in queries.values()))
    return dict(zip(queries, answers, strict=True))


def _trouble(error: PrometheusError) -> Trouble:
    return Trouble(error.reason, str(error))
