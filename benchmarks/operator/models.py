"""Models on the API server: two versions behind a route each, with endpoints written by hand, for nothing runs pods."""

import asyncio
from collections.abc import Awaitable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from modelrollout.kube.client import Client
from modelrollout.kube.resources import (
    CONFIGMAPS,
    DEPLOYMENTS,
    ENDPOINTSLICES,
    HTTPROUTES,
    MODELROLLOUTS,
    SERVICES,
    Obj,
)

OLD, NEW = "v7", "v8"
AT_ONCE = 16


def names(count: int) -> list[str]:
    """Names of which none begins another, so that a request tells by its path which model it is about."""
    return [f"model-{number:04}" for number in range(count)]


async def together(work: Iterable[Awaitable[Any]]) -> None:
    """Do everything, some of it at once."""
    seats = asyncio.Semaphore(AT_ONCE)

    async def one(part: Awaitable[Any]) -> None:
        async with seats:
            await part

    await asyncio.gather(*map(one, work))


def canary(interval: str, hold: str, weights: Sequence[float]) -> Obj:
    """What differs between the measurements: strategy and analysis."""
    return {
        "strategy": {"canary": {"weights": list(weights), "hold": hold, "samples": 50}},
        "analysis": {"interval": interval, "warmUp": "0s"},
    }


async def create(client: Client, namespace: str, name: str, plan: Obj) -> None:
    """Create a model whose old version has all the traffic, and its rollout."""
    await client.create(CONFIGMAPS, namespace, {"metadata": {"name": f"{name}-settings"}, "data": {"threads": "4"}})
    for version in (OLD, NEW):
        await client.create(SERVICES, namespace, _service(f"{name}-{version}"))
        await client.create(DEPLOYMENTS, namespace, _deployment(name, version))
        await client.create(ENDPOINTSLICES, namespace, _slice(namespace, f"{name}-{version}"))
    route = await client.create(HTTPROUTES, namespace, _route(namespace, name))
    await client.replace(HTTPROUTES, namespace, name, {**route, "status": _accepted()}, "status")
    await client.create(MODELROLLOUTS, namespace, _rollout(namespace, name, plan))


def pod(name: str, version: str) -> str:
    """Name of the only pod of a version."""
    return f"{name}-{version}-0"


def _service(name: str) -> Obj:
    return {"metadata": {"name": name}, "spec": {"ports": [{"name": "http", "port": 8080}]}}


def _deployment(name: str, version: str) -> Obj:
    labels = {"app": f"{name}-{version}"}
    reads = [{"configMapRef": {"name": f"{name}-settings"}}]
    container = {"name": "model", "image": f"registry.invalid/model:{version}", "envFrom": reads}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    return {
        "metadata": {"name": f"{name}-{version}"},
        "spec": {"selector": {"matchLabels": labels}, "template": template},
    }


def _slice(namespace: str, name: str) -> Obj:
    target = {"kind": "Pod", "namespace": namespace, "name": f"{name}-0"}
    return {
        "metadata": {"name": f"{name}-1", "labels": {"kubernetes.io/service-name": name}},
        "addressType": "IPv4",
        "ports": [{"name": "http", "port": 8080}],
        "endpoints": [{"addresses": ["192.0.2.7"], "conditions": {"ready": True}, "targetRef": target}],
    }


def _route(namespace: str, name: str) -> Obj:
    refs = [{"name": f"{name}-{version}", "port": 8080, "weight": weight} for version, weight in ((OLD, 1), (NEW, 0))]
    return {
        "apiVersion": HTTPROUTES.api_version,
        "kind": HTTPROUTES.kind,
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"parentRefs": [{"name": "gateway"}], "rules": [{"backendRefs": refs}]},
    }


def _accepted() -> Obj:
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    condition = {"type": "Accepted", "status": "True", "reason": "Accepted", "message": "", "lastTransitionTime": now}
    parent = {"parentRef": {"name": "gateway"}, "controllerName": "example.com/bench", "conditions": [condition]}
    return {"parents": [parent]}


def _rollout(namespace: str, name: str, plan: Obj) -> Obj:
    versions = [
        {
            "name": version,
            "service": {"name": f"{name}-{version}", "port": 8080},
            "workload": {"kind": "Deployment", "name": f"{name}-{version}"},
        }
        for version in (OLD, NEW)
    ]
    errors = {
        "name": "errors",
        "better": "Lower",
        "proportion": {"bad": 'requests_total{code=~"5.."}', "total": "requests_total"},
        "margin": {"difference": 0.02},
    }
    spec = {
        "versions": versions,
        "target": OLD,
        "traffic": {"gatewayAPI": {"httpRoute": name}},
        "metrics": [errors],
        "watch": "5s",
        **plan,
    }
    return {
        "apiVersion": MODELROLLOUTS.api_version,
        "kind": MODELROLLOUTS.kind,
        "metadata": {"name": name, "namespace": namespace},
        "spec": spec,
    }
