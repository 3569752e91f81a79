"""Where the traffic is shifted: exactly one router."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from modelrollout.api.base import Model
from modelrollout.api.replicas import ReplicaRatio
from modelrollout.api.rules import Rule, at_most_one, exactly_one
from modelrollout.api.values import DnsLabel, DnsSubdomain, HeaderName, Hostname, Port, ShortText


class RouteKind(StrEnum):
    """Kinds of routes of the Gateway API that carry weights."""

    HTTP_ROUTE = "HTTPRoute"
    GRPC_ROUTE = "GRPCRoute"


class ParentRef(Model):
    """The Gateway (or one listener of it) that a created route attaches to."""

    group: DnsSubdomain = Field(default="gateway.networking.k8s.io", description="API group of the parent.")
    kind: Annotated[str, Field(min_length=1, max_length=63, pattern=r"^[a-zA-Z]([-a-zA-Z0-9]*[a-zA-Z0-9])?$")] = Field(
        default="Gateway", description="Kind of the parent."
    )
    namespace: DnsLabel | None = Field(
        default=None, description="Namespace of the parent. Default: that of the ModelRollout."
    )
    name: DnsSubdomain = Field(description="Name of the parent.")
    section_name: DnsSubdomain | None = Field(
        default=None, description="Listener of the Gateway to attach to. Default: every listener that allows it."
    )
    port: Port | None = Field(default=None, description="Port of the listener to attach to. Default: any.")


class PathMatch(Model):
    """A condition on the path of a request."""

    type: Literal["PathPrefix", "Exact", "RegularExpression"] = Field(
        default="PathPrefix", description="How value is compared with the path of the request."
    )
    value: Annotated[str, Field(min_length=1, max_length=1024)] = Field(
        default="/", description="The path, for example /v2/models/fraud."
    )


class HeaderMatch(Model):
    """A header that a request must carry with exactly this value."""

    name: HeaderName = Field(description="Name of the header; case does not matter.")
    value: Annotated[str, Field(min_length=1, max_length=4096)] = Field(description="The exact value.")


class MethodMatch(Model):
    """A condition on the gRPC method of a request."""

    service: Annotated[str, Field(min_length=1, max_length=1024)] | None = Field(
        default=None, description="Full name of the gRPC service, for example inference.GRPCInferenceService."
    )
    method: Annotated[str, Field(min_length=1, max_length=1024)] | None = Field(
        default=None, description="Name of the gRPC method, for example ModelInfer."
    )


class RouteMatch(Model):
    """Which requests a created route takes; all given conditions must hold."""

    path: PathMatch | None = Field(default=None, description="Condition on the path; HTTPRoute only. Default: any.")
    method: MethodMatch | None = Field(
        default=None, description="Condition on the gRPC method; GRPCRoute only. Default: any."
    )
    headers: tuple[HeaderMatch, ...] | None = Field(
        default=None,
        max_length=16,
        description="Headers that the request must carry. Default: none.",
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]},
    )


class RouteTemplate(Model):
    """A route that the operator creates, owns and deletes with the ModelRollout."""

    RULES = (
        Rule(
            "!has(self.match) || !has(self.match.path) || self.kind == 'HTTPRoute'",
            "a GRPCRoute matches no paths: use match.method, or kind HTTPRoute",
            lambda self: not self.match or not self.match.path or self.kind == RouteKind.HTTP_ROUTE,
            "match",
        ),
        Rule(
            "!has(self.match) || !has(self.match.method) || self.kind == 'GRPCRoute'",
            "an HTTPRoute matches no gRPC methods: use match.path, or kind GRPCRoute",
            lambda self: not self.match or not self.match.method or self.kind == RouteKind.GRPC_ROUTE,
            "match",
        ),
    )

    kind: RouteKind = Field(default=RouteKind.HTTP_ROUTE, description="Kind of the route to create.")
    parent_refs: tuple[ParentRef, ...] = Field(
        min_length=1,
        max_length=8,
        description="Gateways that the route attaches to.",
        json_schema_extra={"x-kubernetes-list-type": "atomic"},
    )
    hostnames: tuple[Hostname, ...] | None = Field(
        default=None,
        max_length=16,
        description="Host names that the route answers for. Default: those of the listeners.",
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )
    match: RouteMatch | None = Field(default=None, description="Which requests the route takes. Default: all.")


class GatewayAPI(Model):
    """Weights of the backendRefs of an HTTPRoute or GRPCRoute."""

    RULES = (
        exactly_one(
            {"httpRoute": "http_route", "grpcRoute": "grpc_route", "create": "create"},
            "set exactly one of httpRoute, grpcRoute (a route you own) and create (a route the operator owns)",
        ),
        Rule(
            "!has(self.rules) || !has(self.create)",
            "rules chooses among the rules of a route you own: leave it out together with create",
            lambda self: self.rules is None or self.create is None,
            "rules",
        ),
    )

    http_route: DnsSubdomain | None = Field(
        default=None,
        description=(
            "Name of an HTTPRoute in the namespace of the ModelRollout. Only the weights of the managed rules are "
            "changed; other rules, matches and filters stay as they are."
        ),
    )
    grpc_route: DnsSubdomain | None = Field(
        default=None, description="Name of a GRPCRoute in the namespace of the ModelRollout; otherwise as httpRoute."
    )
    rules: tuple[DnsSubdomain, ...] | None = Field(
        default=None,
        min_length=1,
        max_length=16,
        description=(
            "Names of the route's rules to manage. Default: every rule with backendRefs to two or more of the "
            "versions' Services. A rule with only one of them is never touched."
        ),
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )
    create: RouteTemplate | None = Field(
        default=None, description="Create a route named like the ModelRollout, owned by it, instead of using yours."
    )


class Istio(Model):
    """Weights of the destinations of an Istio VirtualService."""

    virtual_service: DnsSubdomain = Field(
        description=(
            "Name of a VirtualService in the namespace of the ModelRollout. Only the weights of the managed HTTP "
            "routes are changed; all else stays as it is. A destination is a version's by its host, which is the "
            "version's Service: fraud-v7, or fraud-v7.<namespace>.svc.cluster.local."
        )
    )
    routes: tuple[ShortText, ...] | None = Field(
        default=None,
        min_length=1,
        max_length=16,
        description=(
            "Names of the HTTP routes (spec.http[].name) to manage. Default: every route with destinations to two or "
            "more of the versions' Services. A route with only one of them is never touched."
        ),
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )


class SelectorSwitch(Model):
    """One Service whose selector is switched between the versions: 0 or 100 percent."""

    name: DnsLabel = Field(
        description=(
            "Name of the Service that clients use. It is no version's own; its selector is set to that of the Service "
            "of the version that serves."
        )
    )


class Traffic(Model):
    """Who shifts the traffic: exactly one router."""

    RULES = (
        at_most_one(
            {"gatewayAPI": "gateway_api", "istio": "istio", "service": "service", "replicas": "replicas"},
            "set exactly one traffic router, for example traffic.gatewayAPI",
        ),
        Rule(
            "has(self.gatewayAPI) || has(self.istio) || has(self.service) || has(self.replicas)",
            "say who shifts the traffic: set traffic.gatewayAPI with the name of your HTTPRoute",
            lambda self: any((self.gateway_api, self.istio, self.service, self.replicas)),
        ),
    )

    gateway_api: GatewayAPI | None = Field(
        default=None, alias="gatewayAPI", description="Shift traffic by the weights of a Gateway API route."
    )
    istio: Istio | None = Field(
        default=None, description="Shift traffic by the weights of an Istio VirtualService; needs Istio 1.22 or newer."
    )
    service: SelectorSwitch | None = Field(
        default=None,
        description="Switch the selector of a Service, for clusters without a gateway: all traffic or none.",
    )
    replicas: ReplicaRatio | None = Field(
        default=None,
        description=(
            "Shift traffic by numbers of pods behind one Service, for clusters without a gateway: coarse, and only as "
            "even as connections are."
        ),
    )
