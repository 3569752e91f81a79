"""When Prometheus is asked for which run: at the run's own interval, spread over it, beside all reconciling.

A Prometheus that hangs costs its own run a late answer, and no other run and no route anything.
"""

import asyncio
import logging
import random
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from modelrollout.decisions.findings import Evidence
from modelrollout.decisions.questions import Question
from modelrollout.kube.cache import Key
from modelrollout.kube.clock import Clock
from modelrollout.reconciler.queue import Queue

_log = logging.getLogger(__name__)

_PATIENCE = 30.0


class Examiner(Protocol):
    """Asks and judges; holds nothing between two calls."""

    def restore(self, question: Question, checkpoint: Mapping[str, Any] | None) -> Any:  # noqa: ANN401 - its own business
        """The state to go on from: that of the checkpoint where it belongs to the question's run, else a new one."""

    async def examine(self, question: Question, state: Any, at: float) -> tuple[Any, Evidence]:  # noqa: ANN401
        """Ask at that moment (seconds since the epoch), and return the next state and what the evidence says."""


@dataclass(slots=True)
class _Inquiry:
    """One run under examination."""

    question: Question
    state: Any
    evidence: Evidence | None = None
    at: float = 0.0


class Analysis:
    """Keeps the evidence of all runs up to date. `on_evidence` is called with the key whenever there is some."""

    def __init__(
        self,
        examiner: Examiner,
        clock: Clock,
        chance: random.Random,
        on_evidence: Callable[[Key], None],
        workers: int = 8,
        on_lag: Callable[[float], None] = lambda _: None,
    ) -> None:
        self._examiner = examiner
        self._clock = clock
        self._on_evidence = on_evidence
        self._on_lag = on_lag
        self._inquiries: dict[Key, _Inquiry] = {}
        self._queue: Queue[Key] = Queue(self._examine, clock, chance, workers, finish=False)

    def want(self, key: Key, question: Question | None, checkpoint: Mapping[str, Any] | None) -> None:
        """Examine this question from now on, or nothing any more; a new run begins with its checkpoint, if any."""
        if question is None:
            self._inquiries.pop(key, None)
            return
        inquiry = self._inquiries.get(key)
        if inquiry is not None and inquiry.question.run == question.run:
            inquiry.question = question
            return
        self._inquiries[key] = _Inquiry(question, self._examiner.restore(question, checkpoint))
        self._queue.add_after(key, self._until_next(key, question))

    def evidence(self, key: Key) -> Evidence | None:
        """What is known of the key's run, None before the first answer."""
        inquiry = self._inquiries.get(key)
        return inquiry.evidence if inquiry is not None else None

    def candidate(self, key: Key) -> str:
        """The version under examination, empty when none is."""
        inquiry = self._inquiries.get(key)
        return inquiry.question.candidate if inquiry is not None else ""

    def asked_at(self, key: Key) -> float | None:
        """When Prometheus was last asked for the key, seconds since the epoch."""
        inquiry = self._inquiries.get(key)
        return inquiry.at if inquiry is not None and inquiry.evidence is not None else None

    async def run(self) -> None:
        """Examine until cancelled."""
        await self._queue.run()

    async def _examine(self, key: Key) -> float | None:
        inquiry = self._inquiries.get(key)
        if inquiry is None:
            return None
        question = inquiry.question
        at = self._clock.now().timestamp()
        self._on_lag((at - _phase(key, _interval(question))) % _interval(question))
        try:
            async with asyncio.timeout(max(_PATIENCE, 2 * _interval(question))):
                state, evidence = await self._examiner.examine(question, inquiry.state, at)
        except TimeoutError:
            state = inquiry.state
            evidence = Evidence(run=question.run, step=question.step, unreachable="Prometheus did not answer in time")
        if self._inquiries.get(key) is inquiry:
            inquiry.state, inquiry.evidence, inquiry.at = state, evidence, at
            self._on_evidence(key)
        return self._until_next(key, question)

    def _until_next(self, key: Key, question: Question) -> float:
        """Seconds to the key's next turn; turns missed are not made up for, the next answer holds it all."""
        interval = _interval(question)
        return interval - (self._clock.now().timestamp() - _phase(key, interval)) % interval


def _interval(question: Question) -> float:
    return question.spec.analysis.interval.total_seconds()


def _phase(key: Key, interval: float) -> float:
    """A moment within the interval that is the key's own, in every process the same."""
    return zlib.crc32("/".join(key).encode()) % 10_000 / 10_000 * interval
