"""What went through the proxies: calls by name, and the writes that the API server carried out."""

import asyncio
import json
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


@dataclass(frozen=True, slots=True)
class Point:
    """The n-th call (from 1) of its kind in a run: `patch modelrollouts/status`, `watch httproutes`, ...

    Runs differ in how calls of different kinds interleave, so a place in a run is named by kind and number.
    """

    kind: str
    number: int

    def __str__(self) -> str:
        return f"{self.kind} #{self.number}"


@dataclass(frozen=True, slots=True)
class Call:
    """A request on its way to the API server.

    Attributes:
        door: the proxy that it came through, one per operator process.
        point: its kind and number.
        path: path with query.
        resource: plural of the kind of objects, empty for what is not about objects (discovery).
        name: of the object, empty for collections.
    """

    door: str
    point: Point
    method: str
    path: str
    resource: str
    name: str

    @property
    def write(self) -> bool:
        """Whether it changes the rollout's world; the lease apart, which is renewed at any time."""
        return self.method != "GET" and self.resource != "leases"


@dataclass(frozen=True, slots=True)
class Write:
    """A write that the API server carried out: the object as stored, and when the answer was there (monotonic)."""

    call: Call
    stored: dict[str, Any]
    at: float

    @property
    def order(self) -> int:
        """Writes carried out later have a higher number, whichever door they came through."""
        return int(self.stored["metadata"]["resourceVersion"])


@dataclass(slots=True)
class Journal:
    """Calls and writes of one rollout's world, through all doors to it.

    Attributes:
        calls: as they arrived.
        refused: calls that the API server answered with an error, with the HTTP status.
        heard_at: when the last call arrived that was not about the lease (monotonic).
        changed: set, and replaced by a new one, whenever a write was carried out.
        watched_at: when the operator last began to watch rollouts, which is the last thing of its start.
    """

    calls: list[Call] = field(default_factory=list)
    refused: list[tuple[Call, int]] = field(default_factory=list)
    heard_at: float = field(default_factory=time.monotonic)
    watched_at: float = 0.0
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    _writes: list[Write] = field(default_factory=list)
    _count: Counter[str] = field(default_factory=Counter)

    def arrived(self, door: str, method: str, path: str) -> Call:
        """Name a request."""
        resource, name, part = _about(path)
        verb = _VERBS.get(method) or _reading(path, name)
        # Of routes there are two, and they matter differently.
        which = f"/{name}" if resource == "httproutes" and name else ""
        kind = f"{verb} {resource}{which}{part}" if resource else f"get {urlsplit(path).path}"
        self._count[kind] += 1
        call = Call(door, Point(kind, self._count[kind]), method, path, resource, name)
        self.calls.append(call)
        if resource != "leases":
            self.heard_at = time.monotonic()
        if kind == "watch modelrollouts":
            self.watched_at = self.heard_at
        return call

    def carried_out(self, call: Call, status: int, body: bytes) -> None:
        """Note the API server's answer to a write."""
        if call.method == "GET":
            return
        self.changed.set()
        self.changed = asyncio.Event()
        if status >= 300:
            self.refused.append((call, status))
        elif call.method != "DELETE":
            self._writes.append(Write(call, json.loads(body), time.monotonic()))

    def writes(self, *resources: str) -> list[Write]:
        """Writes to objects of these kinds, in the order in which they were carried out."""
        return sorted((one for one in self._writes if one.call.resource in resources), key=lambda one: one.order)


def _about(path: str) -> tuple[str, str, str]:
    """Resource, name and `/subresource` of /api/v1/[namespaces/ns/]resource/name/sub and /apis/group/version/..."""
    parts = urlsplit(path).path.strip("/").split("/")
    parts = parts[2:] if parts[0] == "api" else parts[3:] if parts[0] == "apis" else []
    if parts[:1] == ["namespaces"] and len(parts) > 2:
        parts = parts[2:]
    resource, name, part = [*parts, "", "", ""][:3]
    return resource, name, f"/{part}" if part else ""


def _reading(path: str, name: str) -> str:
    query = parse_qs(urlsplit(path).query)
    if query.get("watch", ["0"])[0] in ("1", "true"):
        return "watch"
    return "get" if name else "list"
