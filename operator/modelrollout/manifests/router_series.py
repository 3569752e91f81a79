"""By which of a router's own series its versions are told apart.

What this rests on (Envoy Gateway 1.9, internal/gatewayapi/route.go, with `mergeBackends`): all backendRefs of one
Service port share the cluster `service/<namespace>/<Service>/<port>/<protocol>`; one with filters has a cluster of its
own, `<kind of route>/<namespace>/<route>/rule/<place>/backend/<place>`; where a rule with several keeps sessions they
all share one, and nobody can tell who answered. Copies of requests have a cluster for each filter that makes them,
`<kind of route>/<namespace>/<route>/rule/<place>-mirror-<place of the filter>`. What comes after a dot in a cluster's
name Envoy takes for a part of the metric's name; of these names only that of a route may have one.
"""

from collections.abc import Iterator, Mapping, Sequence

from modelrollout.api import ServiceRef
from modelrollout.decisions.observed import RouterSeries
from modelrollout.manifests.mirrors import mirror_places
from modelrollout.manifests.owners import owners_of
from modelrollout.manifests.routes import ManagedRule, Route

ENVOY_CLUSTER = "envoy_cluster_name"
DESTINATION = "destination_service"
"""The label by which `istio_requests_total` and its like name the Service that answered."""


def gateway_series(
    namespace: str, services: Mapping[str, ServiceRef], route: Route | None, rules: Sequence[ManagedRule]
) -> RouterSeries:
    """Clusters of Envoy Gateway as the managed rules make it name them; without a route, as they are for most."""
    shared = [rule.name for rule in rules if route is not None and _keeps_sessions(route, rule)]
    if shared:
        return RouterSeries(
            ENVOY_CLUSTER,
            problem=f"the gateway counts the versions together, because rule {', '.join(shared)} keeps sessions: "
            "let the models count (series: pods)",
        )
    patterns = {
        version: "|".join(dict.fromkeys(_clusters(namespace, version, service, route, rules)))
        for version, service in services.items()
    }
    if route is not None and "." in _stem(route) and any(_stem(route) in one for one in patterns.values()):
        return RouterSeries(
            ENVOY_CLUSTER,
            problem="the gateway cannot count backends with filters, nor copies of requests, under the name of a route "
            "that has a dot: give the route a name without, or let the models count (series: pods)",
        )
    return RouterSeries(ENVOY_CLUSTER, patterns)


def istio_series(namespace: str, services: Mapping[str, ServiceRef]) -> RouterSeries:
    """Istio names the Service whatever the VirtualService says, under the cluster's domain."""
    return RouterSeries(
        DESTINATION,
        {version: f"{service.name}[.]{namespace}[.]svc[.].+" for version, service in services.items()},
    )


def _clusters(
    namespace: str, version: str, service: ServiceRef, route: Route | None, rules: Sequence[ManagedRule]
) -> Iterator[str]:
    merged = f"service/{namespace}/{service.name}/{service.port}/[a-z0-9]+"
    apart = list(_apart(version, route, rules)) if route is not None else []
    if not apart or len(apart) < sum(backend.version == version for rule in rules for backend in rule.backends):
        yield merged
    yield from apart
    yield from _copies(service, route, rules) if route is not None else ()


def _apart(version: str, route: Route, rules: Sequence[ManagedRule]) -> Iterator[str]:
    """Clusters of the backendRefs of a version that have one of their own."""
    for rule in rules:
        refs = route["spec"]["rules"][rule.index]["backendRefs"]
        for backend in rule.backends:
            if backend.version == version and refs[backend.index].get("filters"):
                yield f"{_stem(route)}/rule/{rule.index}/backend/{backend.index}"


def _copies(service: ServiceRef, route: Route, rules: Sequence[ManagedRule]) -> Iterator[str]:
    """Clusters of the copies of requests that a rollout sends to a version."""
    if not any(owner.mirrors and service.name in owner.services.values() for owner in owners_of(route)):
        return
    for rule in rules:
        written = route["spec"]["rules"][rule.index]
        for place in mirror_places(written, route["metadata"]["namespace"], service):
            yield f"{_stem(route)}/rule/{rule.index}-mirror-{place}"


def _stem(route: Route) -> str:
    metadata = route["metadata"]
    return "/".join((route["kind"].lower(), metadata["namespace"], metadata["name"]))


def _keeps_sessions(route: Route, rule: ManagedRule) -> bool:
    return len(rule.backends) > 1 and bool(route["spec"]["rules"][rule.index].get("sessionPersistence"))
