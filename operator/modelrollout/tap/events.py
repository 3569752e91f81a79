"""Exchanges as CloudEvents in the form of KServe's inference logger, one JSON object each."""

import base64
import hashlib
import json
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from modelrollout.tap.exchange import Content, Exchange
from modelrollout.tap.framing import Head
from modelrollout.tap.settings import Bodies

REQUEST = "org.kubeflow.serving.inference.request"
RESPONSE = "org.kubeflow.serving.inference.response"

OWN_AGENT = "modelrollout"
"""User agent of warm-up and golden requests that the operator itself sends: they are no users."""

_SHADOW = "-shadow"
_DEFLATED = {"gzip": 16 + zlib.MAX_WBITS, "x-gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}


def sampled(request_id: str, share: float) -> bool:
    """Whether a request belongs to the sample: by its id alone, so that every version's tap decides alike."""
    number = int.from_bytes(hashlib.blake2b(request_id.encode(), digest_size=8).digest())
    return number < share * 2.0**64


@dataclass(frozen=True, slots=True)
class Scribe:
    """Writes events.

    Attributes:
        namespace, workload, pod: whose events they are.
        id_header: name of the header that holds the request's id.
        headers: names of the request headers that events carry.
        bodies: which bodies events carry.
        max_body: bytes of a body, as it was before compression, above which it is left out.
        share: of the requests that have events.
        new_id: makes an id for a request without one.
        count: called with a word for each body left out and for each request without events.
    """

    namespace: str
    workload: str
    pod: str
    id_header: str
    headers: frozenset[str]
    bodies: Bodies
    max_body: int
    share: float
    new_id: Callable[[], str]
    count: Callable[[str], None]

    def events(self, exchange: Exchange) -> Iterator[bytes]:
        """The events of an exchange: its request and its answer; none for what is no inference or not sampled."""
        if exchange.method != "POST" or exchange.request.get("user-agent") == OWN_AGENT:
            return
        if exchange.left:
            self.count("caller_left")
            return
        request_id = exchange.request.get(self.id_header)
        if not request_id:
            self.count("no_id")
            request_id = self.new_id()
        if not sampled(request_id, self.share):
            self.count("not_sampled")
            return
        common = self._common(request_id, exchange.request)
        asked = self._data(exchange.request, exchange.asked, wanted=self.bodies is Bodies.BOTH)
        yield _written(common | {"type": REQUEST, "time": _time(exchange.began)} | asked)
        answered: dict[str, Any] = {}
        if exchange.response is not None:
            wanted = self.bodies is not Bodies.NONE
            answered = self._data(exchange.response, exchange.answered, wanted=wanted)
            if wanted and exchange.answered.ended and not exchange.answered.size:
                answered = {"data_base64": ""}  # told from one that is not sent: a model that says nothing is broken
        code = {"code": str(exchange.status)}
        yield _written(common | {"type": RESPONSE, "time": _time(exchange.ended)} | code | answered)

    def _common(self, request_id: str, request: Head) -> dict[str, Any]:
        kept: dict[str, list[str]] = {}
        for name, value in request.headers:
            if name in self.headers:
                kept.setdefault(name, []).append(value)
        host = request.get("host").rpartition(":")[0] or request.get("host")
        return {
            "specversion": "1.0",
            "id": request_id,
            "source": f"/namespaces/{self.namespace}/pods/{self.pod or self.workload}",
            "namespace": self.namespace,
            "inferenceservicename": self.workload,
            "component": "predictor",
            "metadata": json.dumps(kept, separators=(",", ":")),
            "shadow": "true" if host.endswith(_SHADOW) else "false",
        }

    def _data(self, head: Head, content: Content, *, wanted: bool) -> dict[str, Any]:
        """The body as it was before compression: its bytes, so that numbers in it stay as they were written."""
        if not wanted or (content.ended and not content.size):
            return {}
        if not content.whole:
            self.count("body_too_large" if content.ended else "body_cut_short")
            return {}
        data = self._plain(bytes(content.data), head.get("content-encoding").strip().lower())
        if data is None:
            return {}
        kind = head.get("content-type") or "application/octet-stream"
        return {"datacontenttype": kind, "data_base64": base64.b64encode(data).decode()}

    def _plain(self, data: bytes, coding: str) -> bytes | None:
        if coding in ("", "identity"):
            return data
        if coding not in _DEFLATED:
            self.count("body_encoding")
            return None
        inflate = zlib.decompressobj(_DEFLATED[coding])
        try:
            plain = inflate.decompress(data, self.max_body + 1)
        except zlib.error:
            self.count("body_encoding")
            return None
        if len(plain) > self.max_body or not inflate.eof:
            self.count("body_too_large" if len(plain) > self.max_body else "body_encoding")
            return None
        return plain


def _written(event: Mapping[str, Any]) -> bytes:
    return json.dumps(event, separators=(",", ":")).encode()


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
