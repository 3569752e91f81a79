"""One connection as seen from beside: which answer belongs to which request, and when nothing is under way."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from modelrollout.tap.framing import End, Head, Length, Reader, Unreadable, request_length, response_length

SWITCHING, FINAL = 101, 200
"""Status of an answer after which another protocol is spoken, and the least status of an answer that is not interim."""

NO_ANSWER = 502
"""Status of a request that the server did not answer, or not to the end: what its caller is told at best."""


@dataclass(slots=True)
class Content:
    """The content of a message, kept up to a limit.

    Attributes:
        data: its beginning.
        size: how long it was so far in bytes, kept or not.
        ended: whether it came to its end.
    """

    data: bytearray = field(default_factory=bytearray)
    size: int = 0
    ended: bool = False

    @property
    def whole(self) -> bool:
        """Whether all of it was kept."""
        return self.ended and self.size == len(self.data)

    def add(self, piece: bytes, limit: int) -> None:
        """Take in a piece; beyond `limit` bytes in all it is only counted."""
        self.data += piece[: max(0, limit - self.size)]
        self.size += len(piece)


@dataclass(slots=True)
class Exchange:
    """A request and its answer. Times are seconds since the epoch.

    Attributes:
        began: when the request's head was there.
        method, path: of the request.
        request: its head.
        status: of the answer, `NO_ANSWER` without one.
        response: head of the answer, None without one.
        asked, answered: content of the request and of the answer.
        ended: when the answer was complete, or could not become so any more.
        left: whether the caller went away before the answer was complete.
    """

    began: float
    method: str
    path: str
    request: Head
    asked: Content = field(default_factory=Content)
    status: int = NO_ANSWER
    response: Head | None = None
    answered: Content = field(default_factory=Content)
    ended: float = 0.0
    left: bool = False


class Watcher:
    """Follows both directions of a connection.

    Args:
        ask, answer: bytes of content that are kept of each request and of each answer.
        now: seconds since the epoch.
        done: called with each exchange that has ended, in the order of the requests.
    """

    def __init__(self, ask: int, answer: int, now: Callable[[], float], done: Callable[[Exchange], None]) -> None:
        self._ask = ask
        self._answer = answer
        self._now = now
        self._done = done
        self._asking = Reader(self._request_begins)
        self._answering = Reader(self._response_begins)
        self._under_way: deque[Exchange] = deque()
        self._incoming: Exchange | None = None
        self._interim = False
        self._closes = False
        self.blind = ""
        """Why the connection cannot be read any more, empty while it can."""

    @property
    def idle(self) -> bool:
        """Whether every request was answered to the end, and none has begun."""
        return (
            not self.blind
            and not self._under_way
            and self._asking.between_messages
            and self._answering.between_messages
        )

    @property
    def reusable(self) -> bool:
        """Whether the caller may go on with another request, and the server may be asked it on a new connection."""
        return self.idle and not self._closes

    @property
    def unanswered(self) -> bool:
        """Whether not one byte of the next answer was seen, so that another one may be given in its place."""
        return not self.blind and bool(self._under_way) and self._answering.between_messages

    def requests(self, data: bytes) -> None:
        """Take in what the caller sent."""
        if self.blind:
            return
        try:
            for part in self._asking.feed(data):
                if self._incoming is None:
                    continue
                if isinstance(part, bytes):
                    self._incoming.asked.add(part, self._ask)
                elif part is End.END:
                    self._incoming.asked.ended = True
        except Unreadable as error:
            self.look_away(str(error))

    def responses(self, data: bytes) -> None:
        """Take in what the server sent."""
        if self.blind:
            return
        try:
            for part in self._answering.feed(data):
                if isinstance(part, bytes):
                    self._under_way[0].answered.add(part, self._answer)
                elif part is End.END and not self._interim:
                    self._finish(ended=True)
        except Unreadable as error:
            self.look_away(str(error))

    def server_closed(self, *, left: bool, broken: bool = False) -> None:
        """The server will send nothing more on this connection: an answer that lasts until then is at its end.

        All else that is under way will never be answered; `left` tells that the caller had gone away before, `broken`
        that the connection was cut. Neither is the end of an answer.
        """
        whole = self._answering.until_close and not (left or broken)
        self._closes = self._closes or not self.idle
        while self._under_way:
            self._finish(ended=whole, left=left)
            whole = False

    def _request_begins(self, head: Head) -> Length:
        method, _, rest = head.start.partition(" ")
        path, _, version = rest.rpartition(" ")
        if version not in ("HTTP/1.1", "HTTP/1.0") or method == "CONNECT":
            raise Unreadable("http2" if version == "HTTP/2.0" else "protocol")
        self._closes = self._closes or not _goes_on(head, version)
        self._incoming = Exchange(self._now(), method, path, head)
        self._under_way.append(self._incoming)
        return request_length(head)

    def _response_begins(self, head: Head) -> Length:
        version, _, rest = head.start.partition(" ")
        code = rest[:3]
        if not version.startswith("HTTP/1.") or not code.isdigit() or not self._under_way:
            raise Unreadable("protocol")
        status = int(code)
        if status == SWITCHING:
            raise Unreadable("upgrade")
        self._interim = status < FINAL
        exchange = self._under_way[0]
        if not self._interim:
            exchange.status, exchange.response = status, head
            self._closes = self._closes or not _goes_on(head, version)
        return response_length(head, status, exchange.method)

    def _finish(self, *, ended: bool, left: bool = False) -> None:
        exchange = self._under_way.popleft()
        exchange.ended, exchange.answered.ended, exchange.left = self._now(), ended, left
        self._done(exchange)

    def look_away(self, why: str) -> None:
        """See nothing more of this connection."""
        self.blind = why
        self._under_way.clear()
        self._incoming = None


def _goes_on(head: Head, version: str) -> bool:
    """Whether the sender keeps the connection after this message (RFC 9112, section 9.3)."""
    tokens = head.tokens("connection")
    return "close" not in tokens and (version == "HTTP/1.1" or "keep-alive" in tokens)
