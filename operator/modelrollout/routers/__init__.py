"""Routers by the field of `spec.traffic` that chooses them: a new one is one more line here."""

from collections.abc import Callable, Mapping

from modelrollout.api import ModelRollout
from modelrollout.decisions.observed import RouterSeries
from modelrollout.kube.cache import Cache
from modelrollout.kube.client import Patch
from modelrollout.kube.resources import Obj, Resource
from modelrollout.routers.gateway_api import GatewayApiRouter
from modelrollout.routers.istio import IstioRouter
from modelrollout.routers.port import Holding, Router, RouteUnusable, RouteWriter
from modelrollout.routers.replicas import ReplicaRatioRouter
from modelrollout.routers.service_selector import ServiceSelectorRouter

ROUTERS: Mapping[str, Callable[[RouteWriter, Cache], Router]] = {
    "gateway_api": GatewayApiRouter,
    "istio": IstioRouter,
    "service": ServiceSelectorRouter,
    "replicas": ReplicaRatioRouter,
}


def all_routers(writer: RouteWriter, cache: Cache) -> Mapping[str, Router]:
    """Every router, by the attribute of `Traffic` that asks for it."""
    return {name: make(writer, cache) for name, make in ROUTERS.items()}


def series_of(rollout: ModelRollout) -> RouterSeries | None:
    """How its router's own series tell the versions apart, as far as that is known without a cluster.

    Raises:
        RouteUnusable: as `router_of`.
    """
    return router_of(rollout, all_routers(_Nowhere(), Cache())).observe(rollout).series


class _Nowhere:
    """Where nothing can be written to."""

    async def create(self, resource: Resource, namespace: str, body: Obj) -> Obj:
        raise NotImplementedError

    async def patch(self, resource: Resource, namespace: str, name: str, patch: Patch) -> Obj:
        raise NotImplementedError


def owned_kinds(routers: Mapping[str, Router]) -> Mapping[Resource, Router]:
    """The kinds of objects that carry an owner annotation, and who can release them.

    Both routers that write Services release them alike: one of them stands for both.
    """
    return {kind: router for router in routers.values() for kind in sorted(router.kinds, key=str)}


def router_of(rollout: ModelRollout, routers: Mapping[str, Router]) -> Router:
    """The router that the rollout's spec asks for.

    Raises:
        RouteUnusable: it asks for one that is not built.
    """
    for name, router in routers.items():
        if getattr(rollout.spec.traffic, name) is not None:
            return router
    raise RouteUnusable(f"ModelRollout {rollout.metadata.name} names no router that is built")


__all__ = [
    "ROUTERS",
    "Holding",
    "RouteUnusable",
    "RouteWriter",
    "Router",
    "all_routers",
    "owned_kinds",
    "router_of",
    "series_of",
]
