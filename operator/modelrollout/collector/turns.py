"""What goes on beside the intake: counting, forgetting, measuring; each in its turn, in the executor."""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import Executor
from typing import TypeVar

from modelrollout.collector.catalogue import Catalogue
from modelrollout.collector.counting import BATCH, Counting, Done
from modelrollout.collector.engines import Store, StoreUnavailable
from modelrollout.collector.instruments import Instruments
from modelrollout.collector.intake import Intake
from modelrollout.collector.retention import Retention, measure
from modelrollout.kube.clock import Clock

_log = logging.getLogger(__name__)
_T = TypeVar("_T")

_EVERY = 1.0
_MEASURE_EVERY = 10.0
_ABANDON_EVERY = 3600.0


class Turns:
    """Repeats what has to be done, until cancelled. A store that does not answer is asked again a second later."""

    def __init__(
        self,
        store: Store,
        catalogue: Catalogue,
        counting: Counting,
        retention: Retention,
        intake: Intake,
        instruments: Instruments,
        executor: Executor,
        reader: Executor,
        clock: Clock,
        most_rows: int,
        most_bytes: int,
        known: Callable[[], bool],
    ) -> None:
        """`known` says whether all rollouts are known: until then nothing is counted, which would miss some."""
        self._store = store
        self._catalogue = catalogue
        self._counting = counting
        self._retention = retention
        self._intake = intake
        self._instruments = instruments
        self._executor = executor
        self._reader = reader
        self._clock = clock
        self._most_rows = most_rows
        self._most_bytes = most_bytes
        self._known = known
        self._counted_at = clock.monotonic()
        self._measured_at = float("-inf")
        self._abandoned_at = clock.monotonic()
        self._begun = 0

    def lag(self) -> float:
        """Seconds since everything due was counted."""
        return self._clock.monotonic() - self._counted_at

    async def run(self) -> None:
        """Count, forget and measure for ever."""
        while True:
            if self._known():
                try:
                    await self.turn()
                except StoreUnavailable as error:
                    self._instruments.counting_errors.inc()
                    _log.error("nothing was counted: %s", error)
                except Exception:  # noqa: BLE001 - logged; where no turn succeeds the probe starts the process anew
                    self._instruments.counting_errors.inc()
                    _log.exception("nothing was counted")
            self._instruments.lag.set(self.lag())
            await self._clock.sleep(_EVERY)

    async def turn(self) -> None:
        """Everything that is due now.

        Raises:
            StoreUnavailable: the rest waits for the next turn.
        """
        now = self._clock.now().timestamp()
        if self._clock.monotonic() - self._measured_at >= _MEASURE_EVERY:
            await self._measure()
        changes = self._catalogue.changes
        if changes != self._begun:
            await self._run(lambda: self._counting.begin(now))
            self._begun = changes
        await self._all(lambda: self._counting.exchanges(now))
        await self._all(lambda: self._counting.units(now))
        self._counted_at = self._clock.monotonic()
        # One piece for each turn: more would keep senders waiting.
        await self._run(lambda: self._retention.forget(now))
        if self._clock.monotonic() - self._abandoned_at >= _ABANDON_EVERY:
            self._abandoned_at = self._clock.monotonic()
            await self._run(lambda: self._retention.abandon(now))

    async def _all(self, count: Callable[[], Done]) -> None:
        while True:
            done = await self._run(count)
            self._instruments.saw_unmatched(done.unmatched)
            if done.taken < BATCH:
                return

    async def _measure(self) -> None:
        room = await asyncio.get_running_loop().run_in_executor(self._reader, lambda: measure(self._store))
        self._measured_at = self._clock.monotonic()
        self._instruments.pending.set(room.pending)
        self._instruments.rows.set(room.rows)
        self._instruments.bytes.set(room.bytes)
        self._instruments.rollouts.set(sum(1 for _ in self._catalogue))
        self._instruments.unusable.set(sum(entry.reader is None for entry in self._catalogue))
        full = room.rows >= self._most_rows or room.bytes >= self._most_bytes
        if full and not self._intake.full:
            _log.error("the store is full: %d exchanges, %d bytes", room.rows, room.bytes)
        self._intake.full = "the store is full: give it more room, or sample" if full else ""

    async def _run(self, work: Callable[[], _T]) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._executor, work)
