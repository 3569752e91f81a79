"""Freezes: ConfigMaps of one name, in the namespace that they freeze, or in the operator's own for all.

Only the one of that name is ever listed or watched, by one watch for all namespaces or one for each that is served.
"""

from collections.abc import Hashable

from modelrollout.decisions.freeze import CONFIGMAP, read
from modelrollout.decisions.observed import Freeze
from modelrollout.kube.cache import Cache
from modelrollout.kube.resources import FREEZES, Obj
from modelrollout.kube.watches import Place, Watches


class Freezes:
    """What is frozen.

    Args:
        cache: holds the ConfigMaps.
        watches: keeps it up to date.
        served: what is served: namespaces, or None alone for all.
        own: the operator's namespace.
    """

    def __init__(self, cache: Cache, watches: Watches, served: tuple[str | None, ...], own: str) -> None:
        self._cache = cache
        self._watches = watches
        self._everywhere = None in served
        self._own = own

    def attend(self, namespace: str) -> None:
        """Watch what can freeze the namespace."""
        self._watches.want(_who(namespace), {self._place(namespace), self._place(self._own)})

    def known(self, namespace: str) -> bool:
        """Whether it is known by now what freezes the namespace, or why that cannot be known."""
        places = {self._place(namespace), self._place(self._own)}
        return all(self._watches.listed(place) or self._watches.lasting_problem(place) for place in places)

    def seen(self, namespace: str) -> tuple[Freeze, ...]:
        """The freezes of the namespace. One that cannot be read counts as one: starting is what cannot be undone."""
        found = [self._seen(namespace, f"namespace {namespace}")] if namespace != self._own else []
        return tuple(one for one in (*found, self._seen(self._own, "every namespace")) if one is not None)

    def concerned(self, place: Place) -> str | None:
        """The namespace whose freeze may have changed with what is in that place; None: all."""
        return None if place[1] == self._own else place[1]

    def _seen(self, namespace: str, where: str) -> Freeze | None:
        obj, place = self._cache.get(FREEZES, namespace, CONFIGMAP), self._place(namespace)
        if obj is not None:
            return read(obj.get("data") or {}, where)
        if self._watches.listed(place):
            return None
        why = self._watches.problem(place) or "it has not been listed yet"
        return Freeze(where, problem=f"its ConfigMap {CONFIGMAP} cannot be read, so it counts as frozen ({why})")

    def _place(self, namespace: str) -> Place:
        return FREEZES, None if self._everywhere else namespace


def _who(namespace: str) -> Hashable:
    return "freezes", "of", namespace


def asks_for_a_run(obj: Obj) -> bool:
    """Whether something other than what serves is wanted: only then a freeze can matter."""
    return (obj.get("spec") or {}).get("target") != (obj.get("status") or {}).get("stable")
