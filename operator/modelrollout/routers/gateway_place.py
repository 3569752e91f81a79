"""Where a rollout shifts its traffic by a route of the Gateway API, read off its spec."""

from collections.abc import Mapping
from dataclasses import dataclass

from modelrollout.api import GatewayAPI, HeaderMatch, ModelRollout, RouteKind, ServiceRef
from modelrollout.decisions.traffic import preview_header
from modelrollout.kube.resources import GRPCROUTES, HTTPROUTES, Obj, Resource
from modelrollout.manifests.own_routes import created_route
from modelrollout.manifests.routes import Reading, managed_rules
from modelrollout.routers.port import RouteUnusable

ROUTES = {RouteKind.HTTP_ROUTE: HTTPROUTES, RouteKind.GRPC_ROUTE: GRPCROUTES}


@dataclass(frozen=True, slots=True)
class Place:
    """A route, whose rollout it is for, and what the spec says of it.

    Attributes:
        namespace, rollout, uid: of the ModelRollout.
        name: of the route.
        resource: its kind.
        services: Service of each version.
        spec: as written.
        header: by which the candidate is reached in a preview, None when it is not.
        sticky: name of the header by which users are to be kept on one version in an experiment, empty without one.
        candidates: how many versions an experiment tries at most.
    """

    namespace: str
    rollout: str
    uid: str
    name: str
    resource: Resource
    services: Mapping[str, ServiceRef]
    spec: GatewayAPI
    header: HeaderMatch | None
    sticky: str = ""
    candidates: int = 0

    @property
    def title(self) -> str:
        """Kind and name, for people."""
        return f"{self.resource.kind} {self.name}"

    @property
    def listed(self) -> tuple[str, ...] | None:
        """Rules that are to be managed, None for those with two versions or more."""
        # A created route has one rule, wherever the API server keeps no names of rules.
        return ("0",) if self.spec.create else self.spec.rules

    def created(self) -> Obj | None:
        """The route that is to be created, without weights; None when it is the user's."""
        if self.spec.create is None:
            return None
        return created_route(self.spec.create, self.namespace, self.rollout, self.uid, self.services)

    def reading(self, route: Obj) -> Reading:
        """The managed rules of the route."""
        return managed_rules(route, self.services, self.listed, self.uid)


def place_of(rollout: ModelRollout) -> Place:
    """Where this rollout shifts its traffic.

    Raises:
        RouteUnusable: by something other than a route.
    """
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
    return Place(
        namespace=metadata.namespace,
        rollout=metadata.name,
        uid=metadata.uid,
        name=name,
        resource=ROUTES[kind],
        services=services,
        spec=gateway,
        header=preview_header(spec),
        sticky=spec.strategy.sticky_header,
        candidates=len(spec.candidates or ()),
    )
