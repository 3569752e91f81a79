"""The Service that clients use, for the two routers that shift traffic by its selector."""

from collections.abc import Callable
from dataclasses import replace

from modelrollout.api import ModelRollout
from modelrollout.decisions.decision import TrafficIntent
from modelrollout.kube.cache import Cache
from modelrollout.kube.resources import SERVICES, Obj, namespace_of
from modelrollout.manifests.json_patch import Operation
from modelrollout.manifests.selectors import SWITCH, Selectors, return_patch, selector_of, shown
from modelrollout.routers.port import Holding, RouteUnusable, RouteWriter

PatchOf = Callable[[Obj, Selectors, TrafficIntent], list[Operation]]


class ClientServices:
    """Reads and writes such Services; those of the versions tell which labels their pods carry."""

    def __init__(self, writer: RouteWriter, cache: Cache) -> None:
        self._writer = writer
        self._cache = cache

    def get(self, namespace: str, name: str) -> Obj | None:
        """The Service as the cache has it."""
        return self._cache.get(SERVICES, namespace, name)

    def selectors(self, rollout: ModelRollout) -> Selectors:
        """By version, the selector of its own Service; empty where that selects nothing or does not exist."""
        namespace = rollout.metadata.namespace
        return {one.name: selector_of(self.get(namespace, one.service.name)) for one in rollout.spec.versions}

    async def apply(self, rollout: ModelRollout, name: str, intent: TrafficIntent, patch_of: PatchOf) -> None:
        """Make the Service say the intent, in the words of `patch_of`; raises as `Router.apply`."""
        service, selectors = self.get(rollout.metadata.namespace, name), self.selectors(rollout)
        if service is None:
            raise RouteUnusable(f"Service {name} does not exist")
        lacking = [version for version, weight in intent.weights.items() if weight and not selectors.get(version)]
        if lacking:
            raise RouteUnusable(f"the Service of {' and '.join(lacking)} does not exist, or selects no pods")
        ours = replace(intent, owner=replace(intent.owner, rules=(SWITCH,)))
        await self._patch(service, patch_of(service, selectors, ours))

    async def release(self, holding: Holding, *, give_back: bool) -> None:
        """Annotations off, and with `give_back` the selector back to that of the stable version's own Service."""
        stable = self.get(namespace_of(holding.object), holding.service) if give_back else None
        await self._patch(holding.object, return_patch(holding.object, selector_of(stable), holding.owner))

    async def _patch(self, service: Obj, operations: list[Operation]) -> None:
        """Write to the Service, unless there is nothing to write; the answer is known at once."""
        if operations:
            metadata = service["metadata"]
            stored = await self._writer.patch(SERVICES, metadata["namespace"], metadata["name"], operations)
            self._cache.apply(SERVICES, stored, own=True)


def confusion(rollout: ModelRollout, name: str, selectors: Selectors) -> str:
    """Why the versions cannot be told apart by selectors, empty when they can.

    Args:
        rollout: whose versions.
        name: of the Service that clients use.
        selectors: of each version's own Service.
    """
    own = next((one.name for one in rollout.spec.versions if one.service.name == name), None)
    if own is not None:
        return f"Service {name} is that of version {own}: clients need one that belongs to no version"
    taken: dict[str, str] = {}
    for version, selector in selectors.items():
        other = taken.setdefault(shown(selector), version)
        if other != version and selector:
            return f"the Services of {other} and {version} select the same pods ({shown(selector)})"
    return ""
