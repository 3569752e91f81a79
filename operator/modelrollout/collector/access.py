"""Who may write, and how much."""

import contextlib
import hmac
from base64 import b64decode
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from modelrollout.collector.refusals import Busy

_REREAD = 10.0


class Tokens:
    """Bearer tokens from a file, one a line, each followed by the namespaces it is for; none means all.

    The file is read again when it changes, so that a token can be replaced without a restart. An empty name means that
    nobody is asked.
    """

    def __init__(self, path: str, clock: Callable[[], float]) -> None:
        """Read the file.

        Raises:
            OSError: it cannot be read.
            ValueError: it holds no token.
        """
        self._path = Path(path) if path else None
        self._clock = clock
        self._looked_at = clock()
        self._tokens = self._read()
        if self._path is not None and not self._tokens:
            raise ValueError(f"{path} holds no token: write one on each line")

    @property
    def needed(self) -> bool:
        """Whether a sender must have one."""
        return self._path is not None

    def namespaces(self, authorization: str) -> frozenset[str] | None:
        """The namespaces that this header may write for, empty for all; None for an unknown or missing token.

        The password of basic authentication is taken too: some loggers can only be given a URL.
        """
        if not self.needed:
            return frozenset()
        self._look()
        given = _token(authorization)
        found = None
        for token, namespaces in self._tokens.items():
            # All are compared, in the same time: how long it takes tells nothing.
            if hmac.compare_digest(token.encode(), given.encode()):
                found = namespaces
        return found

    def _look(self) -> None:
        if self._clock() - self._looked_at < _REREAD:
            return
        self._looked_at = self._clock()
        try:
            # A file that is just being replaced must not lock everybody out.
            self._tokens = self._read() or self._tokens
        except OSError:
            return

    def _read(self) -> dict[str, frozenset[str]]:
        if self._path is None:
            return {}
        lines = [line.split() for line in self._path.read_text().splitlines()]
        return {line[0]: frozenset(line[1:]) for line in lines if line and not line[0].startswith("#")}


def _token(authorization: str) -> str:
    kind, _, value = authorization.partition(" ")
    match kind.lower():
        case "bearer":
            return value.strip()
        case "basic":
            try:
                return b64decode(value.strip(), validate=True).decode().partition(":")[2]
            except ValueError:
                return ""
        case _:
            return ""


class Rates:
    """At most so many events a second from each namespace, with bursts of two seconds' worth."""

    def __init__(self, most: float, clock: Callable[[], float]) -> None:
        """`most` events a second."""
        self._most = most
        self._clock = clock
        self._left: dict[str, tuple[float, float]] = {}

    def take(self, namespace: str, events: int = 1) -> None:
        """Count events of a namespace that some rollout is in.

        Raises:
            Busy: they are too many.
        """
        now = self._clock()
        left, at = self._left.get(namespace, (2 * self._most, now))
        left = min(2 * self._most, left + (now - at) * self._most)
        if left < events:
            self._left[namespace] = left, now
            raise Busy("rate", "this namespace sends more than it may: come again later, or sample")
        self._left[namespace] = left - events, now

    @contextlib.contextmanager
    def message(self) -> Iterator[Callable[[str], None]]:
        """What takes the events of one message, each of its namespace; all or none, since none is kept without all."""
        taken = Counter[str]()

        def take(namespace: str) -> None:
            self.take(namespace)
            taken[namespace] += 1

        try:
            yield take
        except Busy:
            for namespace, events in taken.items():
                left, at = self._left[namespace]
                self._left[namespace] = left + events, at
            raise
