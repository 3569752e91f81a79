"""Users who come to a gateway from this machine, each request at its time whatever became of those before it."""

import asyncio
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import aiohttp

PATIENCE = 10.0
"""Seconds after which a request without an answer counts as failed."""
LATE = 0.25
"""Seconds of requests that are made up for when this process could not send; users would not come all at once."""
_WORDS = 200  # characters


@dataclass(frozen=True, slots=True)
class Came:
    """What became of one request.

    Attributes:
        sent, received: seconds since the epoch.
        code: HTTP status; 0 where there was no answer.
        version: who answered, as the answer says it; empty where it does not.
        user: who asked; 0 where nobody is told from others.
        why: what the connection said where there was no answer; the beginning of an answer that is no good one.
    """

    sent: float
    received: float
    code: int
    version: str
    user: int = 0
    why: str = ""

    @property
    def failed(self) -> bool:
        """Whether it is anything but a good answer of some version."""
        return self.code != 200 or not self.version


class Visitors:
    """Sends a request at a time to one URL while its block runs, from a thread of its own.

    Attributes:
        came: every request that is over, in the order in which they ended; grows while the block runs.
    """

    def __init__(
        self,
        url: str,
        rate: float,
        version_of: Callable[[bytes], str],
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        users: Sequence[Mapping[str, str]] = (),
        *,
        keep: bool = True,
    ) -> None:
        """Requests of `rate` a second, with this body (GET without one), told apart by what `version_of` finds.

        Users are known by headers of their own, and ask in turn; without any all requests are alike. Connections are
        kept and used again, unless `keep` says that each request has its own.
        """
        self.came: list[Came] = []
        self._keep = keep
        self._url, self._rate, self._version_of = url, rate, version_of
        self._headers, self._body, self._users = dict(headers or {}), body, users or ({},)
        self._over = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._send()), name="visitors")

    def __enter__(self) -> Self:
        """Begin to send."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Send no more, and wait for what is under way."""
        self._over.set()
        self._thread.join()

    def since(self, moment: float) -> list[Came]:
        """Requests that were sent at that time or later, and are over."""
        return [one for one in list(self.came) if one.sent >= moment]

    def failed(self) -> list[Came]:
        """Requests that failed."""
        return [one for one in list(self.came) if one.failed]

    async def _send(self) -> None:
        timeout, due = aiohttp.ClientTimeout(total=PATIENCE), time.monotonic()
        async with (
            aiohttp.ClientSession(
                timeout=timeout,
                headers=self._headers,
                connector=aiohttp.TCPConnector(limit=0, force_close=not self._keep),
            ) as session,
            asyncio.TaskGroup() as group,
        ):
            number = 0
            while not self._over.is_set():
                due = max(due + 1 / self._rate, time.monotonic() - LATE)
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                group.create_task(self._ask(session, number % len(self._users)))
                number += 1

    async def _ask(self, session: aiohttp.ClientSession, user: int) -> None:
        sent, code, version, why = time.time(), 0, "", ""
        method, headers = "POST" if self._body else "GET", self._users[user]
        try:
            async with session.request(method, self._url, data=self._body, headers=headers) as response:
                content = await response.read()
                code = response.status
                version = self._version_of(content) if code == 200 else ""
                why = "" if version else content[:_WORDS].decode(errors="replace")
        except (aiohttp.ClientError, TimeoutError) as error:
            why = repr(error)[:_WORDS]
        self.came.append(Came(sent, time.time(), code, version, user, why))
