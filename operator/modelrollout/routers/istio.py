"""Traffic by the weights of an Istio VirtualService.

Istio tells its proxies of every Service, whatever its weight: nothing has to be kept alive by pins, as with the
Gateway API, and the VirtualService is all that is written.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from modelrollout.api import ModelRollout, ServiceRef
from modelrollout.decisions.claims import Claimed
from modelrollout.decisions.decision import TrafficIntent
from modelrollout.decisions.observed import RouteSeen
from modelrollout.kube.cache import Cache
from modelrollout.kube.resources import VIRTUALSERVICES, Obj, Resource
from modelrollout.manifests.json_patch import Operation
from modelrollout.manifests.route_patches import check_weights
from modelrollout.manifests.router_series import istio_series
from modelrollout.manifests.virtual_service_patches import release_patch, weights_patch
from modelrollout.manifests.virtual_services import managed_routes, virtual_service_seen
from modelrollout.routers.port import Holding, RouteUnusable, RouteWriter


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a rollout's traffic is shifted, read off its spec."""

    namespace: str
    rollout: str
    uid: str
    name: str
    listed: tuple[str, ...] | None
    services: Mapping[str, ServiceRef]


class IstioRouter:
    """The router of `spec.traffic.istio`; see `Router` for its verbs."""

    def __init__(self, writer: RouteWriter, cache: Cache) -> None:
        self._writer = writer
        self._cache = cache

    @property
    def kinds(self) -> frozenset[Resource]:
        """VirtualServices."""
        return frozenset({VIRTUALSERVICES})

    def claims(self, rollout: ModelRollout) -> frozenset[Claimed]:
        """HTTP routes by name, or by place where they have none; listed ones also while there is no VirtualService."""
        place = _place(rollout)
        document = self._document(place)
        if document is None:
            names = place.listed or ()
        else:
            reading = managed_routes(document, place.services, place.listed, place.uid)
            names = (*(rule.name for rule in reading.rules), *reading.lacking)
        return frozenset(Claimed(VIRTUALSERVICES.kind, place.namespace, place.name, name) for name in names)

    def observe(self, rollout: ModelRollout) -> RouteSeen:
        """The VirtualService from the cache."""
        place = _place(rollout)
        document, series = self._document(place), istio_series(place.namespace, place.services)
        if document is None:
            return RouteSeen(
                problem=f"VirtualService {place.name} does not exist: create it, correct spec.traffic.istio, or "
                "install Istio 1.22 or newer",
                series=series,
            )
        seen = virtual_service_seen(document, place.services, place.listed, place.uid, place.rollout)
        return replace(seen, series=series)

    async def apply(self, rollout: ModelRollout, intent: TrafficIntent) -> None:
        """Weights and owner annotation in one JSON patch."""
        place = _place(rollout)
        check_weights(intent.weights, place.services)
        document = self._document(place)
        if document is None:
            raise RouteUnusable(f"VirtualService {place.name} does not exist")
        reading = managed_routes(document, place.services, place.listed, place.uid)
        # A listed place may have become another route: what serves none of our versions is not ours to write to.
        rules = [rule for rule in reading.rules if rule.serves_versions]
        if not rules:
            raise RouteUnusable(f"VirtualService {place.name} has no HTTP route to manage")
        ours = replace(intent, owner=replace(intent.owner, rules=tuple(rule.name for rule in rules)))
        await self._patch(document, weights_patch(document, rules, place.services, ours))

    async def release(self, holding: Holding, *, give_back: bool) -> None:
        """Annotation off and weights back in one JSON patch."""
        await self._patch(holding.object, release_patch(holding.object, holding.owner, give_back=give_back))

    def watched(self, rollout: ModelRollout) -> frozenset[Resource]:
        """VirtualServices."""
        del rollout
        return self.kinds

    def _document(self, place: _Place) -> Obj | None:
        return self._cache.get(VIRTUALSERVICES, place.namespace, place.name)

    async def _patch(self, document: Obj, operations: list[Operation]) -> None:
        if operations:
            metadata = document["metadata"]
            stored = await self._writer.patch(VIRTUALSERVICES, metadata["namespace"], metadata["name"], operations)
            self._cache.apply(VIRTUALSERVICES, stored, own=True)


def _place(rollout: ModelRollout) -> _Place:
    spec, metadata = rollout.spec, rollout.metadata
    if spec.traffic.istio is None:
        raise RouteUnusable(f"ModelRollout {metadata.name} does not shift traffic by an Istio VirtualService")
    return _Place(
        namespace=metadata.namespace,
        rollout=metadata.name,
        uid=metadata.uid,
        name=spec.traffic.istio.virtual_service,
        listed=spec.traffic.istio.routes,
        services={version.name: version.service for version in spec.versions},
    )
