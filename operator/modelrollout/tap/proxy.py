"""The port that callers use: it listens, keeps an eye on all connections, and leaves without cutting anything off."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from modelrollout.tap.connection import Caller, Site
from modelrollout.tap.exchange import Exchange

_BACKLOG = 1024
_LOOK = 0.1
_CONNECT_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Place:
    """Where the server is (host, port), and seconds after which an unused connection to it is given up."""

    host: str
    port: int
    idle: float


class Proxy:
    """Passes connections on to the server.

    Args:
        place: of the server.
        ask, answer: bytes of content that are kept of each request and of each answer.
        done: called with each exchange that has ended.
        blind: called once for a connection that cannot be read, with the reason.
    """

    def __init__(
        self, place: Place, ask: int, answer: int, done: Callable[[Exchange], None], blind: Callable[[str], None]
    ) -> None:
        self._place = place
        self._open: set[Caller] = set()
        self._site = Site(self._connect, ask, answer, time.time, time.monotonic, done, blind, self._open)
        self._listener: asyncio.Server | None = None
        self._sparing: asyncio.Task[None] | None = None
        self.port = 0

    @property
    def connections(self) -> int:
        """Open connections of callers."""
        return len(self._open)

    @property
    def server_connections(self) -> int:
        """Open connections to the server."""
        return sum(caller.connected for caller in self._open)

    async def start(self, host: str, port: int) -> None:
        """Listen; `port` 0 takes a free one, which `self.port` then says."""
        loop = asyncio.get_running_loop()
        self._listener = await loop.create_server(lambda: Caller(self._site), host, port, backlog=_BACKLOG)
        self.port = self._listener.sockets[0].getsockname()[1]
        self._sparing = loop.create_task(self._spare(), name="spare")

    async def problem(self) -> str:
        """What keeps requests from being answered: that the server accepts no connections. Empty when it does."""
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                _, writer = await asyncio.open_connection(self._place.host, self._place.port)
        except (OSError, TimeoutError) as error:
            return f"the model server on port {self._place.port} accepts no connections: {error or 'no answer'}"
        writer.close()
        return ""

    async def drain(self, linger: float, seconds: float) -> None:
        """Go on as before until nothing was under way for `linger` seconds, the server is gone, or time is up."""
        clock = time.monotonic
        began = quiet = clock()
        while (now := clock()) - began < seconds:
            if any(not caller.idle for caller in self._open):
                quiet = now
            elif now - quiet >= linger or await self.problem():
                return
            await asyncio.sleep(_LOOK)

    async def stop(self) -> None:
        """Listen no more, and close what is open."""
        if self._sparing is not None:
            self._sparing.cancel()
        if self._listener is not None:
            self._listener.close()
        for caller in list(self._open):
            caller.leave()

    async def _connect(self, protocol: Callable[[], asyncio.Protocol]) -> None:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                await loop.create_connection(protocol, self._place.host, self._place.port)
        except TimeoutError as error:
            raise ConnectionError("the server does not accept connections in time") from error

    async def _spare(self) -> None:
        while True:
            await asyncio.sleep(self._place.idle / 2)
            unused_since = time.monotonic() - self._place.idle / 2
            for caller in list(self._open):
                caller.spare(unused_since)
