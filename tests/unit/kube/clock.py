"""A clock that stands still until the test moves it."""

import asyncio
from datetime import UTC, datetime, timedelta

START = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)


class FakeClock:
    """Whoever sleeps is woken by `advance`, in the order of the moments that they wait for."""

    def __init__(self) -> None:
        self._now = 0.0
        self._waiters: list[tuple[float, asyncio.Event]] = []

    def now(self) -> datetime:
        return START + timedelta(seconds=self._now)

    def monotonic(self) -> float:
        return self._now

    async def sleep(self, seconds: float) -> None:
        await self._until(self._now + seconds)

    async def wait(self, event: asyncio.Event, seconds: float | None) -> bool:
        if seconds is None:
            await event.wait()
            return True
        timer = asyncio.create_task(self._until(self._now + seconds))
        waiter = asyncio.create_task(event.wait())
        try:
            await asyncio.wait({timer, waiter}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            timer.cancel()
            waiter.cancel()
        return event.is_set()

    async def advance(self, seconds: float) -> None:
        """Let time pass; everyone who waited for a moment in it has gone on when this returns."""
        await settle()
        end = self._now + seconds
        while due := [one for one in self._waiters if one[0] <= end]:
            first = min(due, key=lambda one: one[0])
            self._waiters.remove(first)
            self._now = max(self._now, first[0])
            first[1].set()
            await settle()
        self._now = end
        await settle()

    async def _until(self, moment: float) -> None:
        woken = asyncio.Event()
        if moment <= self._now:
            await asyncio.sleep(0)
            return
        entry = moment, woken
        self._waiters.append(entry)
        try:
            await woken.wait()
        finally:
            if entry in self._waiters:
                self._waiters.remove(entry)


async def settle() -> None:
    """Let every task go on until it waits for something else."""
    for _ in range(20):
        await asyncio.sleep(0)
