"""Traffic by the weights of a Gateway API route: HTTPRoute or GRPCRoute, the user's or one of our own."""

from dataclasses import replace

from modelrollout.api import ModelRollout
from modelrollout.decisions.claims import Claimed
from modelrollout.decisions.decision import TrafficIntent
from modelrollout.decisions.observed import RouteSeen, RuleSeen
from modelrollout.kube.cache import Cache
from modelrollout.kube.errors import KubeError
from modelrollout.kube.resources import BACKENDTRAFFICPOLICIES, Obj, Resource
from modelrollout.manifests.own_routes import CREATED_RULE, in_frame, owned_by, reframe_patch, with_intent
from modelrollout.manifests.owners import owners_of
from modelrollout.manifests.route_patches import check_weights, orphan_patch, traffic_patch, under_way
from modelrollout.manifests.router_series import gateway_series
from modelrollout.manifests.routes import route_seen
from modelrollout.routers.gateway_place import ROUTES, Place, place_of
from modelrollout.routers.port import Holding, RouteUnusable, RouteWriter
from modelrollout.routers.second_route import SecondRoute
from modelrollout.routers.sticky_policy import StickyPolicy


class GatewayApiRouter:
    """The router of `spec.traffic.gatewayAPI`; see `Router` for its verbs."""

    def __init__(self, writer: RouteWriter, cache: Cache) -> None:
        self._writer = writer
        self._cache = cache
        self._second = SecondRoute(writer, cache)
        self._sticky = StickyPolicy(writer, cache)

    @property
    def kinds(self) -> frozenset[Resource]:
        """HTTPRoutes and GRPCRoutes."""
        return frozenset(ROUTES.values())

    def claims(self, rollout: ModelRollout) -> frozenset[Claimed]:
        """Rules by name, or by place where the route gives none; listed ones also while the route is missing."""
        place = place_of(rollout)
        route = self._route(place)
        if route is None:
            names = (CREATED_RULE,) if place.spec.create else place.spec.rules or ()
        else:
            reading = place.reading(route)
            names = (*(rule.name for rule in reading.rules), *reading.lacking)
        return frozenset(Claimed(place.resource.kind, place.namespace, place.name, name) for name in names)

    def observe(self, rollout: ModelRollout) -> RouteSeen:
        """The route from the cache; one that is ours to create is seen while missing too: without weights."""
        place = place_of(rollout)
        route = self._route(place)
        if route is None:
            return _missing(place)
        wanted = place.created()
        if wanted is not None and not owned_by(route, place.uid):
            return RouteSeen(
                found=True,
                resource_version=route["metadata"].get("resourceVersion", ""),
                problem=f"{place.title} exists and was not created by this ModelRollout: delete it, "
                "or name it as yours in spec.traffic.gatewayAPI instead of create",
            )
        seen, second = self._seen(place, route), self._second.look(place, route)
        kept = self._sticky.look(place, route, seen.rules)
        reframed = wanted is not None and not in_frame(route, wanted, weights=False)
        series = gateway_series(place.namespace, place.services, route, place.reading(route).rules)
        return replace(
            seen,
            outdated=second.outdated or kept.outdated or reframed,
            preview=second.preview,
            aside=second.aside,
            series=series,
            sticky=replace(kept.sticky, under_way=under_way(route, place.reading(route).rules)),
        )

    async def apply(self, rollout: ModelRollout, intent: TrafficIntent) -> None:
        """Create what is ours and missing, then weights and owner annotation in one JSON patch."""
        place = place_of(rollout)
        check_weights(intent.weights, place.services)
        route = self._route(place)
        if route is None:
            route = await self._create_route(place, intent)
        failed: KubeError | None = None
        try:
            await self._second.keep(place, route, intent.preview)
        except KubeError as error:
            # Pins only spare requests; taking traffic back must not wait for them.
            failed = error
        if intent.sticky is None:
            try:
                await self._sticky.keep(place, route, None)
            except KubeError as error:
                # Nor for the policy. It is looked after as long as the annotation says that it keeps users.
                failed, intent = error, replace(intent, owner=replace(intent.owner, sticks=_sticks(route, place.uid)))
        await self._shift(place, route, intent)
        if failed is not None:
            raise failed
        if intent.sticky is not None and (marked := self._keeps(place)) is not None:
            await self._sticky.keep(place, marked, intent.sticky)

    async def release(self, holding: Holding, *, give_back: bool) -> None:
        """Annotation off, weights back, in one JSON patch; second and created routes go with the ModelRollout."""
        operations = orphan_patch(holding.object, holding.owner, give_back=give_back)
        if operations:
            route = holding.object["metadata"]
            stored = await self._writer.patch(holding.resource, route["namespace"], route["name"], operations)
            self._cache.apply(holding.resource, stored, own=True)

    def watched(self, rollout: ModelRollout) -> frozenset[Resource]:
        """The kind of the route, which is that of the second one too; and policies, while they keep users."""
        place = place_of(rollout)
        route = self._route(place)
        keeps = route is not None and bool(_sticks(route, place.uid))
        return frozenset({place.resource, *((BACKENDTRAFFICPOLICIES,) if place.sticky or keeps else ())})

    def _route(self, place: Place) -> Obj | None:
        return self._cache.get(place.resource, place.namespace, place.name)

    def _seen(self, place: Place, route: Obj) -> RouteSeen:
        return route_seen(route, place.services, place.listed, place.uid, place.rollout)

    def _keeps(self, place: Place) -> Obj | None:
        """The route, once all its managed rules have what keeps users; a hash before that would only move clusters."""
        route = self._route(place)
        return route if route is not None and all(one.sticky for one in self._seen(place, route).rules) else None

    async def _create_route(self, place: Place, intent: TrafficIntent) -> Obj:
        created = place.created()
        if created is None:
            raise RouteUnusable(f"{place.title} does not exist")
        wanted = with_intent(created, place.services, intent)
        return self._took(place, await self._writer.create(place.resource, place.namespace, wanted))

    async def _shift(self, place: Place, route: Obj, intent: TrafficIntent) -> None:
        created = place.created()
        if created is not None:
            if not owned_by(route, place.uid):
                raise RouteUnusable(f"{place.title} was not created by this ModelRollout")
            if not in_frame(route, created, weights=False):
                await self._patch(place, route, reframe_patch(route, with_intent(created, place.services, intent)))
                return
        # A listed place may have become another rule: what serves none of our versions is not ours to write to.
        rules = [rule for rule in place.reading(route).rules if rule.serves_versions or not rule.backends]
        if not rules:
            raise RouteUnusable(f"{place.title} has no rule to manage")
        owner = replace(intent.owner, rules=tuple(rule.name for rule in rules))
        await self._patch(place, route, traffic_patch(route, rules, place.services, replace(intent, owner=owner)))

    async def _patch(self, place: Place, route: Obj, operations: list[dict[str, object]]) -> None:
        if operations:
            name = route["metadata"]["name"]
            self._took(place, await self._writer.patch(place.resource, place.namespace, name, operations))

    def _took(self, place: Place, stored: Obj) -> Obj:
        """Let the answer to an own write be known at once."""
        self._cache.apply(place.resource, stored, own=True)
        return stored


def _sticks(route: Obj, uid: str) -> tuple[str, ...]:
    """In which order that rollout keeps users, empty while it keeps none."""
    return next((owner.sticks for owner in owners_of(route) if owner.uid == uid), ())


def _missing(place: Place) -> RouteSeen:
    series = gateway_series(place.namespace, place.services, None, ())
    if place.spec.create:
        rules = (RuleSeen(CREATED_RULE, absent=tuple(place.services)),)
        return RouteSeen(found=True, accepted=True, rules=rules, series=series)
    problem = f"{place.title} does not exist: create it, or correct spec.traffic.gatewayAPI"
    return RouteSeen(problem=problem, series=series)
