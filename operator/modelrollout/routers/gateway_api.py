"""Traffic by the weights of a Gateway API route: HTTPRoute or GRPCRoute, the user's or one of our own."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from modelrollout.api import GatewayAPI, ModelRollout, RouteKind, RouteTemplate, ServiceRef
from modelrollout.decisions.claims import Claimed
from modelrollout.decisions.decision import TrafficIntent
from modelrollout.decisions.observed import RouteSeen, RuleSeen
from modelrollout.kube.cache import Cache
from modelrollout.kube.errors import KubeError
from modelrollout.kube.resources import GRPCROUTES, HTTPROUTES, Obj, Resource
from modelrollout.manifests.own_routes import (
    CREATED_RULE,
    created_route,
    in_frame,
    owned_by,
    pins_name,
    pins_route,
    reframe_patch,
    with_intent,
)
from modelrollout.manifests.route_patches import check_weights, orphan_patch, traffic_patch
from modelrollout.manifests.routes import Reading, managed_rules, route_seen
from modelrollout.routers.port import Holding, RouteUnusable, RouteWriter

_RESOURCES = {RouteKind.HTTP_ROUTE: HTTPROUTES, RouteKind.GRPC_ROUTE: GRPCROUTES}


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a rollout's traffic is shifted, read off its spec."""

    namespace: str
    rollout: str
    uid: str
    name: str
    resource: Resource
    services: Mapping[str, ServiceRef]
    spec: GatewayAPI

    @property
    def title(self) -> str:
        return f"{self.resource.kind} {self.name}"


