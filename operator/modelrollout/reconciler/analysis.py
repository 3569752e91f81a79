"""When Prometheus is asked for which run: at the run's own interval, spread over it, beside all reconciling.

A Prometheus that hangs costs its own run a late answer, and no other run and no route anything.
"""

import asyncio
import logging
import random
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from modelrollout.kube.cache import Key
from modelrollout.kube.clock import Clock
from modelrollout.reconciler.queue import Queue

_log = logging.getLogger(__name__)

_PATIENCE = 30.0


class Asked(Protocol):
    """A question: of which run (another one begins anew), and how many seconds lie between two answers."""

    @property
    def run(self) -> str: ...  # noqa: D102 - see above

    @property
    def interval(self) -> float: ...  # noqa: D102 - see above

    @property
    def candidate(self) -> str: ...  # noqa: D102 - the version that is asked about


_Q = TypeVar("_Q", bound=Asked)
_E = TypeVar("_E")


_Asks = TypeVar("_Asks", bound=Asked, contravariant=True)
_Says = TypeVar("_Says", covariant=True)


class Examiner(Protocol[_Asks, _Says]):
    """Asks and judges; holds nothing between two calls."""

    def restore(self, question: _Asks, checkpoint: Mapping[str, Any] | None) -> Any:  # noqa: ANN401 - its own business
        """The state to go on from: that of the checkpoint where it belongs to the question's run, else a new one."""

    async def examine(self, question: _Asks, state: Any, at: float) -> tuple[Any, _Says]:  # noqa: ANN401
        """Ask at that moment (seconds since the epoch), and return the next state and what the evidence says."""

    def unanswered(self, question: _Asks, why: str) -> _Says:
        """What is known when no answer came in time."""


@dataclass(slots=True)
class _Inquiry(Generic[_Q, _E]):
    """One run under examination."""

    question: _Q
    state: Any
    evidence: _E | None = None
    at: float = 0.0


class Analysis(Generic[_Q, _E]):
    """Keeps the evidence of all runs up to date. `on_evidence` is called with the key whenever there is some."""

    def __init__(
        self,
        examiner: Examiner[_Q, _E],
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
        self._inquiries: dict[Key, _Inquiry[_Q, _E]] = {}
        self._queue: Queue[Key] = Queue(self._examine, clock, chance, workers, finish=False)

    def want(self, key: Key, question: _Q | None, checkpoint: Mapping[str, Any] | None) -> None:
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

    def evidence(self, key: Key) -> _E | None:
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
        self._on_lag((at - _phase(key, question.interval)) % question.interval)
        try:
            async with asyncio.timeout(max(_PATIENCE, 2 * question.interval)):
                state, evidence = await self._examiner.examine(question, inquiry.state, at)
        except TimeoutError:
            state = inquiry.state
            evidence = self._examiner.unanswered(question, "Prometheus did not answer in time")
        if self._inquiries.get(key) is inquiry:
            inquiry.state, inquiry.evidence, inquiry.at = state, evidence, at
            self._on_evidence(key)
        return self._until_next(key, question)

    def _until_next(self, key: Key, question: _Q) -> float:
        """Seconds to the key's next turn; turns missed are not made up for, the next answer holds it all."""
        interval = question.interval
        return interval - (self._clock.now().timestamp() - _phase(key, interval)) % interval


def _phase(key: Key, interval: float) -> float:
    """A moment within the interval that is the key's own, in every process the same."""
    return zlib.crc32("/".join(key).encode()) % 10_000 / 10_000 * interval
