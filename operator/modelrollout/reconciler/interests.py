"""Which rollouts an object concerns."""

from collections import defaultdict

from modelrollout.kube.cache import Key
from modelrollout.kube.resources import ENDPOINTSLICES, SERVICES, Obj, Resource, name_of, namespace_of
from modelrollout.manifests.endpoints import service_of
from modelrollout.workloads.versions import Named

Kinds = frozenset[tuple[Resource, str]]


class Interests:
    """Maps objects to the keys of rollouts, by name, by kind and namespace, and by owner."""

    def __init__(self) -> None:
        self._named: dict[Key, frozenset[Named]] = {}
        self._kinds: dict[Key, Kinds] = {}
        self._uids: dict[str, Key] = {}
        self._uid_of: dict[Key, str] = {}
        self._by_name: defaultdict[Named, set[Key]] = defaultdict(set)
        self._by_kind: defaultdict[tuple[Resource, str], set[Key]] = defaultdict(set)

    def set(self, key: Key, uid: str, named: frozenset[Named], kinds: Kinds = frozenset()) -> None:
        """Let `key` be concerned by these objects, by all objects of these kinds, and by all that it owns."""
        if (self._uid_of.get(key), self._named.get(key), self._kinds.get(key)) == (uid, named, kinds):
            return
        self.drop(key)
        self._named[key], self._kinds[key] = named, kinds
        self._uids[uid], self._uid_of[key] = key, uid
        for one in named:
            self._by_name[one].add(key)
        for kind in kinds:
            self._by_kind[kind].add(key)

    def drop(self, key: Key) -> None:
        """Nothing concerns `key` any more."""
        for one in self._named.pop(key, ()):
            self._by_name[one].discard(key)
            if not self._by_name[one]:
                del self._by_name[one]
        for kind in self._kinds.pop(key, ()):
            self._by_kind[kind].discard(key)
            if not self._by_kind[kind]:
                del self._by_kind[kind]
        self._uids.pop(self._uid_of.pop(key, ""), None)

    def of(self, resource: Resource, obj: Obj) -> frozenset[Key]:
        """Keys that the object concerns."""
        namespace = namespace_of(obj)
        if resource is ENDPOINTSLICES:
            return frozenset(self._by_name.get((SERVICES, namespace, service_of(obj)), ()))
        owners = {owner.get("uid", "") for owner in obj["metadata"].get("ownerReferences") or []}
        return frozenset(
            self._by_name.get((resource, namespace, name_of(obj)), set())
            | self._by_kind.get((resource, namespace), set())
            | {self._uids[uid] for uid in owners if uid in self._uids}
        )

    def named(self, one: Named) -> frozenset[Key]:
        """Keys that the object of that name concerns."""
        return frozenset(self._by_name.get(one, ()))
