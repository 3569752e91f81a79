"""The API server's own account of who asked it for what, and when."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote

_MODEL = re.compile(r"model-\d{4}")


@dataclass(frozen=True, slots=True)
class Entry:
    """One request that was answered.

    Attributes:
        at: when the answer was complete, seconds since the epoch.
        user: who asked.
        verb: get, list, watch, create, update, patch or delete.
        resource: plural, with the subresource after a slash.
        model: the model that it names, itself or one of its objects; empty when it names none.
        code: HTTP status.
        plural: the request is about a whole kind: a watch, or a list without a selector.
    """

    at: float
    user: str
    verb: str
    resource: str
    namespace: str
    model: str
    code: int
    plural: bool

    @property
    def kind(self) -> str:
        """What is counted together."""
        return f"{self.verb} {self.resource}"


class Audit:
    """The log, read on from where it was left."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._offset = 0
        self._entries: list[Entry] = []

    def entries(self, namespace: str, user: str, *, since: float = 0.0) -> Iterator[Entry]:
        """Requests about objects of a namespace, in the order of their ends."""
        self._read()
        return (one for one in self._entries if one.at >= since and (one.namespace, one.user) == (namespace, user))

    def by_model(self, namespace: str, user: str, *, since: float) -> dict[str, Counter[str]]:
        """Requests that name a model or what it references; watches, lists of whole kinds and the lease are none."""
        found: dict[str, Counter[str]] = {}
        for one in self.entries(namespace, user, since=since):
            if one.model and not one.plural:
                found.setdefault(one.model, Counter())[one.kind] += 1
        return found

    def apart(self, namespace: str, user: str, *, since: float) -> Counter[str]:
        """The other requests of that namespace."""
        entries = self.entries(namespace, user, since=since)
        return Counter(one.kind for one in entries if one.plural or not one.model)

    def _read(self) -> None:
        with self._log.open("rb") as log:
            log.seek(self._offset)
            for line in log:
                if not line.endswith(b"\n"):
                    break
                self._offset += len(line)
                self._entries.append(_entry(json.loads(line)))
        self._entries.sort(key=lambda one: one.at)


def _entry(event: dict[str, Any]) -> Entry:
    about = event.get("objectRef") or {}
    uri = unquote(event["requestURI"])
    named = _MODEL.search(about.get("name", "")) or _MODEL.search(uri)
    part = f"/{about['subresource']}" if about.get("subresource") else ""
    verb = event["verb"]
    return Entry(
        at=datetime.fromisoformat(event["stageTimestamp"]).timestamp(),
        user=event["user"].get("username", ""),
        verb=verb,
        resource=about.get("resource", "") + part,
        namespace=about.get("namespace", ""),
        model=named[0] if named else "",
        code=(event.get("responseStatus") or {}).get("code", 0),
        plural=verb == "watch" or (verb == "list" and "labelSelector" not in uri),
    )
