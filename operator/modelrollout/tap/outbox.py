"""The way of the events to the collector: a bounded queue, batches, and never a wait for whoever puts one in."""

import asyncio
import json
import logging
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp

from modelrollout.tap.figures import Figures

_log = logging.getLogger(__name__)

BATCH = "application/cloudevents-batch+json"
_FIRST_PAUSE, _LONGEST_PAUSE = 0.25, 8.0
_LOOK = 300


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much waits and how much goes at once, in events and bytes; `flush` is what an event waits for others (s)."""

    queue_events: int
    queue_bytes: int
    batch_events: int
    batch_bytes: int
    flush: float


class Outbox:
    """Delivers events, each at least once while the collector answers in time; the collector counts them once.

    What the collector cannot take now (no answer, 429, 5xx) is tried again, with growing pauses, while newer events
    wait; with the queue full the newest are dropped and counted. What it refuses for good (other 4xx) is dropped.
    """

    def __init__(self, session: aiohttp.ClientSession, url: str, bounds: Bounds, figures: Figures) -> None:
        self._session = session
        self._url = url.rstrip("/")
        self._bounds = bounds
        self._figures = figures
        self._queue: deque[bytes] = deque()
        self._bytes = 0
        self._under_way: list[bytes] = []
        self._enough = asyncio.Event()
        self._ending = asyncio.Event()
        self._failing = ""

    @property
    def pending(self) -> int:
        """Events that were put in and not yet delivered or dropped."""
        return len(self._queue) + len(self._under_way)

    def put(self, event: bytes) -> None:
        """Take an event, or drop it when the queue is full."""
        self._figures.events.inc()
        if self.pending >= self._bounds.queue_events or self._bytes + len(event) > self._bounds.queue_bytes:
            self._figures.dropped.labels("queue_full").inc()
            return
        self._queue.append(event)
        self._bytes += len(event)
        if len(self._queue) >= self._bounds.batch_events or self._bytes >= self._bounds.batch_bytes:
            self._enough.set()

    async def deliver(self) -> None:
        """Deliver until `finish` is called and nothing is left."""
        pause = _FIRST_PAUSE
        while not (self._ending.is_set() and not self.pending):
            if not self._under_way:
                await self._gather()
            if not self._under_way:
                continue
            if await self._post():
                pause = _FIRST_PAUSE
                continue
            await asyncio.sleep(pause)
            pause = min(_LONGEST_PAUSE, pause * 2)

    def finish(self) -> None:
        """Let `deliver` end once everything is delivered."""
        self._ending.set()
        self._enough.set()

    def give_up(self) -> None:
        """Count what is left as dropped."""
        self._figures.dropped.labels("ended").inc(self.pending)

    async def beat(self, body: Mapping[str, Any]) -> None:
        """Send a heartbeat; one that does not arrive is not sent again, another follows."""
        try:
            async with self._session.post(f"{self._url}/v1/heartbeats", json=body) as answer:
                await answer.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            _log.debug("heartbeat: %r", error)

    async def _gather(self) -> None:
        try:
            async with asyncio.timeout(self._bounds.flush):
                await self._enough.wait()
        except TimeoutError:
            pass
        size = 0
        while self._queue and len(self._under_way) < self._bounds.batch_events:
            if self._under_way and size + len(self._queue[0]) > self._bounds.batch_bytes:
                break
            event = self._queue.popleft()
            size += len(event)
            self._under_way.append(event)
        if len(self._queue) < self._bounds.batch_events and not self._ending.is_set():
            self._enough.clear()

    async def _post(self) -> bool:
        """Whether the batch is dealt with."""
        batch, began = self._under_way, time.monotonic()
        headers = {"Content-Type": BATCH}
        try:
            async with self._session.post(
                self._url, data=b"[" + b",".join(batch) + b"]", headers=headers, allow_redirects=False
            ) as answer:
                status, said = answer.status, await answer.text(errors="replace")
        except (aiohttp.ClientError, TimeoutError) as error:
            status, said = 0, repr(error)
        self._figures.seconds.observe(time.monotonic() - began)
        if 200 <= status < 300:
            refused, why = _refused(said)
            self._tell(f"the collector refuses some events: {why}" if refused else "")
            self._figures.delivered.inc(len(batch) - refused)
            self._figures.dropped.labels("refused").inc(refused)
        elif status == 429 or not 400 <= status < 500:
            self._tell(f"the collector does not take events now ({status or 'no answer'}): {said[:_LOOK]}")
            self._figures.failures.inc()
            return False
        else:
            self._tell(f"the collector refuses events ({status}): {said[:_LOOK]}")
            self._figures.dropped.labels("refused").inc(len(batch))
        self._bytes -= sum(map(len, batch))
        self._under_way = []
        return True

    def _tell(self, problem: str) -> None:
        """Log what is wrong when it begins and when it ends: a collector that is down for an hour is two lines."""
        kind = problem.partition(":")[0]
        if kind == self._failing:
            return
        self._failing = kind
        if problem:
            _log.warning("%s; traffic goes on", problem)
        else:
            _log.info("the collector takes events again")


def _refused(said: str) -> tuple[int, str]:
    """How many events of a batch the collector's answer says that it refused, and why it refused the first."""
    try:
        answer = json.loads(said)
        return int(answer["refused"]), str(answer["refusals"][0]["message"] if answer["refusals"] else "")
    except (ValueError, KeyError, TypeError, IndexError):
        return 0, ""
