"""Who answers behind a Service, from its EndpointSlices."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

Obj = Mapping[str, Any]
"""An object as the API server's JSON has it."""

SERVICE_LABEL = "kubernetes.io/service-name"


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Number of ready endpoints; names of all pods behind the Service, ready or not; where ready pods answer. Sorted.

    An address is host:port. What is no pod has none here: it is nobody whom the operator should call.
    """

    ready: int
    pods: tuple[str, ...]
    addresses: tuple[str, ...] = ()


def service_of(endpoint_slice: Obj) -> str:
    """Name of the Service that the slice belongs to, empty for a slice of nobody's."""
    return str((endpoint_slice["metadata"].get("labels") or {}).get(SERVICE_LABEL, ""))


def port_name(service: Obj | None, port: int) -> str | None:
    """Name of the Service's port of that number (often empty), None when there is no such port."""
    ports = ((service or {}).get("spec") or {}).get("ports") or []
    return next((entry.get("name") or "" for entry in ports if entry.get("port") == port), None)


def endpoints(slices: Iterable[Obj], port: str) -> Endpoints:
    """Endpoints that serve the port of that name, each counted once although IPv4 and IPv6 have slices of their own."""
    ready: set[str] = set()
    pods: set[str] = set()
    addresses: dict[str, str] = {}
    for one in slices:
        numbers = [entry.get("port") for entry in one.get("ports") or [] if (entry.get("name") or "") == port]
        serves = bool(numbers)
        for endpoint in one.get("endpoints") or []:
            target = endpoint.get("targetRef") or {}
            if target.get("kind") == "Pod":
                pods.add(target["name"])
            # Unknown readiness is to be taken as ready (EndpointConditions.ready).
            if serves and (endpoint.get("conditions") or {}).get("ready") is not False:
                ready.add(target.get("name") or endpoint["addresses"][0])
                if target.get("kind") == "Pod" and numbers[0] is not None:
                    addresses[target["name"]] = _joined(endpoint["addresses"][0], numbers[0])
    return Endpoints(len(ready), tuple(sorted(pods)), tuple(sorted(addresses.values())))


def _joined(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
