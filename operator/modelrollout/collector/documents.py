"""Labels, signals and heartbeats: plain JSON, one object or a list of them. Pure."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from modelrollout.collector.events import LONGEST, MOST_EVENTS, is_name
from modelrollout.collector.moments import moment
from modelrollout.collector.paths import LARGEST, countable
from modelrollout.collector.refusals import Refused

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Label:
    """The truth about a request, known later. `time` in seconds since 1970, None where the sender does not say."""

    namespace: str
    rollout: str
    id: str
    value: Any
    time: float | None


@dataclass(frozen=True, slots=True)
class SignalSeen:
    """Something that a user did after an answer. `value` is 1 where none is given."""

    namespace: str
    rollout: str
    id: str
    signal: str
    value: float
    time: float | None


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """A sign that a source of events for one version is alive, also when it has nothing to tell.

    Either `workload` or `version` with `rollout` says whose.
    """

    namespace: str
    source: str
    workload: str | None
    rollout: str | None
    version: str | None
    time: float | None


def read_documents(body: bytes, read: Callable[[Mapping[str, Any]], _T]) -> Iterator[_T | Refused]:
    """What `read` makes of each object of the body; a refusal in the place of one that it refuses.

    Raises:
        Refused: the body as a whole cannot be read.
    """
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        raise Refused("unreadable", "the body is no JSON") from None
    listed = document if isinstance(document, list) else [document]
    if len(listed) > MOST_EVENTS:
        raise Refused("too-large", f"a list has at most {MOST_EVENTS} entries: send several")
    for one in listed:
        if not isinstance(one, dict):
            yield Refused("unreadable", "each entry is a JSON object")
            continue
        try:
            yield read(one)
        except Refused as refused:
            yield refused


def read_label(one: Mapping[str, Any]) -> Label:
    """A label: {namespace, rollout, id, value, time?}."""
    _only(one, "namespace", "rollout", "id", "value", "time")
    if one.get("value") is None:
        raise Refused("attribute", "a label needs a value")
    return Label(_text(one, "namespace"), _text(one, "rollout"), _text(one, "id"), one["value"], _time(one))


def read_signal(one: Mapping[str, Any]) -> SignalSeen:
    """A signal: {namespace, rollout, id, signal, value?, time?}."""
    _only(one, "namespace", "rollout", "id", "signal", "value", "time")
    value = one.get("value", 1)
    if isinstance(value, bool) or not isinstance(value, int | float) or not countable(value):
        raise Refused("attribute", f"value must be a finite number, of at most {LARGEST:g}")
    return SignalSeen(
        _text(one, "namespace"),
        _text(one, "rollout"),
        _text(one, "id"),
        _text(one, "signal"),
        float(value),
        _time(one),
    )


def read_heartbeat(one: Mapping[str, Any]) -> Heartbeat:
    """A heartbeat: {namespace, source, time?} with workload, or with rollout and version."""
    _only(one, "namespace", "source", "workload", "rollout", "version", "time")
    workload, version = one.get("workload"), one.get("version")
    if (workload is None) == (version is None):
        raise Refused("attribute", "say whose heartbeat it is: set exactly one of workload and version")
    return Heartbeat(
        _text(one, "namespace"),
        _text(one, "source"),
        _text(one, "workload") if workload is not None else None,
        _text(one, "rollout") if version is not None else None,
        _text(one, "version") if version is not None else None,
        _time(one),
    )


def _only(one: Mapping[str, Any], *names: str) -> None:
    if not one.keys() <= set(names):
        raise Refused("attribute", f"there is a field that is none of {', '.join(names)}")


def _text(one: Mapping[str, Any], name: str) -> str:
    value = one.get(name)
    if not is_name(value):
        raise Refused("attribute", f"{name} must be a text of 1 to {LONGEST} characters")
    return value


def _time(one: Mapping[str, Any]) -> float | None:
    if one.get("time") is None:
        return None
    at = moment(one["time"])
    if at is None:
        raise Refused("attribute", "time must be a moment of RFC 3339, such as 2026-12-01T09:30:00Z")
    return at
