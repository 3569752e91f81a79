"""Where messages begin and end, whatever pieces their bytes come in."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelrollout.tap.framing import HEAD_LIMIT, End, Head, Part, Reader, Unreadable, request_length, response_length

BODY = b'{"inputs": [1, 2, 3]}'


def read(*pieces: bytes) -> list[Part]:
    reader = Reader(request_length)
    return [part for piece in pieces for part in reader.feed(piece)]


def messages(parts: list[Part]) -> list[tuple[str, bytes]]:
    """First line and content of every whole message."""
    found, start, content = [], "", b""
    for part in parts:
        if isinstance(part, Head):
            start, content = part.start, b""
        elif isinstance(part, bytes):
            content += part
        else:
            found.append((start, content))
    return found


def plain(path: str, body: bytes) -> bytes:
    return f"POST {path} HTTP/1.1\r\nHost: m\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def chunked(path: str, *chunks: bytes) -> bytes:
    framed = b"".join(b"%x;note=1\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks if chunk)
    return f"POST {path} HTTP/1.1\r\ntransfer-encoding: Chunked\r\n\r\n".encode() + framed + b"0\r\nSum: 1\r\n\r\n"


BODIES = st.lists(st.tuples(st.booleans(), st.lists(st.binary(max_size=20), max_size=4)), min_size=1, max_size=4)


@given(BODIES, st.data())
def test_messages_are_found_in_whatever_pieces_they_come(bodies: list[tuple[bool, list[bytes]]], data: st.DataObject):
    stream = b"".join(
        chunked(f"/{number}", *parts) if in_chunks else plain(f"/{number}", b"".join(parts))
        for number, (in_chunks, parts) in enumerate(bodies)
    )
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=12)))
    edges = [0, *cuts, len(stream)]
    found = messages(read(*(stream[a:b] for a, b in itertools.pairwise(edges))))
    assert found == [(f"POST /{n} HTTP/1.1", b"".join(parts)) for n, (_, parts) in enumerate(bodies)]


@given(st.lists(st.binary(max_size=40), max_size=10))
def test_bytes_that_are_no_http_are_unreadable_at_worst(pieces: list[bytes]) -> None:
    reader = Reader(request_length)
    try:
        for piece in pieces:
            list(reader.feed(piece))
    except Unreadable:
        pass


@pytest.mark.parametrize(
    ("stream", "why"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "protocol"),
        (b"POST / HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n", "framing"),
        (b"POST / HTTP/1.1\r\nContent-Length: +3\r\n\r\n", "framing"),
        (b"POST / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", "framing"),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", "framing"),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0x3\r\nabc\r\n", "framing"),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n", "framing"),
        (b"POST / HTTP/1.1\r\nHost : m\r\n\r\n", "head"),
        (b"POST / HTTP/1.1\r\nHost: m\r\n folded\r\n\r\n", "head"),
        (b"POST / HTTP/1.1\r\nA: " + b"x" * HEAD_LIMIT, "head"),
    ],
)
def test_what_two_parties_could_read_differently_is_not_read(stream: bytes, why: str) -> None:
    with pytest.raises(Unreadable, match=why):
        read(stream)


def test_it_is_known_when_nothing_is_under_way() -> None:
    reader = Reader(request_length)
    seen = []
    for piece in (b"POST / HT", b"TP/1.1\r\nContent-Length: 2\r\n\r\n", b"a", b"b"):
        list(reader.feed(piece))
        seen.append(reader.between_messages)
    assert seen == [False, False, False, True]


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("POST", 204), ("GET", 304), ("POST", 103)])
def test_an_answer_that_has_no_content_ends_with_its_head(method: str, status: int) -> None:
    reader = Reader(lambda head: response_length(head, status, method))
    parts = list(reader.feed(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n"))
    assert parts[-1] is End.END


def test_an_answer_without_a_length_lasts_until_the_connection_ends() -> None:
    reader = Reader(lambda head: response_length(head, 200, "GET"))
    parts = list(reader.feed(b"HTTP/1.0 200 OK\r\n\r\nsome")) + list(reader.feed(b"thing"))
    assert parts[1:] == [b"some", b"thing"]
    assert reader.until_close
