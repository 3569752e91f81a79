"""Routes that the operator creates and owns: the pins of every rollout, and the route that the spec asks to `create`.

Both are owned by the ModelRollout, so that the garbage collector takes them with it. What the operator once asked for
is kept as a digest in an annotation: an API server fills in defaults that a later version of the Gateway API may add,
and comparing the whole object with what was asked for would then find a difference for ever.
"""

import copy
import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from modelrollout.api import API_VERSION, HeaderMatch, RouteKind, RouteMatch, RouteTemplate, ServiceRef
from modelrollout.decisions.decision import TrafficIntent
from modelrollout.manifests.json_patch import Operation, add, unchanged
from modelrollout.manifests.json_patch import replace as replacement
from modelrollout.manifests.owners import OWNER, with_owner
from modelrollout.manifests.route_patches import check_weights
from modelrollout.manifests.routes import GATEWAY_API, Route

FRAME = "modelrollout.io/frame"
"""Annotation key: digest of what was asked for, weights apart."""

PIN_HEADER = "x-modelrollout-pin"
"""Header that leads a request to one version; see `pin_value`."""

CREATED_RULE = "model"
"""Name of the one rule of a created route."""


def pins_name(rollout: str) -> str:
    """Name of the route with the pins of this rollout."""
    return f"{rollout}-modelrollout"


def pin_value(uid: str, version: str) -> str:
    """What the pin header must say to reach `version`.

    It comes from the rollout's uid, which is random and never leaves the cluster: nobody outside can guess it, and it
    needs to be stored nowhere.
    """
    return f"{hashlib.sha256(f'{PIN_HEADER} {uid}'.encode()).hexdigest()[:16]}-{version}"


def pins_route(route: Route, rollout: str, uid: str, services: Mapping[str, ServiceRef]) -> dict[str, Any]:
    """A second route with one rule per version, which nobody uses and which keeps the versions' gateway clusters alive.

    A gateway drops the cluster of a Service that has weight 0 in every rule: its counters begin anew, and requests in
    between fail when the weight comes back. A rule that leads to the Service under a private header prevents both.

    Args:
        route: the one that carries the traffic; parents, host names and kind are the same.
        rollout: name of the ModelRollout.
        uid: its uid.
        services: Service of each version.
    """
    spec = {key: route["spec"][key] for key in ("parentRefs", "hostnames") if route["spec"].get(key)}
    rules = []
    for version, service in services.items():
        match: dict[str, Any] = {"headers": [{"type": "Exact", "name": PIN_HEADER, "value": pin_value(uid, version)}]}
        if route["kind"] == RouteKind.HTTP_ROUTE:
            match["path"] = {"type": "PathPrefix", "value": "/"}
        rules.append({"name": version, "matches": [match], "backendRefs": [_backend_ref(service, 1)]})
    name, namespace = pins_name(rollout), route["metadata"]["namespace"]
    return _owned(route["kind"], namespace, name, rollout, uid, {**spec, "rules": rules})


def created_route(
    template: RouteTemplate, namespace: str, rollout: str, uid: str, services: Mapping[str, ServiceRef]
) -> dict[str, Any]:
    """The route that the spec asks to be created, named like the ModelRollout, with no weight for anyone yet.

    Args:
        template: kind, parents, host names and match.
        namespace: of the ModelRollout.
        rollout: its name.
        uid: its uid.
        services: Service of each version.
    """
    spec: dict[str, Any] = {"parentRefs": [parent.to_json() for parent in template.parent_refs]}
    if template.hostnames:
        spec["hostnames"] = list(template.hostnames)
    rule: dict[str, Any] = {"name": CREATED_RULE}
    match = _match(template.kind, template.match or RouteMatch())
    if match:
        rule["matches"] = [match]
    rule["backendRefs"] = [_backend_ref(service, 0) for service in services.values()]
    return _owned(template.kind.value, namespace, rollout, rollout, uid, {**spec, "rules": [rule]})


