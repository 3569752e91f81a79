"""The Service that clients use, for the two routers that shift traffic by its selector."""

from collections.abc import Mapping

from modelrollout.api import ModelRollout
from modelrollout.kube.cache import Cache
from modelrollout.kube.resources import SERVICES, Obj, namespace_of
from modelrollout.manifests.json_patch import Operation
from modelrollout.manifests.selectors import return_patch, selector_of, shown
from modelrollout.routers.port import Holding, RouteWriter


class ClientServices:
    """Reads and writes such Services; those of the versions tell which labels their pods carry."""

    def __init__(self, writer: RouteWriter, cache: Cache) -> None:
        self._writer = writer
        self._cache = cache

    def get(self, namespace: str, name: str) -> Obj | None:
        """The Service as the cache has it."""
        return self._cache.get(SERVICES, namespace, name)

    def selectors(self, rollout: ModelRollout) -> Mapping[str, Mapping[str, str]]:
        """By version, the selector of its own Service; empty where that selects nothing or does not exist."""
        namespace = rollout.metadata.namespace
        return {one.name: selector_of(self.get(namespace, one.service.name)) for one in rollout.spec.versions}

    async def patch(self, service: Obj, operations: list[Operation]) -> None:
        """Write to the Service, unless there is nothing to write; the answer is known at once."""
        if operations:
            metadata = service["metadata"]
            stored = await self._writer.patch(SERVICES, metadata["namespace"], metadata["name"], operations)
            self._cache.apply(SERVICES, stored, own=True)

    async def release(self, holding: Holding, *, give_back: bool) -> None:
        """Annotations off, and with `give_back` the selector back to that of the stable version's own Service."""
        stable = self.get(namespace_of(holding.object), holding.service) if give_back else None
        await self.patch(holding.object, return_patch(holding.object, selector_of(stable), holding.owner))


def confusion(rollout: ModelRollout, name: str, selectors: Mapping[str, Mapping[str, str]]) -> str:
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
