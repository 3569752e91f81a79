"""Brings about the replicas that were decided, through the scale subresource of the workload."""

import contextlib
from dataclasses import dataclass
from typing import Protocol

from modelrollout.api import ModelRollout
from modelrollout.decisions.decision import ScaleIntent
from modelrollout.kube.cache import Cache
from modelrollout.kube.client import Patch
from modelrollout.kube.errors import Conflict
from modelrollout.kube.resources import Obj, Resource, uid_of, version_of
from modelrollout.manifests.json_patch import add, unchanged
from modelrollout.workloads.kinds import Kinds

SCALE = "scale"
"""The subresource by which every kind that can be scaled is scaled alike."""

Place = tuple[Resource, str, str]
"""Kind, namespace and name of a workload."""

State = tuple[str, str]
"""uid and resourceVersion of a workload."""


@dataclass(frozen=True, slots=True)
class ScaleWrite:
    """Replicas that a workload is to get, from the state in which it was observed."""

    place: Place
    workload: Obj
    replicas: int


class ScaleWriter(Protocol):
    """The verb of `kube.Client` that replicas are written with."""

    async def patch(self, resource: Resource, namespace: str, name: str, patch: Patch, subresource: str = "") -> Obj:
        """Apply a JSON patch to a part of an object."""


class Scaler:
    """Writes replicas; what became of them is seen in the workload."""

    def __init__(self, writer: ScaleWriter, cache: Cache, kinds: Kinds) -> None:
        self._writer = writer
        self._cache = cache
        self._kinds = kinds
        self._tried: dict[Place, State] = {}

    def due(self, rollout: ModelRollout, intent: ScaleIntent) -> ScaleWrite | None:
        """The write that brings the intent about, None when there is none to be made now.

        Nothing is written twice from the same state of the workload: after a write, or one that failed because the
        workload had changed, the watch is about to bring another state, and that is looked at.
        """
        version = rollout.spec.version(intent.version)
        kind = self._kinds.of(version.workload) if version is not None else None
        if version is None or kind is None:
            return None
        place = kind.resource, rollout.metadata.namespace, version.workload.name
        workload = self._cache.get(*place)
        if workload is None or kind.replicas(workload) != intent.found or self._tried.get(place) == _state(workload):
            return None
        return ScaleWrite(place, workload, intent.replicas)

    async def write(self, due: ScaleWrite) -> None:
        """Scale the workload; it fails, and is not tried again, if the workload changed since it was observed.

        Raises:
            KubeError: the write was refused or its outcome is not known.
        """
        # A Scale without replicas has no such field: only the resourceVersion can tell that nobody came in between.
        operations = [unchanged(due.workload), add(due.replicas, "spec", "replicas")]
        with contextlib.suppress(Conflict):
            await self._writer.patch(*due.place, operations, SCALE)
        self._tried[due.place] = _state(due.workload)


def _state(workload: Obj) -> State:
    return uid_of(workload), version_of(workload)
