"""The way into the store: what waits is kept in one transaction, and each sender is answered after it.

So an acknowledgement means that it is on disk, and the cost of writing there is shared by all who wait.
"""

import asyncio
import logging
import time
from collections import Counter, deque
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field

from modelrollout.collector.engines import StoreUnavailable
from modelrollout.collector.recording import Rows
from modelrollout.collector.refusals import Busy

_log = logging.getLogger(__name__)

_LARGEST_COMMIT = 2000
_MOST_CHARACTERS = 64 << 20


@dataclass(slots=True)
class Observer:
    """Who is told what the intake does."""

    seconds: Callable[[float], None] = lambda _: None
    late: Callable[[Counter[str]], None] = lambda _: None


@dataclass(slots=True)
class _Waiting:
    rows: Rows
    number: int
    size: int
    done: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Intake:
    """A bounded queue before the store."""

    def __init__(
        self, write: Callable[[Rows], Counter[str]], executor: Executor, most: int, observer: Observer | None = None
    ) -> None:
        """`write` keeps rows, in the executor; at most `most` rows wait, and at most 64 MiB of what they hold."""
        self._write = write
        self._executor = executor
        self._most = most
        self._observer = observer or Observer()
        self._waiting: deque[_Waiting] = deque()
        self._rows = 0
        self._size = 0
        self._something = asyncio.Event()
        self.full = ""

    @property
    def waiting(self) -> int:
        """Rows that are not in the store yet."""
        return self._rows

    async def put(self, rows: Rows) -> None:
        """Return when the rows are in the store.

        Raises:
            Busy: nothing of them is kept: too many wait, the store is full or does not answer.
        """
        if self.full:
            raise Busy("full", self.full)
        size = rows.size
        if self._rows + len(rows) > self._most or self._size + size > _MOST_CHARACTERS:
            raise Busy("queue", "too much waits to be kept: come again, or send less")
        if not len(rows):
            return
        one = _Waiting(rows, len(rows), size)
        self._waiting.append(one)
        self._rows += one.number
        self._size += one.size
        self._something.set()
        await one.done

    async def run(self) -> None:
        """Keep what waits, until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            await self._something.wait()
            taken, rows = self._take()
            began = time.perf_counter()
            try:
                late = await loop.run_in_executor(self._executor, self._write, rows)
            except StoreUnavailable as error:
                _log.error("%d rows were not kept: %s", len(rows), error)
                self._answer(taken, Busy("store", "the store does not answer: come again"))
            except Exception:
                self._answer(taken, Busy("store", "the store does not answer: come again"))
                raise
            else:
                self._observer.late(late)
                self._answer(taken, None)
            self._observer.seconds(time.perf_counter() - began)

    def _take(self) -> tuple[list[_Waiting], Rows]:
        taken: list[_Waiting] = []
        rows = Rows()
        while self._waiting and (not taken or len(rows) + self._waiting[0].number <= _LARGEST_COMMIT):
            taken.append(self._waiting.popleft())
            rows.extend(taken[-1].rows)
        if not self._waiting:
            self._something.clear()
        return taken, rows

    def _answer(self, taken: list[_Waiting], problem: Busy | None) -> None:
        for one in taken:
            self._rows -= one.number
            self._size -= one.size
            if one.done.done():
                continue  # its sender has gone
            if problem is None:
                one.done.set_result(None)
            else:
                one.done.set_exception(problem)
