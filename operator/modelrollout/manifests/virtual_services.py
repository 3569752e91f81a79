"""Reading an Istio VirtualService: which of its HTTP routes are managed, and who gets what.

What this rests on (Istio 1.31, pilot/pkg/networking/core/route): weights may have any sum; a destination without a
weight has none beside others, and a single one has everything whatever its weight says; a host without a dot is a
Service in the namespace of the VirtualService, any other is a full name; a port is needed only where the Service has
several. `spec.http` is one atomic list, so that managed fields know a single last writer of it, and the names of its
entries need not be unique.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from modelrollout.api import TOTAL_WEIGHT, ServiceRef
from modelrollout.decisions.observed import Mirror, RouteSeen, RuleSeen
from modelrollout.manifests.managed_fields import last_writer
from modelrollout.manifests.owners import owner_for, owners_of
from modelrollout.manifests.routes import Backend, ManagedRule, Reading, choose
from modelrollout.manifests.shares import thousandths

VirtualService = Mapping[str, Any]
"""A VirtualService as the API server's JSON has it."""

Services = Mapping[str, ServiceRef]
"""Service of each version."""


def http_routes(document: VirtualService) -> Sequence[Mapping[str, Any]]:
    """Its HTTP routes; those of TCP and TLS know nothing of requests and are left alone."""
    return document["spec"].get("http") or ()


def managed_routes(document: VirtualService, services: Services, listed: Sequence[str] | None, uid: str) -> Reading:
    """Find the HTTP routes whose weights are ours; as `routes.managed_rules`."""
    return choose(rules_of(document, services), owners_of(document), listed, uid)


def rules_of(document: VirtualService, services: Services) -> list[ManagedRule]:
    """All HTTP routes, with the version that each destination belongs to and the weight that it amounts to."""
    namespace = document["metadata"].get("namespace", "")
    return [
        ManagedRule(index, route.get("name") or str(index), _backends(route.get("route") or (), namespace, services))
        for index, route in enumerate(http_routes(document))
    ]


def service_of(host: str, namespace: str) -> str:
    """The Service in `namespace` that a host in a VirtualService of that namespace means, empty for any other host."""
    if "." not in host:
        return host
    name, _, rest = host.partition(".")
    # What comes after `svc` is the domain of the cluster, which is not the same everywhere.
    return name if rest.startswith(f"{namespace}.svc.") else ""


def virtual_service_seen(
    document: VirtualService, services: Services, listed: Sequence[str] | None, uid: str, rollout: str
) -> RouteSeen:
    """What a decision may know of it; arguments as in `routes.route_seen`.

    Istio tells of no acceptance: a VirtualService counts as accepted once it is there. That the Services of versions
    with weight exist and have ready endpoints is seen to elsewhere.
    """
    reading = managed_routes(document, services, listed, uid)
    owner = owner_for(document, uid, rollout, [rule.name for rule in reading.rules])
    adopted = owner is not None and owner.uid == uid
    mirrors = adopted and owner is not None and owner.mirrors
    namespace = document["metadata"].get("namespace", "")
    problem = _problem(document, reading, services)
    return RouteSeen(
        found=True,
        accepted=True,
        problem=problem,
        resource_version=document["metadata"].get("resourceVersion", ""),
        rules=()
        if problem
        else tuple(
            replace(
                _rule_seen(rule, services, adopted=adopted),
                mirrors=mirrors_of(http_routes(document)[rule.index], namespace, services) if mirrors else (),
            )
            for rule in reading.rules
        ),
        no_mirror=_no_mirror(document, reading),
        owner=owner,
        writer=last_writer(document, "f:spec", "f:http"),
    )


def mirrors_of(route: Mapping[str, Any], namespace: str, services: Services) -> tuple[Mirror, ...]:
    """The copies of an HTTP route that go to Services of versions, in their order."""
    names = {service.name for service in services.values()}
    return tuple(
        _mirror(route["mirrors"][place], namespace, services) for place in mirror_places(route, namespace, names)
    )


