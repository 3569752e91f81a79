"""Inference events as KServe's logger and the tap send them: CloudEvents, binary, structured and in batches."""

import json
import re
from base64 import b64decode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, TypeGuard
from urllib.parse import unquote

from modelrollout.collector.moments import moment
from modelrollout.collector.refusals import Refused

REQUEST = "org.kubeflow.serving.inference.request"
RESPONSE = "org.kubeflow.serving.inference.response"
STRUCTURED = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"

MOST_EVENTS = 5000
"""In one batch."""

REQUEST_ID = "x-request-id"
"""Header by which gateways know a request. The logger of KServe does not: it makes an id of its own."""

OWN_AGENT = "modelrollout"
"""User agent of warm-up and golden requests that the operator itself sends: they are no users."""

_PREFIX = "ce-"
_TEXTS = ("subject", "datacontenttype", "dataschema")
_NAME = re.compile(r"[a-z0-9]+")

LONGEST = 256
"""Characters of an id or a name."""


@dataclass(frozen=True)
class Event:
    """A request to a version, or its answer.

    Attributes:
        answer: whether it is the answer.
        id: of the request, the same for both, and for the copy that a shadow gets.
        namespace, workload: who served it.
        time: seconds since 1970, as the sender says; None where it does not.
        data: the body as it came: bytes or text, JSON that was part of the message, None, or `EMPTY`.
        headers: those that the sender was allowed to copy, names in lower case.
        code: HTTP status of an answer.
        shadow: whether it was a mirrored copy; None where the sender does not say.
    """

    answer: bool
    id: str
    namespace: str
    workload: str
    time: float | None
    data: Any
    headers: Mapping[str, str] = field(default_factory=dict)
    code: int = 200
    shadow: bool | None = None

    @cached_property
    def body(self) -> Any:  # noqa: ANN401 - JSON
        """JSON, `NOT_JSON`, `NOT_SENT` or `EMPTY`. It is read when it is looked into, which not every rollout does."""
        if self.data is None:
            return NOT_SENT
        if not isinstance(self.data, str | bytes):
            return self.data
        try:
            return json.loads(self.data)
        except (ValueError, RecursionError):
            return NOT_JSON

    @property
    def own(self) -> bool:
        """Whether the operator itself asked, which is no user's request; known where the sender copies User-Agent."""
        return self.headers.get("user-agent") == OWN_AGENT


NOT_JSON = object()
"""Stands for a body that is no JSON: it can be counted but not looked into."""

NOT_SENT = object()
"""Stands for a body that the sender left out: nothing can be said about it."""

EMPTY = object()
"""Stands for a body that had nothing in it."""


def read_message(headers: Mapping[str, str], body: bytes) -> Iterator[Event | Refused]:
    """The events of an HTTP message, in order; a refusal in the place of one that cannot be read.

    Raises:
        Refused: the message as a whole cannot be read.
    """
    kind = headers.get("content-type", "")
    # A body that is itself an event, as users may send to a model, does not make the logger's event a structured one.
    if "ce-type" in headers:
        yield _binary(headers, body)
        return
    if kind.startswith(STRUCTURED):
        yield _event(_json(body))
        return
    if not kind.startswith(BATCH):
        raise Refused("unreadable", "it is neither a binary nor a structured CloudEvent")
    listed = _json(body)
    if not isinstance(listed, list):
        raise Refused("unreadable", "a batch is a JSON list of CloudEvents")
    if len(listed) > MOST_EVENTS:
        raise Refused("too-large", f"a batch has at most {MOST_EVENTS} events: send several")
    for one in listed:
        try:
            yield _event(one)
        except Refused as refused:
            yield refused


def _json(body: bytes) -> Any:  # noqa: ANN401 - JSON
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise Refused("unreadable", "the message is no JSON") from None


def _binary(headers: Mapping[str, str], body: bytes) -> Event:
    """An event whose attributes are headers.

    KServe's logger sends this form. Unless the caller gave an id it makes one, which nobody else knows: a copied header
    with the gateway's id is worth more. It tells of requests of every method and not which: without a body it was none
    to a model.
    """
    attributes: dict[str, Any] = {
        name.removeprefix(_PREFIX): _decoded(value) for name, value in headers.items() if name.startswith(_PREFIX)
    }
    event = _read(attributes, body)
    if REQUEST_ID in event.headers:
        event = replace(event, id=_text(event.headers, REQUEST_ID))
    return event if body else replace(event, data=EMPTY)


