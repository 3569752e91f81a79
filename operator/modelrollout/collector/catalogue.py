"""Which workload serves which version of which rollout, and what is to be read there: from watching ModelRollouts."""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from modelrollout.api import ModelRollout, parse_rollout
from modelrollout.api.telemetry import Telemetry
from modelrollout.collector.hashing import Hasher
from modelrollout.collector.reading import Reader
from modelrollout.errors import InvalidSpec
from modelrollout.kube.cache import Change
from modelrollout.kube.resources import Obj, name_of, namespace_of, uid_of

_log = logging.getLogger(__name__)

Key = tuple[str, str]
"""Namespace and name of a rollout."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A rollout as the collector needs it.

    Attributes:
        versions: names, by the name of the workload.
        stable: name of the version that serves, empty while that is not known.
        reader: None where the telemetry cannot be used, for the reason in `problem`.
    """

    key: Key
    versions: dict[str, str]
    stable: str
    reader: Reader | None
    problem: str = ""


class Catalogue:
    """The rollouts that are known now.

    Attributes:
        changes: how often one of them has changed.
    """

    def __init__(self, hasher: Hasher) -> None:
        self._hasher = hasher
        self.changes = 0
        self._entries: dict[Key, Entry] = {}
        self._by_workload: dict[tuple[str, str], list[tuple[Entry, str]]] = {}
        self._namespaces: frozenset[str] = frozenset()
        self._taken: dict[Key, tuple[object, ...]] = {}

    def get(self, key: Key) -> Entry | None:
        """A rollout, None where there is none."""
        return self._entries.get(key)

    def serving(self, namespace: str, workload: str) -> list[tuple[Entry, str]]:
        """Rollouts and their version that this workload serves."""
        return self._by_workload.get((namespace, workload), [])

    def in_use(self, namespace: str) -> bool:
        """Whether there is a rollout in that namespace."""
        return namespace in self._namespaces

    def __iter__(self) -> Iterator[Entry]:
        return iter(list(self._entries.values()))

    def changed(self, change: Change) -> None:
        """Take in what the watch says."""
        if change.new is None:
            self.put((namespace_of(change.object), name_of(change.object)), None)
        else:
            self.take(change.new)

    def take(self, obj: Obj) -> None:
        """Take in a ModelRollout; of one that cannot be read what was known remains, so that a slip loses nothing."""
        key = namespace_of(obj), name_of(obj)
        # Most changes are of the status, which says nothing here but who is stable.
        seen = uid_of(obj), obj["metadata"].get("generation"), (obj.get("status") or {}).get("stable")
        if seen[1] is not None and self._taken.get(key) == seen:
            return
        try:
            rollout = parse_rollout(obj)
        except InvalidSpec as error:
            _log.warning("ModelRollout %s/%s cannot be read: %s", *key, error)
            return
        self.put(key, self._entry(key, rollout))
        self._taken[key] = seen

    def put(self, key: Key, entry: Entry | None) -> None:
        """Replace what is known of a rollout; None removes it."""
        self.changes += 1
        if entry is None:
            self._entries.pop(key, None)
            self._taken.pop(key, None)
        else:
            self._entries[key] = entry
        self._by_workload = _index(self._entries.values())
        self._namespaces = frozenset(namespace for namespace, _ in self._entries)

    def _entry(self, key: Key, rollout: ModelRollout) -> Entry:
        versions = {one.workload.name: one.name for one in rollout.spec.versions}
        stable = rollout.status.stable or ""
        try:
            reader = Reader(rollout.spec.telemetry or Telemetry(), self._hasher, "/".join(key))
        except InvalidSpec as error:
            _log.warning("the telemetry of ModelRollout %s/%s cannot be used: %s", *key, error)
            return Entry(key, versions, stable, None, str(error))
        return Entry(key, versions, stable, reader)


def _index(entries: Iterable[Entry]) -> dict[tuple[str, str], list[tuple[Entry, str]]]:
    found: dict[tuple[str, str], list[tuple[Entry, str]]] = {}
    for entry in entries:
        for workload, version in entry.versions.items():
            found.setdefault((entry.key[0], workload), []).append((entry, version))
    return found
