"""Brings about the replicas that were decided, through the scale subresource of the workload."""

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

State = tuple[str, str]
"""uid and resourceVersion of a workload."""


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
        self._tried: dict[tuple[Resource, str, str], State] = {}

    async def apply(self, rollout: ModelRollout, intent: ScaleIntent) -> bool:
        """Scale the version's workload, with one write that fails if the workload changed since it was observed.

        True when it was written. Nothing is written twice from the same state of the workload: after a write, or one
        that failed because the workload had changed, the watch is about to bring another state, and that is looked at.

        Raises:
            KubeError: the write was refused or its outcome is not known.
        """
        version = rollout.spec.version(intent.version)
        kind = self._kinds.of(version.workload) if version is not None else None
        if version is None or kind is None:
            return False
        place = kind.resource, rollout.metadata.namespace, version.workload.name
        workload = self._cache.get(*place)
        if workload is None or kind.replicas(workload) != intent.found:
            return False
        state = uid_of(workload), version_of(workload)
        if self._tried.get(place) == state:
            return False
        # A Scale without replicas has no such field: only the resourceVersion can tell that nobody came in between.
        operations = [unchanged(workload), add(intent.replicas, "spec", "replicas")]
        try:
            await self._writer.patch(*place, operations, SCALE)
        except Conflict:
            self._tried[place] = state
            return False
        self._tried[place] = state
        return True
