"""Every router that is built, and how people write and read what it writes to: a new one is one more of KINDS."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from modelrollout.kube.cache import Cache
from modelrollout.kube.resources import (
    ENDPOINTSLICES,
    GRPCROUTES,
    HTTPROUTES,
    SERVICES,
    VIRTUALSERVICES,
    Obj,
    Resource,
)
from modelrollout.manifests.endpoints import SERVICE_LABEL
from modelrollout.manifests.selectors import SWITCH, WEIGHTS
from modelrollout.routers import Router, RouteWriter
from modelrollout.routers.gateway_api import GatewayApiRouter
from modelrollout.routers.istio import IstioRouter
from modelrollout.routers.replicas import ReplicaRatioRouter
from modelrollout.routers.service_selector import ServiceSelectorRouter
from tests.unit.manifests.routes import ref, route, rule
from tests.unit.manifests.virtual_services import http, to, virtual_service

NAME = "fraud"
"""Name of the object that carries the traffic."""


@dataclass(frozen=True)
class Written:
    """A rule as a person writes it.

    Attributes:
        name: of the rule.
        weights: by Service name, in the order of the object; None is a weight that nobody wrote.
        dressed: it also has what else such a rule may have: filters, time-outs.
    """

    name: str
    weights: Mapping[str, int | None]
    dressed: bool = False


Rules = Sequence[Written]


@dataclass(frozen=True)
class Kind:
    """A kind of object that carries traffic.

    Attributes:
        router: who writes it.
        resource: its kind on the API server.
        traffic: `spec.traffic` that asks for it; given names of rules, for these alone.
        write: the object as a person writes it, with these rules.
        read: its weights: by rule, by Service name.
        carriers: names of the fields that say who gets what, at whatever depth; all others are the user's.
        beside: objects without which it makes no sense.
        pods: objects that show so many ready pods of each version as its weight in these rules says.
        strategy: `spec.strategy` that suits it.
        shifted: thousandths that it can be brought to from all on v7.
        rule: name under which its one rule is claimed where it knows no names of rules; empty where it does.
        splits: it can give two versions a part each.
        counted: label of the router's own series, and its value for a Service in a namespace; None: it counts nothing.
        copies: it can send somebody copies of requests.
        keeps: it can keep users on one version.
    """

    router: Callable[[RouteWriter, Cache], Router]
    resource: Resource
    traffic: Callable[..., Mapping[str, Any]]
    write: Callable[[Rules], Obj]
    read: Callable[[Obj], Mapping[str, Mapping[str, int]]]
    carriers: frozenset[str] = frozenset({"weight"})
    beside: tuple[tuple[Resource, Obj], ...] = ()
    pods: Callable[[Rules], tuple[tuple[Resource, Obj], ...]] = lambda _: ()
    strategy: Mapping[str, Any] = field(default_factory=lambda: {"canary": {"weights": [5, 50]}})
    shifted: Mapping[str, int] = field(default_factory=lambda: {"v7": 950, "v8": 50})
    rule: str = ""
    splits: bool = True
    counted: tuple[str, str] | None = None
    copies: bool = False
    keeps: bool = False


def _route_traffic(key: str, *rules: str) -> Mapping[str, Any]:
    return {"gatewayAPI": {key: NAME, **({"rules": list(rules)} if rules else {})}}


def _write_route(kind: str, rules: Rules) -> Obj:
    seen = {"requestHeaderModifier": {"add": [{"name": "x-seen", "value": "1"}]}}
    dress: dict[str, Any] = {"filters": [{"type": "RequestHeaderModifier", **seen}]}
    written = []
    for one in rules:
        more = dress if one.dressed else {}
        # Time-outs of a rule are an HTTPRoute's alone.
        timeouts = {"timeouts": {"request": "5s"}} if one.dressed and kind == "HTTPRoute" else {}
        refs = [ref(service, weight, **more) for service, weight in one.weights.items()]
        written.append(rule(*refs, name=one.name, **more, **timeouts))
        if kind == "GRPCRoute":
            written[-1]["matches"] = [{"method": {"type": "Exact", "service": f"inference.{one.name}"}}]
    return route(*written, kind=kind)


def _read_route(obj: Obj) -> Mapping[str, Mapping[str, int]]:
    return {rule["name"]: {ref["name"]: ref["weight"] for ref in rule["backendRefs"]} for rule in obj["spec"]["rules"]}


def _write_virtual_service(rules: Rules) -> Obj:
    dress: dict[str, Any] = {"timeout": "5s", "fault": {"delay": {"fixedDelay": "1s", "percentage": {"value": 0}}}}
    seen: dict[str, Any] = {"headers": {"request": {"set": {"x-seen": "1"}}}}
    routes = []
    for one in rules:
        more = seen if one.dressed else {}
        destinations = [to(service, weight, **more) for service, weight in one.weights.items()]
        routes.append(http(*destinations, name=one.name, **(dress if one.dressed else {})))
    return virtual_service(*routes)


def _read_virtual_service(obj: Obj) -> Mapping[str, Mapping[str, int]]:
    return {
        route["name"]: {entry["destination"]["host"]: entry.get("weight", 0) for entry in route["route"]}
        for route in obj["spec"]["http"]
    }


def _service(name: str, version: str) -> Obj:
    """One that selects the pods of a version, or of all where none is named."""
    selector = {"app": NAME, **({"version": version} if version else {})}
    return {"metadata": {"name": name}, "spec": {"selector": selector, "ports": [{"name": "http", "port": 8080}]}}


def _write_service(rules: Rules) -> Obj:
    (only,) = rules
    (service,) = (name for name, weight in only.weights.items() if weight)
    return _service(NAME, service.removeprefix(f"{NAME}-"))


def _read_service(obj: Obj) -> Mapping[str, Mapping[str, int]]:
    version = obj["spec"]["selector"]["version"]
    return {SWITCH: {f"{NAME}-{one}": 1000 * (one == version) for one in ("v7", "v8")}}


def _write_shared_service(rules: Rules) -> Obj:
    (only,) = rules
    serving = [name for name, weight in only.weights.items() if weight]
    return _service(NAME, serving[0].removeprefix(f"{NAME}-") if len(serving) == 1 else "")


def _read_shared_service(obj: Obj) -> Mapping[str, Mapping[str, int]]:
    if "version" in obj["spec"]["selector"]:
        return _read_service(obj)
    shares = json.loads(obj["metadata"]["annotations"][WEIGHTS])
    return {SWITCH: {f"{NAME}-{version}": share for version, share in shares.items()}}


def _ready_pods(rules: Rules) -> tuple[tuple[Resource, Obj], ...]:
    """Where one version alone is selected the pods of the other one are ready, too."""
    (only,) = rules
    counts = only.weights if all(only.weights.values()) else dict(zip(only.weights, (9, 1), strict=True))
    slices = []
    for service, count in counts.items():
        ready = [{"addresses": [f"10.1.0.{number + 1}"], "conditions": {"ready": True}} for number in range(count or 0)]
        body = {
            "metadata": {"name": service, "labels": {SERVICE_LABEL: service}},
            "addressType": "IPv4",
            "endpoints": ready,
            "ports": [{"name": "http", "port": 8080}],
        }
        slices.append((ENDPOINTSLICES, body))
    return tuple(slices)


_BY_GATEWAY = ("envoy_cluster_name", "service/{namespace}/{service}/8080/http")
_BY_ISTIO = ("destination_service", "{service}.{namespace}.svc.cluster.local")

KINDS = {
    "HTTPRoute": Kind(
        GatewayApiRouter,
        HTTPROUTES,
        partial(_route_traffic, "httpRoute"),
        partial(_write_route, "HTTPRoute"),
        _read_route,
        counted=_BY_GATEWAY,
        copies=True,
        keeps=True,
    ),
    "GRPCRoute": Kind(
        GatewayApiRouter,
        GRPCROUTES,
        partial(_route_traffic, "grpcRoute"),
        partial(_write_route, "GRPCRoute"),
        _read_route,
        counted=_BY_GATEWAY,
        copies=True,
        keeps=True,
    ),
    "VirtualService": Kind(
        IstioRouter,
        VIRTUALSERVICES,
        lambda *routes: {"istio": {"virtualService": NAME, **({"routes": list(routes)} if routes else {})}},
        _write_virtual_service,
        _read_virtual_service,
        counted=_BY_ISTIO,
        copies=True,
    ),
    "Service": Kind(
        ServiceSelectorRouter,
        SERVICES,
        lambda: {"service": {"name": NAME}},
        _write_service,
        _read_service,
        carriers=frozenset({"selector"}),
        beside=tuple((SERVICES, _service(f"{NAME}-{version}", version)) for version in ("v7", "v8")),
        strategy={"blueGreen": {}},
        shifted={"v7": 0, "v8": 1000},
        rule=SWITCH,
        splits=False,
    ),
    "Service over all versions": Kind(
        ReplicaRatioRouter,
        SERVICES,
        lambda: {"replicas": {"service": NAME, "total": 10}},
        _write_shared_service,
        _read_shared_service,
        carriers=frozenset({"selector"}),
        beside=tuple((SERVICES, _service(f"{NAME}-{version}", version)) for version in ("v7", "v8")),
        pods=_ready_pods,
        strategy={"canary": {"weights": [10, 50]}},
        shifted={"v7": 900, "v8": 100},
        rule=SWITCH,
    ),
}