def mirror_places(route: Mapping[str, Any], namespace: str, names: Collection[str]) -> list[int]:
    """Where in its `mirrors` an HTTP route copies to Services of these names."""
    entries = route.get("mirrors") or ()
    return [place for place, one in enumerate(entries) if service_of(one["destination"]["host"], namespace) in names]


def _mirror(entry: Mapping[str, Any], namespace: str, services: Services) -> Mirror:
    destination = entry["destination"]
    name, port = service_of(destination["host"], namespace), (destination.get("port") or {}).get("number")
    version = next((v for v, one in services.items() if one.name == name and port in (None, one.port)), "")
    percent = (entry.get("percentage") or {}).get("value", 100.0)
    return Mirror(version, round(percent * TOTAL_WEIGHT / 100))


def _no_mirror(document: VirtualService, reading: Reading) -> str:
    """Istio allows an HTTP route either its older `mirror` or the list `mirrors`, which leaves room for ours."""
    older = [rule.name for rule in reading.rules if http_routes(document)[rule.index].get("mirror")]
    if not older:
        return ""
    name = document["metadata"].get("name", "")
    return (
        f"HTTP route {', '.join(older)} of VirtualService {name} has a mirror of its own: "
        "write it as an entry of mirrors, beside which there is room for another"
    )


def _backends(destinations: Sequence[Mapping[str, Any]], namespace: str, services: Services) -> tuple[Backend, ...]:
    alone = len(destinations) == 1
    return tuple(
        _backend(index, entry, TOTAL_WEIGHT if alone else max(entry.get("weight") or 0, 0), namespace, services)
        for index, entry in enumerate(destinations)
    )


def _backend(index: int, entry: Mapping[str, Any], weight: int, namespace: str, services: Services) -> Backend:
    destination = entry["destination"]
    host, port = destination["host"], (destination.get("port") or {}).get("number")
    name = service_of(host, namespace)
    version = next((v for v, one in services.items() if one.name == name and port in (None, one.port)), "")
    subset = f" (subset {destination['subset']})" if destination.get("subset") else ""
    wrong_port = not version and any(one.name == name for one in services.values())
    return Backend(index, version, name or host, f"{host}{f':{port}' if wrong_port else ''}{subset}", weight)


def _rule_seen(rule: ManagedRule, services: Services, *, adopted: bool) -> RuleSeen:
    weights = dict.fromkeys(services, 0)
    for backend in rule.backends:
        if backend.version:
            weights[backend.version] += backend.weight or 0
    present = {backend.version for backend in rule.backends}
    # As with routes: what has left the spec after the adoption and has no weight harms nobody.
    strangers = {
        backend.text: None for backend in rule.backends if not backend.version and (backend.weight or not adopted)
    }
    return RuleSeen(
        name=rule.name,
        weights=thousandths(weights),
        absent=tuple(version for version in services if version not in present),
        unknown=tuple(strangers),
    )


def _problem(document: VirtualService, reading: Reading, services: Services) -> str:
    title = f"VirtualService {document['metadata'].get('name', '')}"
    if reading.lacking:
        have = ", ".join(route.get("name") or str(index) for index, route in enumerate(http_routes(document)))
        return (
            f"{title} has no HTTP route {', '.join(reading.lacking)} (it has: {have or 'none'}): "
            "correct spec.traffic.istio.routes, or name the route in the VirtualService"
        )
    empty = [rule.name for rule in reading.rules if not rule.backends]
    if empty:
        return (
            f"HTTP route {', '.join(empty)} of {title} has no destinations, it redirects, delegates or answers by "
            "itself: list a route with destinations in spec.traffic.istio.routes"
        )
    if not reading.rules:
        hosts = ", ".join(service.name for service in services.values())
        subsets = any(
            (entry.get("destination") or {}).get("subset")
            for route in http_routes(document)
            for entry in route.get("route") or ()
        )
        hint = ". Subsets of one host are not told apart: give every version a Service" if subsets else ""
        return (
            f"no HTTP route of {title} has destinations to two of {hosts}: add a destination for each version to the "
            f"route that serves the model, or list that route in spec.traffic.istio.routes{hint}"
        )
    return ""
