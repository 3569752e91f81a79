"""The tap as a sidecar: what of it stands in a pod template and a Service, as strategic merge patches of both."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from modelrollout.api.invariants import Side
from modelrollout.api.telemetry import Telemetry

CONTAINER = "modelrollout-tap"
"""Name of the sidecar. It is no part of what a version runs: the model behind it stays the same."""

PORT, PORT_NAME = 15080, "tap"
ADMIN_PORT, ADMIN_PORT_NAME = 15081, "tap-metrics"
REPLACED = "modelrollout.io/tap-replaced-target-port"
"""Annotation of a Service: the target port that it had before the tap."""

_DELETE = {"name": CONTAINER, "$patch": "delete"}


@dataclass(frozen=True, slots=True)
class Sidecar:
    """What differs between taps.

    Attributes:
        image: with the tag or digest.
        collector: URL of the collector.
        secret: name and key of a Secret with the collector's token, None without.
        headers: request headers that go to the collector.
        bodies: none, responses or both.
        sample: share of the requests that have events.
        server_port: port of the container that serves the model.
    """

    image: str
    collector: str
    secret: tuple[str, str] | None
    headers: tuple[str, ...]
    bodies: str
    sample: float
    server_port: int


def is_tap(container: Mapping[str, Any]) -> bool:
    """Whether a container of a pod template is the tap."""
    return container.get("name") == CONTAINER


def needed_headers(telemetry: Telemetry) -> tuple[str, ...]:
    """The request headers that the collector looks at for this rollout, in lower case, sorted."""
    sources = [telemetry.unit, *telemetry.slices, *(one.flicker for one in telemetry.invariants)]
    return tuple(sorted({one.header.lower() for one in sources if one is not None and one.header is not None}))


def needed_bodies(telemetry: Telemetry) -> str:
    """Which bodies the collector looks into for this rollout: none, responses or both."""
    sources = [telemetry.unit, *telemetry.slices, *(one.flicker for one in telemetry.invariants)]
    if (
        telemetry.sample is not None
        or any(one is not None and one.field is not None for one in sources)
        or any(one.of is Side.REQUEST for one in telemetry.invariants)
    ):
        return "both"
    answers = (telemetry.prediction, telemetry.score, telemetry.invariants or None)
    return "responses" if any(one is not None for one in answers) else "none"


def container(sidecar: Sidecar, workload: str) -> dict[str, Any]:
    """The container, to stand among the init containers: started before the server, ended after it."""
    return {
        "name": CONTAINER,
        "image": sidecar.image,
        "restartPolicy": "Always",
        "args": ["tap"],
        "env": list(_environment(sidecar, workload)),
        "ports": [
            {"name": PORT_NAME, "containerPort": PORT},
            {"name": ADMIN_PORT_NAME, "containerPort": ADMIN_PORT},
        ],
        "readinessProbe": {
            "httpGet": {"path": "/readyz", "port": ADMIN_PORT_NAME},
            "periodSeconds": 2,
            "timeoutSeconds": 3,
        },
        "livenessProbe": {
            "httpGet": {"path": "/healthz", "port": ADMIN_PORT_NAME},
            "periodSeconds": 10,
            "timeoutSeconds": 5,
        },
        "resources": {"requests": {"cpu": "25m", "memory": "64Mi"}, "limits": {"memory": "192Mi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
            "runAsNonRoot": True,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
    }


def _environment(sidecar: Sidecar, workload: str) -> Iterator[dict[str, Any]]:
    for name, path in (("NAMESPACE", "metadata.namespace"), ("POD", "metadata.name")):
        yield {"name": f"MODELROLLOUT_TAP_{name}", "valueFrom": {"fieldRef": {"fieldPath": path}}}
    plain = {
        "WORKLOAD": workload,
        "COLLECTOR": sidecar.collector,
        "PORT": str(PORT),
        "ADMIN_PORT": str(ADMIN_PORT),
        "SERVER_PORT": str(sidecar.server_port),
        "HEADERS": ",".join(sidecar.headers),
        "BODIES": sidecar.bodies,
        "SAMPLE": f"{sidecar.sample:g}",
    }
    for name, value in plain.items():
        yield {"name": f"MODELROLLOUT_TAP_{name}", "value": value}
    if sidecar.secret is not None:
        name, key = sidecar.secret
        yield {"name": "MODELROLLOUT_TAP_TOKEN", "valueFrom": {"secretKeyRef": {"name": name, "key": key}}}


def workload_patch(workload: Mapping[str, Any], added: Mapping[str, Any] | None) -> dict[str, Any]:
    """The patch that puts the container into a Deployment or StatefulSet, or takes it out (None)."""
    change = {"initContainers": [dict(added) if added is not None else _DELETE]}
    return _named(workload) | {"spec": {"template": {"spec": change}}}


def service_patch(service: Mapping[str, Any], port: int, *, tapped: bool) -> dict[str, Any]:
    """The patch that points a port of the Service to the tap, or back to where it pointed before."""
    before = untapped_target_port(service, port)
    change: dict[str, Any] = {"port": port, "targetPort": PORT_NAME if tapped else before}
    entry = _entry(service, port)
    if entry.get("protocol"):
        change["protocol"] = entry["protocol"]
    patch = _named(service)
    patch["metadata"]["annotations"] = {REPLACED: str(before) if tapped else None}
    return patch | {"spec": {"ports": [change]}}


def target_port(service: Mapping[str, Any], port: int) -> int | str:
    """Where a port of the Service points to: number or name of a container's port."""
    found: int | str = _entry(service, port).get("targetPort") or port
    return found


def untapped_target_port(service: Mapping[str, Any], port: int) -> int | str:
    """Where a port of the Service points to without a tap."""
    now = target_port(service, port)
    if now != PORT_NAME:
        return now
    before = str((service["metadata"].get("annotations") or {}).get(REPLACED) or port)
    return int(before) if before.isdigit() else before


def container_port(workload: Mapping[str, Any], target: int | str) -> int | None:
    """Number of the containers' port that a Service's target port means, None when no container has such a port."""
    if isinstance(target, int):
        return target
    for one in workload["spec"]["template"]["spec"]["containers"]:
        for entry in one.get("ports") or []:
            if entry.get("name") == target:
                return int(entry["containerPort"])
    return None


def taken_ports(workload: Mapping[str, Any]) -> frozenset[int]:
    """The tap's own ports that another container of the pods uses."""
    pod = workload["spec"]["template"]["spec"]
    others = [one for kind in ("containers", "initContainers") for one in pod.get(kind) or [] if not is_tap(one)]
    used = {entry.get("containerPort") for one in others for entry in one.get("ports") or []}
    return frozenset({PORT, ADMIN_PORT} & used)


def has_tap(workload: Mapping[str, Any]) -> bool:
    """Whether the pod template has the sidecar."""
    return any(is_tap(one) for one in workload["spec"]["template"]["spec"].get("initContainers") or [])


def _entry(service: Mapping[str, Any], port: int) -> Mapping[str, Any]:
    ports = service["spec"].get("ports") or []
    found: Mapping[str, Any] = next(entry for entry in ports if entry.get("port") == port)
    return found


def _named(obj: Mapping[str, Any]) -> dict[str, Any]:
    metadata = {"name": obj["metadata"]["name"], "namespace": obj["metadata"]["namespace"]}
    return {"apiVersion": obj["apiVersion"], "kind": obj["kind"], "metadata": metadata}
