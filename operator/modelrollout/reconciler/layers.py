"""Which runs of a layer there are: one has it, the others wait for it.

It is known from the status of every rollout, so that a restart finds the same order. What was decided counts from the
moment of the decision, not from that of the write: two rollouts that are reconciled at once must not both start.
"""

from collections import defaultdict
from datetime import datetime

from modelrollout.api.status import ModelRolloutStatus
from modelrollout.decisions import runs
from modelrollout.decisions.observed import Rival
from modelrollout.kube.cache import Change, Key
from modelrollout.kube.resources import Obj, name_of, namespace_of, uid_of

_Place = tuple[str, str]
"""Namespace and layer."""

_ACTIVE = frozenset(str(state) for state in runs.ACTIVE)


class Layers:
    """Runs by namespace and layer."""

    def __init__(self) -> None:
        self._stored: dict[Key, Rival] = {}
        self._decided: dict[Key, Rival] = {}
        self._members: defaultdict[_Place, set[Key]] = defaultdict(set)

    def changed(self, change: Change) -> frozenset[Key]:
        """Take in what is stored of a rollout; returns the others that it may matter to."""
        key = namespace_of(change.object), name_of(change.object)
        new = _stored(change.new) if change.new is not None else None
        old, decided = self._stored.pop(key, None), None
        if new is not None:
            self._stored[key] = new
        if change.new is None:
            decided = self._decided.pop(key, None)  # nobody is left to settle it
        return (self._moved(key, old, new) if new != old else frozenset()) | self._moved(key, decided, None)

    def decided(self, obj: Obj, status: ModelRolloutStatus) -> None:
        """Take in what is about to be stored."""
        key, run = (namespace_of(obj), name_of(obj)), status.run
        if run is None or not run.layer or not runs.active(run):
            return  # a layer is free once that is stored
        asked = run.asked_at or run.started_at
        self._decided[key] = rival = Rival(run.layer, key[1], uid_of(obj), asked, run.queued, run.aside)
        self._members[key[0], rival.layer].add(key)

    def settled(self, key: Key) -> frozenset[Key]:
        """What was decided is stored by now or never will be; returns the others that it may matter to."""
        decided, stored = self._decided.pop(key, None), self._stored.get(key)
        return self._moved(key, decided, stored) if decided is not None and decided != stored else frozenset()

    def rivals(self, key: Key, *layers: str) -> tuple[Rival, ...]:
        """The runs of other rollouts in these layers of the namespace."""
        keys = {one for layer in layers for one in self._members.get((key[0], layer), ())} - {key}
        both = (rival for one in keys for rival in (self._stored.get(one), self._decided.get(one)))
        return tuple({rival for rival in both if rival is not None and rival.layer in layers})

    def _moved(self, key: Key, old: Rival | None, new: Rival | None) -> frozenset[Key]:
        concerned: set[Key] = set()
        present = {one.layer for one in (self._stored.get(key), self._decided.get(key)) if one is not None}
        for layer in {one.layer for one in (old, new) if one is not None}:
            place = key[0], layer
            if layer in present:
                self._members[place].add(key)
            else:
                self._members[place].discard(key)
            concerned |= self._members[place]
            if not self._members[place]:
                del self._members[place]
        return frozenset(concerned - {key})


def _stored(obj: Obj) -> Rival | None:
    run = (obj.get("status") or {}).get("run") or {}
    layer = run.get("layer")
    if not layer or run.get("state") not in _ACTIVE or "deletionTimestamp" in obj["metadata"]:
        return None
    asked = datetime.fromisoformat(run.get("askedAt") or run["startedAt"])
    return Rival(layer, name_of(obj), uid_of(obj), asked, bool(run.get("queued")), bool(run.get("aside")))