def _decoded(value: str) -> str:
    """An attribute from its header, where quotes, blanks and all but ASCII are percent-encoded.

    KServe's logger encodes nothing: where one of these stands for itself, a percent sign does, too.
    """
    encoded = "%" in value and value.isascii() and '"' not in value and " " not in value
    return unquote(value) if encoded else value


def _event(document: object) -> Event:
    """An event that is a JSON object."""
    if not isinstance(document, dict):
        raise Refused("unreadable", "a CloudEvent is a JSON object")
    attributes = dict(document)
    data, encoded = attributes.pop("data", None), attributes.pop("data_base64", None)
    if data is None and encoded is not None:
        try:
            data = b64decode(encoded)
        except (TypeError, ValueError):
            raise Refused("unreadable", "data_base64 of the CloudEvent is no text in base64") from None
    return _read(attributes, data)


def _read(attributes: Mapping[str, Any], data: Any) -> Event:  # noqa: ANN401 - JSON
    kind = attributes.get("type")
    if kind not in (REQUEST, RESPONSE):
        raise Refused("type", f"the type of an event is {REQUEST} or {RESPONSE}")
    at = moment(attributes.get("time"))
    if wrong := _wrong(attributes, at):
        raise Refused("unreadable", f"not a valid CloudEvent 1.0: look at {', '.join(sorted(wrong))[:200]}")
    headers = _headers(attributes.get("metadata"))
    shadow = attributes.get("shadow")
    return Event(
        answer=kind == RESPONSE,
        id=_text(attributes, "id"),
        namespace=_text(attributes, "namespace"),
        workload=_text(attributes, "inferenceservicename"),
        time=at,
        data=data,
        headers=headers,
        code=_code(attributes.get("code")),
        # A gateway that mirrors marks the copy's host.
        shadow=shadow in (True, "true") if shadow is not None else _is_mirror(headers.get("host")),
    )


def _wrong(attributes: Mapping[str, Any], at: float | None) -> list[str]:
    """Names of attributes that no CloudEvent 1.0 has so, beside those that are read one by one; `at` is its time."""
    needed = ("source", *(name for name in _TEXTS if name in attributes))
    wrong = [name for name in needed if not (isinstance(attributes.get(name), str) and attributes[name])]
    wrong += [name for name in attributes if not _NAME.fullmatch(name)]
    if attributes.get("specversion", "1.0") != "1.0":
        wrong.append("specversion")
    if "time" in attributes and at is None:
        wrong.append("time")
    return wrong


def is_name(value: object) -> TypeGuard[str]:
    """Whether it is a text that can be kept: not too long, without NUL and without halves of characters."""
    if not isinstance(value, str) or not 0 < len(value) <= LONGEST or "\0" in value:
        return False
    try:
        value.encode()
    except UnicodeEncodeError:  # JSON may hold half a surrogate pair, a header bytes that are no UTF-8
        return False
    return True


def _text(attributes: Mapping[str, Any], name: str) -> str:
    value = attributes.get(name)
    if not is_name(value):
        raise Refused("attribute", f"the attribute {name} must be a text of 1 to {LONGEST} characters")
    return value


def _code(value: object) -> int:
    if value is None:
        return 200
    try:
        code = int(str(value))
    except ValueError:
        code = 0
    if not 100 <= code <= 599:
        raise Refused("attribute", "the attribute code must be a status of HTTP, such as 200")
    return code


def _headers(metadata: object) -> dict[str, str]:
    """The first value of each header, by its name in lower case."""
    if metadata is None:
        return {}
    try:
        document = json.loads(metadata) if isinstance(metadata, str) else metadata
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise Refused("attribute", "the attribute metadata must be a JSON object of header names and values")
    found = {}
    for name, value in document.items():
        first = value[0] if isinstance(value, list) and value else value
        if isinstance(first, str):
            found[name.lower()] = first
    return found


def _is_mirror(host: str | None) -> bool | None:
    return host.partition(":")[0].endswith("-shadow") if host is not None else None
