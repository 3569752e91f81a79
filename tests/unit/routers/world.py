"""Rollouts, and an API server that knows creation, JSON patches and resourceVersions and keeps a log."""

import copy
from collections.abc import Mapping
from typing import Any

from modelrollout.api import ModelRollout, parse_rollout
from modelrollout.decisions.decision import TrafficIntent
from modelrollout.decisions.observed import Owner
from modelrollout.kube.cache import Cache
from modelrollout.kube.client import Patch
from modelrollout.kube.errors import AlreadyExists, Conflict, KubeError
from modelrollout.kube.resources import Obj, Resource
from modelrollout.manifests.json_patch import PatchFailed, apply


class Server:
    """Implements `RouteWriter`; `fail` maps an object's name to the error that its next write meets."""

    def __init__(self, cache: Cache) -> None:
        self.cache = cache
        self.objects: dict[tuple[Resource, str, str], Obj] = {}
        self.writes: list[tuple[str, str]] = []
        self.fail: dict[str, KubeError] = {}
        self._version = 100

    def put(self, resource: Resource, body: Obj, *, seen: bool = True) -> Obj:
        """Store an object as somebody else would; `seen`: the operator's watch has shown it."""
        self._version += 1
        stored = copy.deepcopy(body)
        stored["metadata"]["resourceVersion"] = str(self._version)
        self.objects[resource, stored["metadata"]["namespace"], stored["metadata"]["name"]] = stored
        if seen:
            self.cache.apply(resource, copy.deepcopy(stored))
        return stored

    def get(self, resource: Resource, name: str) -> Obj:
        return self.objects[resource, "risk", name]

    async def create(self, resource: Resource, namespace: str, body: Obj) -> Obj:
        name = body["metadata"]["name"]
        self._write("create", name)
        if (resource, namespace, name) in self.objects:
            raise AlreadyExists(name, 409)
        return self.put(resource, body, seen=False)

    async def patch(self, resource: Resource, namespace: str, name: str, patch: Patch) -> Obj:
        self._write("patch", name)
        assert not isinstance(patch, dict)
        try:
            after = apply(self.objects[resource, namespace, name], [dict(operation) for operation in patch])
        except PatchFailed as error:
            raise Conflict(str(error), 422) from error
        return self.put(resource, after, seen=False)

    def _write(self, verb: str, name: str) -> None:
        self.writes.append((verb, name))
        if name in self.fail:
            raise self.fail.pop(name)


def rollout(
    gateway: dict[str, Any] | None = None,
    versions: tuple[str, ...] = ("v7", "v8"),
    *,
    uid: str = "uid-1",
    name: str = "fraud",
    namespace: str = "risk",
    service: dict[str, Any] | None = None,
) -> ModelRollout:
    traffic = {"service": service} if service else {"gatewayAPI": gateway or {"httpRoute": "fraud"}}
    strategy = {"blueGreen": {}} if service else {"canary": {"weights": [5, 50]}}
    return asking(traffic, strategy, versions, uid=uid, name=name, namespace=namespace)


def asking(
    traffic: Mapping[str, Any],
    strategy: Mapping[str, Any],
    versions: tuple[str, ...] = ("v7", "v8"),
    *,
    uid: str = "uid-1",
    name: str = "fraud",
    namespace: str = "risk",
) -> ModelRollout:
    document = {
        "apiVersion": "modelrollout.io/v1alpha1",
        "kind": "ModelRollout",
        "metadata": {"name": name, "namespace": namespace, "uid": uid},
        "spec": {
            "versions": [
                {
                    "name": version,
                    "service": {"name": f"fraud-{version}", "port": 8080},
                    "workload": {"kind": "Deployment", "name": f"fraud-{version}"},
                }
                for version in versions
            ],
            "target": versions[-1],
            "traffic": traffic,
            "strategy": strategy,
        },
    }
    return parse_rollout(document)


def intent(number: int = 1, /, uid: str = "uid-1", **weights: int) -> TrafficIntent:
    services = {version: f"fraud-{version}" for version in weights}
    return TrafficIntent(weights, Owner(uid=uid, name="fraud", stable="v7", intent=number, services=services))
