"""Where a router works: an API server, the operator's cache of it, and other people who write there too."""

from collections.abc import Callable
from typing import Any, Protocol

from modelrollout.api import ModelRollout
from modelrollout.decisions.decision import TrafficIntent
from modelrollout.decisions.observed import Owner
from modelrollout.kube.cache import Cache
from modelrollout.kube.resources import Obj, Resource
from modelrollout.routers import Router, RouteWriter
from tests.conformance.kinds import NAME, Kind, Written
from tests.unit.routers.world import asking

SOMEBODY = "kubectl-edit"


class Site(Protocol):
    """An API server with the operator's cache of it, in memory or real.

    Attributes:
        namespace: where everything is.
        cache: learns of foreign changes only by `look`.
        writer: what routers write with.
        writes: verb and name of every write through `writer`, in order.
    """

    namespace: str
    cache: Cache
    writer: RouteWriter
    writes: list[tuple[str, str]]

    async def put(self, resource: Resource, body: Obj, by: str = SOMEBODY) -> None:
        """Apply a whole object as that field manager; what it does not name is gone or kept as the server has it."""

    async def edit(self, resource: Resource, name: str, change: Callable[[Obj], None]) -> None:
        """Change an object as somebody with an editor would."""

    async def remove(self, resource: Resource, name: str) -> None:
        """Delete an object."""

    async def look(self, resource: Resource, name: str) -> None:
        """Let the cache have the object as it is now, or know that it is gone."""

    async def get(self, resource: Resource, name: str) -> Obj:
        """The object as it is now."""


class Traffic:
    """The object that carries the traffic at a site, and the router that writes it."""

    def __init__(self, kind: Kind, site: Site) -> None:
        """Nothing is there yet."""
        self.kind = kind
        self.site = site
        self.router: Router = kind.router(site.writer, site.cache)

    async def give(self, *rules: Written, by: str = SOMEBODY, seen: bool = True) -> None:
        """Apply the object with these rules, as somebody else; `seen`: the operator's watch has shown it."""
        for resource, obj in (*self.kind.beside, *self.kind.pods(rules)):
            await self.site.put(resource, obj)
            await self.site.look(resource, obj["metadata"]["name"])
        await self.site.put(self.kind.resource, self.kind.write(rules), by)
        if seen:
            await self.look()

    async def begin(self) -> None:
        """One rule, all of it on v7."""
        await self.give(self.predict(v7=1, v8=0))

    def predict(self, *, dressed: bool = False, **weights: int | None) -> Written:
        """The rule that serves the model, with weights by version."""
        services = {f"{NAME}-{version}": weight for version, weight in weights.items()}
        return Written(self.kind.rule or "predict", services, dressed)

    async def edit(self, change: Callable[[Obj], None]) -> None:
        """Change the object behind the operator's back."""
        await self.site.edit(self.kind.resource, NAME, change)

    async def look(self) -> None:
        """Let the operator see it as it is now."""
        await self.site.look(self.kind.resource, NAME)

    async def remove(self) -> None:
        """Delete it, which the operator sees."""
        await self.site.remove(self.kind.resource, NAME)
        await self.look()

    async def object(self) -> Obj:
        """The object as it is now."""
        return await self.site.get(self.kind.resource, NAME)

    async def weights(self) -> dict[str, dict[str, int]]:
        """Weights as the object has them now, by rule and version (or the Service's name where it is no version's)."""
        return {
            rule: {service.removeprefix(f"{NAME}-"): weight for service, weight in weights.items()}
            for rule, weights in self.kind.read(await self.object()).items()
        }

    def rollout(self, *rules: str, uid: str = "uid-1", name: str = NAME) -> ModelRollout:
        """A rollout between v7 and v8 on this object, or on these rules of it."""
        traffic, namespace = self.kind.traffic(*rules), self.site.namespace
        return asking(traffic, self.kind.strategy, uid=uid, name=name, namespace=namespace)

    def intent(self, number: int = 1, /, uid: str = "uid-1", name: str = NAME, **weights: int) -> TrafficIntent:
        """An intent with these weights, by default those the object can be brought to."""
        wanted = weights or dict(self.kind.shifted)
        services = {version: f"{NAME}-{version}" for version in wanted}
        return TrafficIntent(wanted, Owner(uid=uid, name=name, stable="v7", intent=number, services=services))

    def bare(self, obj: Obj) -> Any:
        """The object without what says who gets what, and without what the API server and the operator note on it."""
        metadata = obj["metadata"]
        notes = {
            key: text for key, text in (metadata.get("annotations") or {}).items() if "modelrollout.io/" not in key
        }
        return notes, metadata.get("labels"), _without(obj["spec"], self.kind.carriers)


def _without(value: Any, keys: frozenset[str]) -> Any:
    if isinstance(value, dict):
        return {key: _without(each, keys) for key, each in value.items() if key not in keys}
    return [_without(each, keys) for each in value] if isinstance(value, list) else value
