"""A connection of a caller and the one to the server behind it: every byte that comes in on one goes out on the other.

The server's connection is opened when the caller's first bytes are there. While nothing is under way it is given up
after `idle` seconds, before the server does so: a request never meets a connection that is being closed. The caller's
connection stays; only the caller, or an answer that says so, ends it.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import cast

from modelrollout.tap.exchange import Exchange, Watcher

_log = logging.getLogger(__name__)

_REFUSED = b"modelrollout tap: the model server accepts no connections\n"
_NO_SERVER = (
    b"HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/plain\r\nConnection: close\r\n"
    b"Content-Length: %d\r\n\r\n" % len(_REFUSED)
) + _REFUSED


@dataclass(frozen=True, slots=True)
class Site:
    """What the connections of one tap share.

    Attributes:
        connect: opens a connection to the server; raises OSError.
        ask, answer: bytes of content that are kept of each request and of each answer.
        now: seconds since the epoch.
        monotonic: seconds that only grow.
        done: called with each exchange that has ended.
        blind: called once for a connection that cannot be read, with the reason.
        open: the callers' connections.
    """

    connect: Callable[[Callable[[], asyncio.Protocol]], Awaitable[None]]
    ask: int
    answer: int
    now: Callable[[], float]
    monotonic: Callable[[], float]
    done: Callable[[Exchange], None]
    blind: Callable[[str], None]
    open: "set[Caller]"


class _Side(asyncio.Protocol):
    """One of the two connections: passes pressure on, so that nothing is heaped up between a fast and a slow side."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self.transport = cast("asyncio.Transport", transport)

    def write(self, data: bytes) -> None:
        """Send, if the connection is still there."""
        if self.transport is not None and not self.transport.is_closing():
            self.transport.write(data)

    def hold(self, *, held: bool) -> None:
        """Stop reading from this side, or go on."""
        if self.transport is None or self.transport.is_closing():
            return
        if held:
            self.transport.pause_reading()
        else:
            self.transport.resume_reading()


class Server(_Side):
    """The connection to the server."""

    def __init__(self, caller: "Caller") -> None:
        super().__init__()
        self._caller = caller

    def data_received(self, data: bytes) -> None:
        """The server sent something."""
        self._caller.answered(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self._caller.server_lost(self, broken=exc is not None)

    def pause_writing(self) -> None:
        """The server reads slower than the caller sends."""
        self._caller.hold(held=True)

    def resume_writing(self) -> None:
        """The server has caught up."""
        self._caller.hold(held=False)


class Caller(_Side):
    """The connection of a caller, usually the gateway."""

    def __init__(self, site: Site) -> None:
        super().__init__()
        self._site = site
        self._watcher = Watcher(site.ask, site.answer, site.now, site.done)
        self._server: Server | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._early = bytearray()  # what came before there was a connection to the server
        self._no_more = False
        self._told_blind = False
        self.used_at = site.monotonic()

    @property
    def idle(self) -> bool:
        """Whether nothing is under way."""
        return self._watcher.idle

    @property
    def connected(self) -> bool:
        """Whether there is a connection to the server behind it."""
        return self._server is not None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Join the open ones."""
        super().connection_made(transport)
        self._site.open.add(self)

    def data_received(self, data: bytes) -> None:
        """The caller sent something."""
        if self._server is not None:
            self._server.write(data)
        else:
            self._early += data
            if self._connecting is None:
                self.hold(held=True)  # what is heaped up here is at most what one read brought
                self._connecting = asyncio.get_running_loop().create_task(self._connect())
        self._watch(self._watcher.requests, data)

    def eof_received(self) -> bool:
        """The caller sends no more, and may still wait for answers."""
        self._no_more = True
        if self._server is not None and self._server.transport is not None:
            if self._server.transport.can_write_eof():
                self._server.transport.write_eof()
            return True
        return self._connecting is not None

    def connection_lost(self, exc: Exception | None) -> None:
        """The caller is gone: the server should stop working for it."""
        self._site.open.discard(self)
        if self._connecting is not None:
            self._connecting.cancel()
        server, self._server = self._server, None
        if server is not None and server.transport is not None:
            if self._watcher.idle or exc is None:
                server.transport.close()
            else:
                server.transport.abort()
        self._watcher.server_closed(left=True)

    def pause_writing(self) -> None:
        """The caller reads slower than the server sends."""
        if self._server is not None:
            self._server.hold(held=True)

    def resume_writing(self) -> None:
        """The caller has caught up."""
        if self._server is not None:
            self._server.hold(held=False)

    def answered(self, data: bytes) -> None:
        """Pass on what the server sent."""
        self.write(data)
        self._watch(self._watcher.responses, data)
        self.used_at = self._site.monotonic()

    def server_lost(self, server: Server, *, broken: bool) -> None:
        """The server's connection is gone: the caller keeps its own only between two requests."""
        if server is not self._server:
            return
        self._server = None
        if self._watcher.reusable and not self._no_more:
            self.hold(held=False)  # what the server was too slow to read goes nowhere now
            return
        self._watcher.server_closed(left=self._no_more, broken=broken)
        if self.transport is None:
            return
        if broken:
            self.transport.abort()  # an answer that was cut short must not look like one that has ended
        else:
            self.transport.close()

    def spare(self, at: float) -> None:
        """Give the server's connection up if it was not used since `at` and nothing is under way."""
        server = self._server
        if server is not None and server.transport is not None and self.used_at < at and self._watcher.reusable:
            self._server = None
            server.transport.close()
            self.hold(held=False)

    def leave(self) -> None:
        """Close, after what was written has been sent."""
        if self.transport is not None:
            self.transport.close()

    async def _connect(self) -> None:
        server = Server(self)
        try:
            await self._site.connect(lambda: server)
        except OSError:
            self._connecting = None
            self._nobody_there()
            return
        self._connecting = None
        self._server = server
        self.used_at = self._site.monotonic()
        self.hold(held=False)  # before the server is written to, which may have enough at once
        server.write(bytes(self._early))
        self._early.clear()
        if self._no_more and server.transport is not None:
            server.transport.write_eof()

    def _nobody_there(self) -> None:
        self._early.clear()
        if self.transport is None or self.transport.is_closing():
            return
        if self._watcher.unanswered:
            self.transport.write(_NO_SERVER)
            self._watcher.server_closed(left=False)
            self.transport.close()
        else:
            self.transport.abort()

    def _watch(self, look: Callable[[bytes], None], data: bytes) -> None:
        try:
            look(data)
        except Exception:  # noqa: BLE001 - whatever goes wrong in looking on must not stop what is looked at
            _log.exception("a connection cannot be followed any more")
            self._watcher.look_away("error")
        if self._watcher.blind and not self._told_blind:
            self._told_blind = True
            self._site.blind(self._watcher.blind)
