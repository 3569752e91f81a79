"""The HTTP side of the client: no retries, no redirects, no proxies, an answer of bounded size in bounded time."""

import io
import json
import time
from collections.abc import Mapping
from typing import Any, cast

import requests
from urllib3.exceptions import HTTPError, ReadTimeoutError
from urllib3.util.retry import Retry

from modelrollout.metrics.errors import NotPrometheus, QueryRefused, TimedOut, TooLarge, Unreachable

_CHUNK = 1 << 16


class ParsedResponse(requests.Response):
    """An answer that was read and parsed once, within its bounds; `json()` gives what was parsed."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        super().__init__()
        self.status_code = 200
        self.raw = io.BytesIO()
        self.document = document

    def json(self, **_options: Any) -> Any:  # noqa: ANN401 - as in the base class
        """The parsed document."""
        return self.document


class BoundedSession(requests.Session):
    """A session whose every answer is a successful one of Prometheus' API, or one of our errors; for one thread."""

    def __init__(self, *, connect: float, seconds: float, largest: int, token: str = "") -> None:
        """Set the bounds.

        Args:
            connect: seconds to establish a connection.
            seconds: seconds for the whole answer.
            largest: bytes of it, unpacked.
            token: bearer token to send, if any.
        """
        super().__init__()
        self.trust_env = False  # proxies and .netrc of the environment are none of a tenant's business
        self._connect, self._seconds, self._largest = connect, seconds, largest
        if token:
            self.headers["Authorization"] = f"Bearer {token}"
        self._last: Mapping[str, Any] = {}

    def request(self, method: str, url: str | bytes, *_args: Any, **options: Any) -> requests.Response:  # noqa: ANN401
        """Send a query as a form, so that its length meets no limit on addresses, and read the answer."""
        deadline = time.monotonic() + self._seconds
        options["data"] = options.pop("params", None)
        options.update(stream=True, allow_redirects=False, timeout=(self._connect, self._seconds))
        try:
            with super().request(method, url, **options) as response:
                body = self._read(response, deadline)
        except (requests.exceptions.Timeout, TimeoutError, ReadTimeoutError) as error:
            raise TimedOut(f"no answer from {_host(url)} within {self._seconds:g} s") from error
        except (requests.exceptions.RequestException, HTTPError, OSError) as error:  # the body is read below requests
            raise Unreachable(f"{_host(url)} cannot be asked: {_cause(error)}") from error
        self._last = _document(response, body)
        return ParsedResponse(self._last)

    def take(self) -> Mapping[str, Any]:
        """The document that was read last, once: a large one must not stay in memory until the next question."""
        document, self._last = self._last, {}
        return document

    def _read(self, response: requests.Response, deadline: float) -> bytes:
        body = bytearray()
        # A body that trickles in satisfies every time-out of a single read, so the clock is looked at between reads.
        while chunk := response.raw.read1(_CHUNK, decode_content=True):
            body += chunk
            if len(body) > self._largest:
                size = f"{self._largest >> 20} MiB"
                raise TooLarge(f"the answer exceeds {size}: narrow the selector, or choose a metric with fewer labels")
            if time.monotonic() > deadline:
                raise TimedOut(f"the answer did not end within {self._seconds:g} s")
        return bytes(body)


def no_retries() -> Retry:
    """What the client is told of retries: none, since the next analysis comes anyway."""
    return Retry(0, redirect=0, read=False, respect_retry_after_header=False)


def _document(response: requests.Response, body: bytes) -> Mapping[str, Any]:
    status = response.status_code
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        document = None
    if isinstance(document, dict) and document.get("status") == "error":
        text = f"{document.get('errorType', 'error')}: {document.get('error', 'no reason given')}"[:400]
        if status in (502, 503, 504) or document.get("errorType") in ("timeout", "unavailable", "canceled"):
            raise Unreachable(f"Prometheus could not evaluate the query now ({text})")
        raise QueryRefused(f"Prometheus refused the query ({text})")
    if status in (401, 403):
        raise Unreachable(f"Prometheus does not let the operator in (HTTP {status})")
    if status != 200:
        raise Unreachable(f"HTTP {status} instead of an answer")
    data = document.get("data") if isinstance(document, dict) and document.get("status") == "success" else None
    if not isinstance(data, dict) or "result" not in data:
        kind = response.headers.get("Content-Type", "").partition(";")[0][:60] or "an unnamed type"
        raise NotPrometheus(f"what answers there is not Prometheus' API: it sent {kind}")
    return cast("Mapping[str, Any]", document)


def _host(url: str | bytes) -> str:
    text = url.decode(errors="replace") if isinstance(url, bytes) else url
    return text.partition("://")[2].partition("/")[0]


def _cause(error: BaseException) -> str:
    """The innermost reason, without the objects that the library prints around it."""
    texts = {
        "NameResolutionError": "its name cannot be resolved",
        "ConnectionRefusedError": "the connection is refused",
        "NewConnectionError": "no connection can be made",
        "ConnectionResetError": "the connection was cut",
        "IncompleteRead": "the answer was cut off",
        "RemoteDisconnected": "the connection was closed without an answer",
        "SSLError": "its certificate is not accepted, or it does not speak TLS",
        "SSLCertVerificationError": "its certificate is not accepted",
    }
    seen: list[str] = []
    todo: list[object] = [error]
    while todo and len(seen) < 20:
        one = todo.pop(0)
        if isinstance(one, BaseException):
            seen.append(type(one).__name__)
            todo += [*one.args, getattr(one, "reason", None), one.__cause__, one.__context__]
    return next((texts[name] for name in reversed(seen) if name in texts), seen[0])
