"""Where the messages of an HTTP/1.1 stream begin and end (RFC 9112), read beside the bytes and never in their way.

Nothing here changes or holds back what it reads. What is not understood ends the reading, not the traffic.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum, auto

from modelrollout.errors import ModelRolloutError

HEAD_LIMIT = 64 * 1024
"""Bytes that a head may have. Servers and gateways refuse less."""

_LINE_LIMIT = 4096
_HEX = frozenset(b"0123456789abcdefABCDEF")


class Unreadable(ModelRolloutError):  # noqa: N818 - named for what is wrong, as all leaves
    """These bytes are no HTTP/1.1, or leave open where a message ends; the text is a word for the metrics."""


@dataclass(frozen=True, slots=True)
class Head:
    """First line and headers of a message.

    Attributes:
        start: the first line.
        headers: names in lower case, in order.
    """

    start: str
    headers: tuple[tuple[str, str], ...]

    def get(self, name: str) -> str:
        """The first header of that name (in lower case), empty without one."""
        return next((value for key, value in self.headers if key == name), "")

    def all(self, name: str) -> list[str]:
        """Every header of that name (in lower case), in order."""
        return [value for key, value in self.headers if key == name]

    def tokens(self, name: str) -> frozenset[str]:
        """The comma-separated tokens of a header, in lower case."""
        return frozenset(part.strip().lower() for value in self.all(name) for part in value.split(","))


class End(Enum):
    """The message is complete."""

    END = auto()


Part = Head | bytes | End
"""What a stream consists of: for each message its head, pieces of its content without chunk framing, its end."""


class Until(Enum):
    """Ways for a message to end that are no number of bytes."""

    LAST_CHUNK = auto()
    CLOSE = auto()


Length = int | Until
"""How long a message's content is: bytes, up to the last chunk, or up to the end of the connection."""


def request_length(head: Head) -> Length:
    """Length of a request's content (RFC 9112, section 6.3).

    Raises:
        Unreadable: two parties could differ about it.
    """
    return _declared(head, Until.LAST_CHUNK, 0)


def response_length(head: Head, status: int, method: str) -> Length:
    """Length of the content of an answer with this status to a request of this method (RFC 9112, section 6.3).

    Raises:
        Unreadable: two parties could differ about it.
    """
    if method == "HEAD" or status < 200 or status in (204, 304):
        return 0
    return _declared(head, Until.LAST_CHUNK, Until.CLOSE)


def _declared(head: Head, chunked: Length, otherwise: Length) -> Length:
    lengths, codings = head.all("content-length"), head.all("transfer-encoding")
    if codings:
        if lengths or [one.strip().lower() for one in codings] != ["chunked"]:
            raise Unreadable("framing")
        return chunked
    if not lengths:
        return otherwise
    if len(set(lengths)) > 1 or not (lengths[0].isascii() and lengths[0].isdigit()):
        raise Unreadable("framing")
    return int(lengths[0])


class Reader:
    """Reads one direction of a connection; `length` is asked once for each head."""

    def __init__(self, length: Callable[[Head], Length]) -> None:
        self._length = length
        self._held = bytearray()  # the beginning of a head or of a line of chunk framing
        self._step: Callable[[bytes], tuple[list[Part], bytes]] = self._head
        self._left = 0

    @property
    def between_messages(self) -> bool:
        """Whether all that was read are whole messages."""
        return self._step == self._head and not self._held

    @property
    def until_close(self) -> bool:
        """Whether a message is being read that only the end of the connection ends."""
        return self._step == self._unbounded

    def feed(self, data: bytes) -> Iterator[Part]:
        """The parts that these bytes complete or continue. They are to be fed in order, and the parts to be drawn.

        Raises:
            Unreadable: from here on this direction cannot be read.
        """
        while data:
            parts, data = self._step(data)
            yield from parts

    def _head(self, data: bytes) -> tuple[list[Part], bytes]:
        if not self._held:
            data = data.lstrip(b"\r\n")  # RFC 9112, section 2.2: empty lines before a message do not count
            if data and not (0x41 <= data[0] <= 0x5A):
                raise Unreadable("protocol")
        seen = max(0, len(self._held) - 3)
        self._held += data
        end = self._held.find(b"\r\n\r\n", seen)
        if end < 0:
            if len(self._held) > HEAD_LIMIT:
                raise Unreadable("head")
            return [], b""
        head, rest = _parsed(bytes(self._held[:end])), bytes(self._held[end + 4 :])
        self._held.clear()
        length = self._length(head)
        if length is Until.LAST_CHUNK:
            self._step = self._size
        elif length is Until.CLOSE:
            self._step = self._unbounded
        elif isinstance(length, int) and length > 0:
            self._left, self._step = length, self._fixed
        else:
            return [head, End.END], rest
        return [head], rest

    def _fixed(self, data: bytes) -> tuple[list[Part], bytes]:
        piece, rest = data[: self._left], data[self._left :]
        self._left -= len(piece)
        if self._left:
            return [piece], rest
        self._step = self._head
        return [piece, End.END], rest

    def _unbounded(self, data: bytes) -> tuple[list[Part], bytes]:
        return [data], b""

    def _size(self, data: bytes) -> tuple[list[Part], bytes]:
        line, rest = self._line(data)
        if line is None:
            return [], b""
        size = line.partition(b";")[0].strip()
        if not size or not _HEX.issuperset(size):
            raise Unreadable("framing")
        self._left = int(size, 16)
        self._step = self._chunk if self._left else self._trailer
        return [], rest

    def _chunk(self, data: bytes) -> tuple[list[Part], bytes]:
        piece, rest = data[: self._left], data[self._left :]
        self._left -= len(piece)
        if not self._left:
            self._step = self._after_chunk
        return [piece], rest

    def _after_chunk(self, data: bytes) -> tuple[list[Part], bytes]:
        line, rest = self._line(data)
        if line is None:
            return [], b""
        if line:
            raise Unreadable("framing")
        self._step = self._size
        return [], rest

    def _trailer(self, data: bytes) -> tuple[list[Part], bytes]:
        line, rest = self._line(data)
        if line is None:
            return [], b""
        if line:
            return [], rest
        self._step = self._head
        return [End.END], rest

    def _line(self, data: bytes) -> tuple[bytes | None, bytes]:
        """A whole line without its end, None while it is not complete; and what follows."""
        seen = max(0, len(self._held) - 1)
        self._held += data
        end = self._held.find(b"\r\n", seen)
        if end < 0:
            if len(self._held) > _LINE_LIMIT:
                raise Unreadable("framing")
            return None, b""
        line, rest = bytes(self._held[:end]), bytes(self._held[end + 2 :])
        self._held.clear()
        return line, rest


def _parsed(text: bytes) -> Head:
    start, *lines = text.decode("latin-1").split("\r\n")
    headers = []
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name or name != name.strip():  # a space before the colon, or a folded line
            raise Unreadable("head")
        headers.append((name.lower(), value.strip(" \t")))
    return Head(start, tuple(headers))
