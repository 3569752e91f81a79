"""What a server is asked before its metrics are read, and the sentence that says so."""

import http.client
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

_SECONDS = 60.0
_WIDTH = 120


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that is sent several times.

    Args:
        times: how often.
        path: where to.
        status: which status each answer must have.
        said: what the requests are, for people; empty where number and status say all.
        body: JSON, or bytes as they are; None sends GET.
        headers: beside the content type.
    """

    times: int
    path: str
    status: int
    said: str = ""
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def method(self) -> str:
        """GET or POST."""
        return "GET" if self.body is None else "POST"

    @property
    def text(self) -> str:
        """Such as "6 that raise (500)"."""
        told = " ".join(filter(None, (str(self.times), self.said)))
        return told if self.status == 200 else f"{told} ({self.status})"


class Unexpected(RuntimeError):  # noqa: N818 - named for what happened
    """A server answered otherwise than it was expected to: its scrape would not be what its first lines say."""


def ask(port: int, asked: Iterable[Asked]) -> None:
    """Send all of it, one after the other, each on a connection of its own, which no server has given up meanwhile.

    Raises:
        Unexpected: a status is another one.
    """
    for one in asked:
        data = one.body if one.body is None or isinstance(one.body, bytes) else json.dumps(one.body).encode()
        headers = ({} if data is None else {"Content-Type": "application/json"}) | dict(one.headers)
        for _ in range(one.times):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_SECONDS)
            connection.request(one.method, one.path, data, headers)
            status = connection.getresponse().status
            connection.close()
            if status != one.status:
                raise Unexpected(f"{one.method} {one.path} ({one.said}): {status} instead of {one.status}")


def told(origin: str, asked: Iterable[Asked]) -> str:
    """The first lines of a scrape: where it comes from, and what the server was asked, a line for each path."""
    lines = []
    for (method, path), group in groupby(asked, key=lambda one: (one.method, one.path)):
        lines.append(f"# {method} {path}: {', '.join(one.text for one in group)}")
    return wrapped(f"{origin} It was asked") + ";\n".join(lines) + ".\n"


def wrapped(sentences: str) -> str:
    """The same as lines of comment."""
    lines = ["#"]
    for word in sentences.split():
        if len(lines[-1]) + 1 + len(word) > _WIDTH:
            lines.append("#")
        lines[-1] += f" {word}"
    return "".join(f"{line}\n" for line in lines)
