"""An HTTP server on loopback, in a thread of its own while its block runs."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self


class Quiet:
    """What makes a handler answer without a word on the terminal; stands before BaseHTTPRequestHandler."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as the library calls it
        """Say nothing."""


class LoopbackServer:
    """Serves while its block runs.

    Attributes:
        port: where it listens, from the beginning.
    """

    def __init__(self, handler: type[BaseHTTPRequestHandler]) -> None:
        """Listen; `handler` answers once the block has begun."""
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self.port = self._server.server_port

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