class GatewayApiRouter:
    """The router of `spec.traffic.gatewayAPI`; see `Router` for its verbs."""

    def __init__(self, writer: RouteWriter, cache: Cache) -> None:
        self._writer = writer
        self._cache = cache

    @property
    def kinds(self) -> frozenset[Resource]:
        """HTTPRoutes and GRPCRoutes."""
        return frozenset(_RESOURCES.values())

    def claims(self, rollout: ModelRollout) -> frozenset[Claimed]:
        """Rules by name, or by place where the route gives none; listed ones also while the route is missing."""
        place = _place(rollout)
        route = self._route(place)
        if route is None:
            names = (CREATED_RULE,) if place.spec.create else place.spec.rules or ()
        else:
            reading = _reading(place, route)
            names = (*(rule.name for rule in reading.rules), *reading.lacking)
        return frozenset(Claimed(place.resource.kind, place.namespace, place.name, name) for name in names)

    def observe(self, rollout: ModelRollout) -> RouteSeen:
        """The route from the cache; one that is ours to create is seen while missing too: without weights."""
        place = _place(rollout)
        route = self._route(place)
        if route is None:
            if place.spec.create:
                return RouteSeen(
                    found=True, accepted=True, rules=(RuleSeen(CREATED_RULE, absent=tuple(place.services)),)
                )
            return RouteSeen(problem=f"{place.title} does not exist: create it, or correct spec.traffic.gatewayAPI")
        if place.spec.create and not owned_by(route, place.uid):
            return RouteSeen(
                found=True,
                resource_version=route["metadata"].get("resourceVersion", ""),
                problem=f"{place.title} exists and was not created by this ModelRollout: delete it, "
                "or name it as yours in spec.traffic.gatewayAPI instead of create",
            )
        seen = route_seen(route, place.services, _listed(place), place.uid, place.rollout)
        return replace(seen, outdated=self._outdated(place, route))

    async def apply(self, rollout: ModelRollout, intent: TrafficIntent) -> None:
        """Create what is ours and missing, then weights and owner annotation in one JSON patch."""
        place = _place(rollout)
        check_weights(intent.weights, place.services)
        route = self._route(place)
        if route is None:
            route = await self._create_route(place, intent)
        failed: KubeError | None = None
        try:
            await self._keep_pins(place, route)
        except KubeError as error:
            # Pins only spare requests; taking traffic back must not wait for them.
            failed = error
        await self._shift(place, route, intent)
        if failed is not None:
            raise failed

    async def release(self, holding: Holding, *, give_back: bool) -> None:
        """Annotation off and weights back in one JSON patch; pins and a created route go with the ModelRollout."""
        operations = orphan_patch(holding.object, holding.owner, give_back=give_back)
        if operations:
            route = holding.object["metadata"]
            stored = await self._writer.patch(holding.resource, route["namespace"], route["name"], operations)
            self._cache.apply(holding.resource, stored, own=True)

    def watched(self, rollout: ModelRollout) -> frozenset[Resource]:
        """The kind of the route, which is that of its pins too."""
        return frozenset({_place(rollout).resource})

    def _route(self, place: _Place) -> Obj | None:
        return self._cache.get(place.resource, place.namespace, place.name)

    async def _create_route(self, place: _Place, intent: TrafficIntent) -> Obj:
        if place.spec.create is None:
            raise RouteUnusable(f"{place.title} does not exist")
        wanted = with_intent(_created(place, place.spec.create), place.services, intent)
        return self._took(place, await self._writer.create(place.resource, place.namespace, wanted))

    async def _shift(self, place: _Place, route: Obj, intent: TrafficIntent) -> None:
        if place.spec.create is not None:
            if not owned_by(route, place.uid):
                raise RouteUnusable(f"{place.title} was not created by this ModelRollout")
            wanted = _created(place, place.spec.create)
            if not in_frame(route, wanted):
                await self._patch(place, route, reframe_patch(route, with_intent(wanted, place.services, intent)))
                return
        # A listed place may have become another rule: what serves none of our versions is not ours to write to.
        rules = [rule for rule in _reading(place, route).rules if rule.serves_versions or not rule.backends]
        if not rules:
            raise RouteUnusable(f"{place.title} has no rule to manage")
        owner = replace(intent.owner, rules=tuple(rule.name for rule in rules))
        await self._patch(place, route, traffic_patch(route, rules, place.services, replace(intent, owner=owner)))

    async def _keep_pins(self, place: _Place, route: Obj) -> None:
        wanted = _wanted_pins(place, route)
        pins = self._pins(place)
        if pins is None:
            self._took(place, await self._writer.create(place.resource, place.namespace, wanted))
        elif owned_by(pins, place.uid) and not in_frame(pins, wanted):
            await self._patch(place, pins, reframe_patch(pins, wanted))

    def _outdated(self, place: _Place, route: Obj) -> bool:
        pins = self._pins(place)
        if pins is None or (owned_by(pins, place.uid) and not in_frame(pins, _wanted_pins(place, route))):
            return True
        return place.spec.create is not None and not in_frame(route, _created(place, place.spec.create))

    def _pins(self, place: _Place) -> Obj | None:
        return self._cache.get(place.resource, place.namespace, pins_name(place.rollout))

    async def _patch(self, place: _Place, route: Obj, operations: list[dict[str, object]]) -> None:
        if operations:
            name = route["metadata"]["name"]
            self._took(place, await self._writer.patch(place.resource, place.namespace, name, operations))

    def _took(self, place: _Place, stored: Obj) -> Obj:
        """Let the answer to an own write be known at once."""
        self._cache.apply(place.resource, stored, own=True)
        return stored


def _place(rollout: ModelRollout) -> _Place:
    spec, metadata = rollout.spec, rollout.metadata
    gateway = spec.traffic.gateway_api
    if gateway is None:
        raise RouteUnusable(f"ModelRollout {metadata.name} does not shift traffic by a Gateway API route")
    if gateway.create is not None:
        kind, name = gateway.create.kind, metadata.name
    elif gateway.grpc_route is not None:
        kind, name = RouteKind.GRPC_ROUTE, gateway.grpc_route
    else:
        kind, name = RouteKind.HTTP_ROUTE, str(gateway.http_route)
    services = {version.name: version.service for version in spec.versions}
    return _Place(metadata.namespace, metadata.name, metadata.uid, name, _RESOURCES[kind], services, gateway)


def _created(place: _Place, template: RouteTemplate) -> Obj:
    return created_route(template, place.namespace, place.rollout, place.uid, place.services)


def _wanted_pins(place: _Place, route: Obj) -> Obj:
    # The parents of a created route are those of its template, which it may be about to follow.
    shape = _created(place, place.spec.create) if place.spec.create else route
    return pins_route(shape, place.rollout, place.uid, place.services)


def _listed(place: _Place) -> tuple[str, ...] | None:
    # A created route has one rule, wherever the API server keeps no names of rules.
    return ("0",) if place.spec.create else place.spec.rules


def _reading(place: _Place, route: Obj) -> Reading:
    return managed_rules(route, place.services, _listed(place), place.uid)
