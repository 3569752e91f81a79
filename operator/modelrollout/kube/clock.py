"""Time as a thing that is handed in, so that tests decide how it passes."""

import asyncio
import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Where the time comes from and how one waits for it."""

    def now(self) -> datetime:
        """The moment in UTC, as people and the API server write it; it may jump."""

    def monotonic(self) -> float:
        """Seconds that only ever grow, from an arbitrary start."""

    async def sleep(self, seconds: float) -> None:
        """Wait that long."""

    async def wait(self, event: asyncio.Event, seconds: float | None) -> bool:
        """Wait for `event`, at most `seconds` (None: for ever); whether it was set."""


class SystemClock:
    """The machine's own clocks."""

    def now(self) -> datetime:
        """The system time."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """CLOCK_MONOTONIC: it goes on while the process is stopped."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Sleep in the event loop."""
        await asyncio.sleep(seconds)

    async def wait(self, event: asyncio.Event, seconds: float | None) -> bool:
        """Wait in the event loop."""
        try:
            async with asyncio.timeout(seconds):
                await event.wait()
        except TimeoutError:
            return False
        return True
