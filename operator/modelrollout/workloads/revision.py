"""The identity of what a version runs: two workloads with the same revision would give the same answers."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from modelrollout.manifests.tap import is_tap

Reference = tuple[str, str]
"""Kind (ConfigMap or Secret) and name, in the workload's namespace."""

_PARTS = ("name", "image", "command", "args", "env", "envFrom")
_LENGTH = 16


def revision(
    version: str,
    digest: str,
    pod_spec: Mapping[str, Any],
    contents: Mapping[Reference, str],
    more: Mapping[str, Any] | None = None,
) -> str:
    """Hash of the version's name, its declared digest, what its containers run, and the state of what they read.

    Args:
        version: name of the version.
        digest: of the model, as declared; empty without.
        pod_spec: of the workload's template. Resources, replicas, probes and annotations (restarts) do not count, nor
            does a tap: it passes on what the model answers.
        contents: resourceVersion of each referenced ConfigMap and Secret.
        more: what else decides the answers (`WorkloadKind.identity`).
    """
    identity: dict[str, Any] = {
        "version": version,
        "digest": digest,
        "containers": [_container(one) for one in pod_spec.get("containers") or []],
        "initContainers": [_container(one) for one in _init_containers(pod_spec)],
        "volumes": pod_spec.get("volumes") or [],
        "contents": sorted([*reference, state] for reference, state in contents.items()),
    }
    if more:
        identity["more"] = more
    text = json.dumps(identity, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:_LENGTH]


def references(pod_spec: Mapping[str, Any]) -> frozenset[Reference]:
    """The ConfigMaps and Secrets that the pods read, through their environment or as volumes."""
    return frozenset(_references(pod_spec))


def _init_containers(pod_spec: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [one for one in pod_spec.get("initContainers") or [] if not is_tap(one)]


def _container(container: Mapping[str, Any]) -> dict[str, Any]:
    return {part: container[part] for part in _PARTS if container.get(part)}


def _references(pod_spec: Mapping[str, Any]) -> Iterator[Reference]:
    for container in [*(pod_spec.get("containers") or []), *_init_containers(pod_spec)]:
        for source in container.get("envFrom") or []:
            yield from _named(source, "configMapRef", "secretRef", "name")
        for variable in container.get("env") or []:
            yield from _named(variable.get("valueFrom") or {}, "configMapKeyRef", "secretKeyRef", "name")
    for volume in pod_spec.get("volumes") or []:
        yield from _named(volume, "configMap", "", "name")
        yield from _named(volume, "", "secret", "secretName")
        for source in (volume.get("projected") or {}).get("sources") or []:
            yield from _named(source, "configMap", "secret", "name")


def _named(source: Mapping[str, Any], config_map: str, secret: str, key: str) -> Iterator[Reference]:
    for kind, field in (("ConfigMap", config_map), ("Secret", secret)):
        name = (source.get(field) or {}).get(key) if field else None
        if name:
            yield kind, str(name)
