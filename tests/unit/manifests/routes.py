"""Routes as tests write them."""

from typing import Any

from modelrollout.api import ServiceRef

V7, V8, V9 = (ServiceRef(name=f"fraud-{version}", port=8080) for version in ("v7", "v8", "v9"))
TWO = {"v7": V7, "v8": V8}
THREE = {"v7": V7, "v8": V8, "v9": V9}
UID = "6f1c2c0e-5a51-4a3e-9a0b-0d6a54f0b1aa"


def ref(name: str, weight: int | None = 1, port: int = 8080, **more: Any) -> dict[str, Any]:
    weighted = {} if weight is None else {"weight": weight}
    return {"group": "", "kind": "Service", "name": name, "port": port, **weighted, **more}


def rule(*refs: dict[str, Any], name: str = "", **more: Any) -> dict[str, Any]:
    named = {"name": name} if name else {}
    return {**named, "matches": [{"path": {"type": "PathPrefix", "value": "/"}}], "backendRefs": list(refs), **more}


def route(*rules: dict[str, Any], kind: str = "HTTPRoute", **metadata: Any) -> dict[str, Any]:
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": kind,
        "metadata": {"name": "fraud", "namespace": "risk", "resourceVersion": "41", **metadata},
        "spec": {"parentRefs": [{"name": "public"}], "hostnames": ["fraud.example"], "rules": list(rules)},
    }