def with_intent(route: Mapping[str, Any], services: Mapping[str, ServiceRef], intent: TrafficIntent) -> dict[str, Any]:
    """A created route with its weights, saying who has it from its first moment on.

    Raises:
        UnsafeWrite: the intent breaks an invariant.
    """
    check_weights(intent.weights, services)
    result = copy.deepcopy(dict(route))
    refs = result["spec"]["rules"][0]["backendRefs"]
    for version, ref in zip(services, refs, strict=True):
        ref["weight"] = intent.weights[version]
    result["metadata"]["annotations"][OWNER] = with_owner(route, replace(intent.owner, rules=(CREATED_RULE,)))
    return result


def owned_by(route: Route, uid: str) -> bool:
    """Whether that rollout created the route: a route of the same name may be somebody else's."""
    return any(ref.get("uid") == uid for ref in route["metadata"].get("ownerReferences") or [])


def in_frame(route: Route, wanted: Route) -> bool:
    """Whether an own route still is what was asked for, weights and owner annotation apart."""
    annotations = route["metadata"].get("annotations") or {}
    return annotations.get(FRAME) == wanted["metadata"]["annotations"][FRAME] and _covers(
        _without_weights(route["spec"]), _without_weights(wanted["spec"])
    )


def reframe_patch(route: Route, wanted: Route) -> list[Operation]:
    """What makes an own route what is asked for now."""
    annotations = wanted["metadata"]["annotations"]
    if route["metadata"].get("annotations") is None:
        marks = [add(annotations, "metadata", "annotations")]
    else:
        marks = [add(text, "metadata", "annotations", key) for key, text in annotations.items()]
    return [unchanged(route), *marks, replacement(wanted["spec"], "spec")]


def _match(kind: RouteKind, match: RouteMatch) -> dict[str, Any]:
    result: dict[str, Any] = {}
    if kind is RouteKind.HTTP_ROUTE:
        result["path"] = match.path.to_json() if match.path else {"type": "PathPrefix", "value": "/"}
    elif match.method:
        result["method"] = {"type": "Exact", **match.method.to_json()}
    if match.headers:
        result["headers"] = [_header(header) for header in match.headers]
    return result


def _header(header: HeaderMatch) -> dict[str, str]:
    return {"type": "Exact", "name": header.name, "value": header.value}


def _backend_ref(service: ServiceRef, weight: int) -> dict[str, Any]:
    return {"group": "", "kind": "Service", "name": service.name, "port": service.port, "weight": weight}


def _owned(kind: str, namespace: str, name: str, rollout: str, uid: str, spec: dict[str, Any]) -> dict[str, Any]:
    frame = hashlib.sha256(json.dumps(spec, sort_keys=True).encode()).hexdigest()[:16]
    return {
        "apiVersion": GATEWAY_API,
        "kind": kind,
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": {"app.kubernetes.io/managed-by": "modelrollout", "modelrollout.io/rollout": rollout},
            "annotations": {FRAME: frame},
            "ownerReferences": [
                {"apiVersion": API_VERSION, "kind": "ModelRollout", "name": rollout, "uid": uid, "controller": True}
            ],
        },
        "spec": spec,
    }


def _covers(actual: object, wanted: object) -> bool:
    """Whether everything that is wanted is there; more (defaults of the API server) does no harm."""
    if isinstance(wanted, dict):
        return isinstance(actual, dict) and all(
            key in actual and _covers(actual[key], value) for key, value in wanted.items()
        )
    if isinstance(wanted, list):
        return (
            isinstance(actual, list)
            and len(actual) == len(wanted)
            and all(_covers(one, other) for one, other in zip(actual, wanted, strict=True))
        )
    return bool(actual == wanted)


def _without_weights(spec: Mapping[str, Any]) -> dict[str, Any]:
    rules = [
        {
            **{key: value for key, value in rule.items() if key != "name"},
            "backendRefs": [
                {key: value for key, value in ref.items() if key != "weight"} for ref in rule.get("backendRefs") or []
            ],
        }
        for rule in spec.get("rules") or []
    ]
    return {**spec, "rules": rules}
