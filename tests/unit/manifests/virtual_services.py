"""VirtualServices as tests write them."""

from typing import Any


def to(host: str, weight: int | None = None, port: int | None = 8080, subset: str = "", **more: Any) -> dict[str, Any]:
    destination = {
        "host": host,
        **({"port": {"number": port}} if port else {}),
        **({"subset": subset} if subset else {}),
    }
    return {"destination": destination, **({} if weight is None else {"weight": weight}), **more}


def http(*destinations: dict[str, Any], name: str = "", **more: Any) -> dict[str, Any]:
    named = {"name": name} if name else {}
    routed = {"route": list(destinations)} if destinations else {}
    return {**named, "match": [{"uri": {"prefix": "/v2"}}], **routed, **more}


def virtual_service(*routes: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": {"name": "fraud", "namespace": "risk", "resourceVersion": "41", **metadata},
        "spec": {"hosts": ["fraud.example"], "gateways": ["public"], "http": list(routes)},
    }
