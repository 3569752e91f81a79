"""Pressure between the two connections of a tap, of which one takes only so much at once."""

import asyncio

from modelrollout.tap.connection import Caller, Site

ASK = b"POST / HTTP/1.1\r\nHost: m\r\nContent-Length: 4\r\n\r\nabcd"
ANSWER = b"HTTP/1.1 413 X\r\nContent-Length: 0\r\n\r\n"


class Pipe(asyncio.Transport):
    """A transport whose other end reads nothing: it has enough at the first bytes."""

    def __init__(self) -> None:
        super().__init__()
        self.protocol: asyncio.Protocol | None = None
        self.written = asyncio.Event()
        self.reading = True

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert self.protocol is not None
        self.protocol.pause_writing()
        self.written.set()

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def is_closing(self) -> bool:
        return False


async def test_a_caller_is_held_back_from_the_first_bytes_on_and_no_longer_than_the_server_is_there() -> None:
    server, caller = Pipe(), Pipe()

    async def connect(make: "type[asyncio.Protocol]") -> None:
        server.protocol = make()
        server.protocol.connection_made(server)

    site = Site(connect, 0, 0, lambda: 0.0, lambda: 0.0, lambda _: None, lambda _: None, set())  # type: ignore[arg-type]
    caller.protocol = Caller(site)
    caller.protocol.connection_made(caller)
    caller.protocol.data_received(ASK)
    await server.written.wait()
    await asyncio.sleep(0)  # let who connected go on
    assert not caller.reading
    assert server.protocol is not None
    server.protocol.data_received(ANSWER)
    server.protocol.connection_lost(ConnectionResetError())
    assert caller.reading
