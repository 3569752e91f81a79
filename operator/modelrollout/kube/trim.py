"""What of an object is worth its memory.

With thousands of rollouts the cache is most of what the operator holds: of other people's objects only what is read is
kept, and the keys, of which every decoded object brings its own copies, are shared.
"""

import sys
from collections.abc import Callable, Mapping
from typing import Any

from modelrollout.kube.resources import (
    AUTOSCALERS,
    BACKENDTRAFFICPOLICIES,
    COMMANDS,
    DEPLOYMENTS,
    ENDPOINTSLICES,
    FREEZES,
    GRPCROUTES,
    HTTPROUTES,
    INFERENCESERVICES,
    MODELROLLOUTS,
    SERVICES,
    STATEFULSETS,
    VIRTUALSERVICES,
    Obj,
    Resource,
)
from modelrollout.manifests.models import MODEL_ANNOTATIONS
from modelrollout.manifests.owners import OWNER

_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_IDENTITY = ("name", "namespace", "uid", "resourceVersion", "generation", "creationTimestamp", "deletionTimestamp")
_CONTAINER = ("name", "image", "command", "args", "env", "envFrom")


def trim(resource: Resource, obj: Obj) -> Obj:
    """The object without what nobody here reads; the one given is left alone."""
    kept = _TRIMS.get(resource, dict)(obj)
    compact: Obj = _compact(kept)
    return compact


def _compact(value: Any) -> Any:  # noqa: ANN401 - JSON
    if isinstance(value, dict):
        return {sys.intern(key): _compact(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_compact(part) for part in value]
    return value


def _ours(obj: Obj) -> Obj:
    return {**obj, "metadata": _metadata(obj, "labels", "annotations", "ownerReferences", "finalizers")}


def _route(obj: Obj) -> Obj:
    metadata = _metadata(obj, "labels", "annotations", "ownerReferences", "managedFields")
    if "managedFields" in metadata:
        # They tell who else writes the weights; what was written to the status says nothing about that.
        fields = [entry for entry in metadata["managedFields"] if not entry.get("subresource")]
        metadata["managedFields"] = fields
    return {**obj, "metadata": metadata}


def _service(obj: Obj) -> Obj:
    spec = obj.get("spec") or {}
    kept = {"ports": [_only(port, "name", "port") for port in spec.get("ports") or []], **_only(spec, "selector")}
    metadata = _metadata(obj, "annotations")
    if OWNER in (metadata.get("annotations") or {}):  # its selector is switched, and others who write it are named
        metadata |= _only(obj["metadata"], "managedFields")
    return {"metadata": metadata, "spec": kept}


def _slice(obj: Obj) -> Obj:
    endpoints = [
        _only(endpoint, "addresses", "conditions")
        | {"targetRef": _only(endpoint.get("targetRef") or {}, "kind", "name")}
        for endpoint in obj.get("endpoints") or []
    ]
    ports = [_only(port, "name", "port") for port in obj.get("ports") or []]
    return {"metadata": _metadata(obj, "labels"), "ports": ports, "endpoints": endpoints}


def _freeze(obj: Obj) -> Obj:
    return {"metadata": _metadata(obj), "data": _only(obj.get("data") or {}, "reason", "until")}


def _workload(obj: Obj) -> Obj:
    spec = obj.get("spec") or {}
    template = spec.get("template") or {}
    pod = template.get("spec") or {}
    pod_spec = {
        kind: [_only(container, *_CONTAINER) for container in pod[kind]]
        for kind in ("containers", "initContainers")
        if kind in pod
    } | _only(pod, "volumes")
    return {
        "metadata": _metadata(obj),
        "spec": _only(spec, "replicas", "selector") | {"template": _annotated(template) | {"spec": pod_spec}},
        "status": _only(obj.get("status") or {}, "conditions"),
    }


def _inference_service(obj: Obj) -> Obj:
    status = _only(obj.get("status") or {}, "deploymentMode", "modelStatus")
    return {"metadata": _metadata(obj, "annotations"), "spec": obj.get("spec") or {}, "status": status}


def _autoscaler(obj: Obj) -> Obj:
    return {"metadata": _metadata(obj), "spec": _only(obj.get("spec") or {}, "scaleTargetRef")}


def _annotated(template: Obj) -> Obj:
    """What a pod template says of its model; most say nothing."""
    kept = _only((template.get("metadata") or {}).get("annotations") or {}, *MODEL_ANNOTATIONS.values())
    return {"metadata": {"annotations": kept}} if kept else {}


def _metadata(obj: Obj, *more: str) -> Obj:
    metadata = _only(obj["metadata"], *_IDENTITY, *more)
    annotations = metadata.get("annotations")
    if annotations and _LAST_APPLIED in annotations:
        metadata["annotations"] = {key: text for key, text in annotations.items() if key != _LAST_APPLIED}
    return metadata


def _only(part: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: part[name] for name in names if name in part}


_TRIMS: Mapping[Resource, Callable[[Obj], Obj]] = {
    MODELROLLOUTS: _ours,
    COMMANDS: _ours,
    HTTPROUTES: _route,
    GRPCROUTES: _route,
    VIRTUALSERVICES: _route,
    BACKENDTRAFFICPOLICIES: _ours,
    SERVICES: _service,
    ENDPOINTSLICES: _slice,
    DEPLOYMENTS: _workload,
    STATEFULSETS: _workload,
    INFERENCESERVICES: _inference_service,
    FREEZES: _freeze,
    AUTOSCALERS: _autoscaler,
}
