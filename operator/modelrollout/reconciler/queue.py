"""Which key is reconciled when: one worker at a time, once for many reasons, again after a failure or at its hour."""

import asyncio
import heapq
import logging
import random
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from modelrollout.errors import ModelRolloutError
from modelrollout.kube.backoff import Backoff
from modelrollout.kube.clock import Clock

_log = logging.getLogger(__name__)

K = TypeVar("K")

_BACKOFF = Backoff(first=0.2, most=60.0)


class Agenda(Generic[K]):
    """Keys that are due now, keys that are due later, and keys in work; it never waits, the time is handed in.

    A key is given out to one worker at a time. A key added while it is in work is due again as soon as that ends.
    """

    def __init__(self) -> None:
        self._due: deque[K] = deque()
        self._queued: set[K] = set()
        self._working: set[K] = set()
        self._again: set[K] = set()
        self._later: list[tuple[float, int, K]] = []
        self._moment: dict[K, float] = {}
        self._count = 0

    def add(self, key: K) -> None:
        """Due now."""
        if key in self._working:
            self._again.add(key)
        elif key not in self._queued:
            self._queued.add(key)
            self._due.append(key)

    def add_at(self, key: K, moment: float) -> None:
        """Due at that moment, unless it is due earlier anyway."""
        if moment < self._moment.get(key, float("inf")):
            self._moment[key] = moment
            self._count += 1
            heapq.heappush(self._later, (moment, self._count, key))

    def take(self, now: float) -> K | None:
        """A key that is due, which is in work from now on; None when there is none."""
        while self._later and self._later[0][0] <= now:
            moment, _, key = heapq.heappop(self._later)
            if self._moment.get(key) == moment:
                del self._moment[key]
                self.add(key)
        if not self._due:
            return None
        key = self._due.popleft()
        self._queued.discard(key)
        self._working.add(key)
        self._moment.pop(key, None)
        return key

    def done(self, key: K) -> None:
        """The work on the key has ended."""
        self._working.discard(key)
        if key in self._again:
            self._again.discard(key)
            self.add(key)

    def next_moment(self) -> float | None:
        """When the next key falls due that is not due yet, None when there is none."""
        while self._later and self._moment.get(self._later[0][2]) != self._later[0][0]:
            heapq.heappop(self._later)
        return self._later[0][0] if self._later else None

    def depth(self) -> int:
        """How many keys are due and wait for a worker."""
        return len(self._due)


class Queue(Generic[K]):
    """Runs `work(key)` for every key that falls due, at most `workers` at once.

    `work` returns in how many seconds the key wants to be looked at again, None for not by itself. What it raises is
    logged, concerns this key alone, and leads to another try after a growing pause.

    When the queue is stopped nothing is begun any more; what goes on is waited for, or cancelled unless `finish`.

    Attributes:
        heartbeat: when a worker was last started or ended, or the queue was last seen empty; on the monotonic clock.
    """

    def __init__(
        self,
        work: Callable[[K], Awaitable[float | None]],
        clock: Clock,
        chance: random.Random,
        workers: int = 64,
        on_error: Callable[[K, Exception], float | None] | None = None,
        *,
        finish: bool = True,
    ) -> None:
        self._work = work
        self._clock = clock
        self._chance = chance
        self._workers = workers
        self._on_error = on_error or _log_error
        self._finish = finish
        self._agenda: Agenda[K] = Agenda()
        self._failures: dict[K, int] = {}
        self._wake = asyncio.Event()
        self._running: set[asyncio.Task[None]] = set()
        self.heartbeat = clock.monotonic()

    def add(self, key: K) -> None:
        """Work on the key soon."""
        self._agenda.add(key)
        self._wake.set()

    def add_after(self, key: K, seconds: float) -> None:
        """Work on the key in so many seconds at the latest."""
        self._agenda.add_at(key, self._clock.monotonic() + seconds)
        self._wake.set()

    def depth(self) -> int:
        """How many keys wait for a worker."""
        return self._agenda.depth()

    def lag(self) -> float:
        """Seconds for which keys wait while no worker starts or ends; 0 when none waits."""
        return self._clock.monotonic() - self.heartbeat if self._agenda.depth() else 0.0

    async def run(self) -> None:
        """Work until cancelled."""
        try:
            while True:
                self._wake.clear()
                self._start_due()
                # With all workers at work nothing could begin at its moment: the first that ends wakes this up.
                moment = self._agenda.next_moment() if len(self._running) < self._workers else None
                pause = None if moment is None else max(0.0, moment - self._clock.monotonic())
                await self._clock.wait(self._wake, pause)
        finally:
            running = set(self._running)
            for task in () if self._finish else running:
                task.cancel()
            if running:
                await asyncio.wait(running)

    def _start_due(self) -> None:
        while len(self._running) < self._workers:
            key = self._agenda.take(self._clock.monotonic())
            if key is None:
                return
            self.heartbeat = self._clock.monotonic()
            task = asyncio.create_task(self._run(key), name=f"reconcile {key}")
            self._running.add(task)
            task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self.heartbeat = self._clock.monotonic()
        self._wake.set()

    async def _run(self, key: K) -> None:
        try:
            again = await self._work(key)
        except Exception as error:  # noqa: BLE001 - one object's trouble must stay its own
            pause = self._on_error(key, error)
            count = self._failures[key] = self._failures.get(key, 0) + 1
            again = pause if pause is not None else _BACKOFF.after(count, self._chance)
        else:
            self._failures.pop(key, None)
        finally:
            self._agenda.done(key)
        if again is not None:
            self._agenda.add_at(key, self._clock.monotonic() + again)


def _log_error(key: object, error: Exception) -> None:
    _log.warning("%s: %s", key, error, exc_info=None if isinstance(error, ModelRolloutError) else error)
