"""Routes that the operator creates and owns: the route that the spec asks to `create`, and what all of them share.

They are owned by the ModelRollout, so that the garbage collector takes them with it. What the operator once asked for
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
from modelrollout.manifests.mirrors import mirror_filter
from modelrollout.manifests.owners import OWNER, with_owner
from modelrollout.manifests.route_patches import check_weights
from modelrollout.manifests.routes import GATEWAY_API, Route
from modelrollout.manifests.sticky_rules import Split, kept_refs, unkept

FRAME = "modelrollout.io/frame"
"""Annotation key: digest of what was asked for, weights apart."""

CREATED_RULE = "model"
"""Name of the one rule of a created route."""


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
    rule["backendRefs"] = [backend_ref(service, 0) for service in services.values()]
    return owned_route(template.kind.value, namespace, rollout, rollout, uid, {**spec, "rules": [rule]})


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
    if intent.sticky is not None:
        split = Split(services, route["metadata"]["namespace"], intent.weights)
        result["spec"]["rules"][0]["backendRefs"] = kept_refs(refs, split, intent.sticky)
    if intent.mirror is not None:
        result["spec"]["rules"][0]["filters"] = [mirror_filter(services[intent.mirror.version], intent.mirror.share)]
    result["metadata"]["annotations"][OWNER] = with_owner(route, replace(intent.owner, rules=(CREATED_RULE,)))
    return result


def owned_by(route: Route, uid: str) -> bool:
    """Whether that rollout created the route: a route of the same name may be somebody else's."""
    return any(ref.get("uid") == uid for ref in route["metadata"].get("ownerReferences") or [])


def in_frame(route: Route, wanted: Route, *, weights: bool = True) -> bool:
    """Whether an own route still is what was asked for, the owner annotation apart; `weights`: these count, too.

    What keeps users on one version comes and goes with the weights, and is no part of the frame.
    """
    annotations = route["metadata"].get("annotations") or {}
    return annotations.get(FRAME) == wanted["metadata"]["annotations"][FRAME] and _covers(
        _shape(route["spec"], weights=weights), _shape(wanted["spec"], weights=weights)
    )


def reframe_patch(route: Route, wanted: Route) -> list[Operation]:
    """What makes an own route what is asked for now."""
    annotations = wanted["metadata"]["annotations"]
    if route["metadata"].get("annotations") is None:
        marks = [add(annotations, "metadata", "annotations")]
    else:
        marks = [add(text, "metadata", "annotations", key) for key, text in annotations.items()]
    return [unchanged(route), *marks, replacement(wanted["spec"], "spec")]


def header_match(header: HeaderMatch) -> dict[str, str]:
    """A header as a match of a rule has it."""
    return {"type": "Exact", "name": header.name, "value": header.value}


def backend_ref(service: ServiceRef, weight: int) -> dict[str, Any]:
    """A Service as a rule names it."""
    return {"group": "", "kind": "Service", "name": service.name, "port": service.port, "weight": weight}


def owned_route(kind: str, namespace: str, name: str, rollout: str, uid: str, spec: dict[str, Any]) -> dict[str, Any]:
    """A route of this spec that goes with the ModelRollout and says what was asked for."""
    return owned_object(GATEWAY_API, kind, namespace, name, rollout, uid, spec)


def owned_object(
    api_version: str, kind: str, namespace: str, name: str, rollout: str, uid: str, spec: dict[str, Any]
) -> dict[str, Any]:
    """The same for any kind of object."""
    frame = hashlib.sha256(json.dumps(spec, sort_keys=True).encode()).hexdigest()[:16]
    return {
        "apiVersion": api_version,
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


def _match(kind: RouteKind, match: RouteMatch) -> dict[str, Any]:
    result: dict[str, Any] = {}
    if kind is RouteKind.HTTP_ROUTE:
        result["path"] = match.path.to_json() if match.path else {"type": "PathPrefix", "value": "/"}
    elif match.method:
        result["method"] = {"type": "Exact", **match.method.to_json()}
    if match.headers:
        result["headers"] = [header_match(header) for header in match.headers]
    return result


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


def _shape(spec: Mapping[str, Any], *, weights: bool) -> dict[str, Any]:
    """A spec without the names of its rules, which an older API server does not keep, and on demand without weights."""
    without = () if weights else ("weight",)
    rules = [
        {
            **{key: value for key, value in rule.items() if key != "name"},
            "backendRefs": [
                {key: value for key, value in ref.items() if key not in without}
                for ref in unkept(rule.get("backendRefs") or [])
            ],
        }
        for rule in spec.get("rules") or []
    ]
    return {**spec, "rules": rules}
