"""What the operator knows of the cluster: the newest state it has seen of each object, from watches and own writes.

Which of two states of an object is newer is told by comparing resourceVersions as numbers, which Kubernetes has made
part of its API (and which was true of etcd's revisions all along). So an answer to an own write can enter at once, and
an event or a list that was under way meanwhile cannot undo it.
"""

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from modelrollout.kube.resources import Obj, Resource, name_of, namespace_of, uid_of, version_of

_log = logging.getLogger(__name__)

Key = tuple[str, str]
"""Namespace and name."""


@dataclass(frozen=True, slots=True)
class Change:
    """One object has become another: `old` is None when it was not known, `new` is None when it is gone.

    Attributes:
        own: the operator itself wrote it.
    """

    resource: Resource
    old: Obj | None
    new: Obj | None
    own: bool = False

    @property
    def object(self) -> Obj:
        """The newest known state."""
        found = self.new if self.new is not None else self.old
        assert found is not None  # noqa: S101 - a change is of something
        return found


Listener = Callable[[Change], None]


class Cache:
    """Objects by kind, namespace and name. Readers must not change what they are given."""

    def __init__(self, trim: Callable[[Resource, Obj], Obj] = lambda _, obj: obj) -> None:
        self._trim = trim
        self._objects: dict[Resource, dict[str, dict[str, Obj]]] = {}
        self._gone: dict[Resource, dict[Key, int]] = {}
        self._listed: dict[tuple[Resource, str | None], int] = {}
        self._listeners: list[Listener] = []

    def subscribe(self, listener: Listener) -> None:
        """Have `listener` called, at once and in order, on every change."""
        self._listeners.append(listener)

    def get(self, resource: Resource, namespace: str, name: str) -> Obj | None:
        """The object, or None."""
        return self._objects.get(resource, {}).get(namespace, {}).get(name)

    def list(self, resource: Resource, namespace: str | None = None) -> Iterator[Obj]:
        """All objects of a namespace, or of all."""
        spaces = self._objects.get(resource, {})
        if namespace is not None:
            yield from list(spaces.get(namespace, {}).values())
            return
        for space in list(spaces.values()):
            yield from list(space.values())

    def apply(self, resource: Resource, obj: Obj, *, own: bool = False) -> bool:
        """Take in a state of an object; False if a newer one is known."""
        namespace, name = namespace_of(obj), name_of(obj)
        old = self.get(resource, namespace, name)
        version = _number(version_of(obj))
        if old is not None and version <= _number(version_of(old)):
            return False
        if version <= self._gone.get(resource, {}).get((namespace, name), 0):
            return False
        obj = self._trim(resource, obj)
        if old is not None and uid_of(old) != uid_of(obj):
            self._tell(Change(resource, old, None))
            old = None
        self._objects.setdefault(resource, {}).setdefault(namespace, {})[name] = obj
        self._tell(Change(resource, old, obj, own))
        return True

    def remove(self, resource: Resource, obj: Obj) -> None:
        """Take in that the object was deleted; `obj` is its last state."""
        namespace, name = namespace_of(obj), name_of(obj)
        version = _number(version_of(obj))
        old = self.get(resource, namespace, name)
        if old is not None and _number(version_of(old)) > version:
            return
        self._gone.setdefault(resource, {})[namespace, name] = version
        self._drop(resource, namespace, name, old)

    def listed(self, resource: Resource, namespace: str | None) -> bool | None:
        """Whether the API server knows the kind, None where it was not listed, because nobody wants it or may."""
        version = self._listed.get((resource, namespace))
        return None if version is None else version > 0

    def forget(self, resource: Resource, namespace: str | None) -> None:
        """Drop a whole namespace that is no longer watched."""
        self._listed.pop((resource, namespace), None)
        for obj in self.list(resource, namespace):
            self._drop(resource, namespace_of(obj), name_of(obj), obj)

    def replace(self, resource: Resource, namespace: str | None, items: Iterable[Obj], resource_version: str) -> None:
        """Take in a complete list: what it lacks is gone, unless it came to be after the list was made.

        A list older than the one before (another API server may be behind) says nothing and is passed over.
        """
        listed = _number(resource_version)
        if listed < self._listed.get((resource, namespace), 0):
            return
        self._listed[resource, namespace] = listed
        present = set()
        for item in items:
            present.add((namespace_of(item), name_of(item)))
            self.apply(resource, item)
        for obj in self.list(resource, namespace):
            where = namespace_of(obj), name_of(obj)
            if where not in present and _number(version_of(obj)) <= listed:
                self._drop(resource, *where, obj)
        # A deletion older than the list cannot be undone by anything that is still under way before the next list.
        gone = self._gone.get(resource, {})
        for where in [where for where, version in gone.items() if version < listed]:
            if namespace is None or where[0] == namespace:
                del gone[where]

    def _drop(self, resource: Resource, namespace: str, name: str, old: Obj | None) -> None:
        if old is None:
            return
        space = self._objects[resource][namespace]
        del space[name]
        if not space:
            del self._objects[resource][namespace]
        self._tell(Change(resource, old, None))

    def _tell(self, change: Change) -> None:
        for listener in self._listeners:
            try:
                listener(change)
            except Exception:  # noqa: BLE001 - logged with its traceback
                # One object that somebody cannot digest must not end the watch that brought it.
                _log.exception("change of %s %s", change.resource, "/".join(_place(change.object)))


def _place(obj: Obj) -> Key:
    return namespace_of(obj), name_of(obj)


def _number(resource_version: str) -> int:
    return int(resource_version) if resource_version.isdigit() else 0
