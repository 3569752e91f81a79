"""Which rollouts belong together, and what each may know of the others."""

from modelrollout.api import ModelRollout
from modelrollout.api.status import Run
from modelrollout.decisions.observed import Companion
from modelrollout.decisions.together import companion_of
from modelrollout.kube.cache import Cache, Change, Key
from modelrollout.kube.resources import MODELROLLOUTS, Obj, name_of, namespace_of


class Companions:
    """Knows who names whom, from the specs, and looks the others up in the cache."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache
        self._names: dict[Key, frozenset[Key]] = {}

    def changed(self, change: Change) -> frozenset[Key]:
        """Take in a rollout; returns the others to which it matters what changed of it."""
        key = namespace_of(change.object), name_of(change.object)
        named = _named(change.new) if change.new is not None else frozenset()
        if named:
            self._names[key] = named
        else:
            self._names.pop(key, None)
        if not self._names or _known(change.old) == _known(change.new):
            return frozenset()
        return frozenset(one for one, others in self._names.items() if key in others)

    def of(self, rollout: ModelRollout) -> tuple[Companion, ...]:
        """What is known of those that the rollout names, by its spec as it counts now."""
        together = rollout.spec.promote_together
        names = together.rollouts if together is not None else ()
        where = rollout.metadata.namespace
        return tuple(self._look(where, name) for name in names if name != rollout.metadata.name)

    def _look(self, namespace: str, name: str) -> Companion:
        return _known(self._cache.get(MODELROLLOUTS, namespace, name)) or Companion(name=name, found=False)


def _named(obj: Obj) -> frozenset[Key]:
    together = (obj.get("spec") or {}).get("promoteTogether") or {}
    return frozenset((namespace_of(obj), str(name)) for name in together.get("rollouts") or ())


def _known(obj: Obj | None) -> Companion | None:
    if obj is None or "deletionTimestamp" in obj["metadata"]:
        return None
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    stored = status.get("run")
    run = Run.model_validate(stored) if stored else None
    release = (spec.get("promoteTogether") or {}).get("release") or ""
    return companion_of(name_of(obj), str(spec.get("target") or ""), str(status.get("stable") or ""), run, str(release))
