"""The BackendTrafficPolicy of Envoy Gateway by which a rule's split follows a hash of a header.

Facts of Envoy Gateway 1.9 that this rests on (internal/gatewayapi/backendtrafficpolicy.go, internal/xds/translator):

- The most specific policy counts: of a rule before that of its route, and both before that of the Gateway. Only with
  that of the Gateway one is merged, and only where it asks for it by `mergeType`. A second one for the same target is
  refused as Conflicted.
- Where the versions have a cluster each, ConsistentHash chooses the cluster by the hash, too, not only the pod in it.
- Without the header a request has no hash, and is split at random.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from modelrollout.manifests.own_routes import owned_object
from modelrollout.manifests.routes import ManagedRule, Route
from modelrollout.manifests.second_route import second_name

API_VERSION = "gateway.envoyproxy.io/v1alpha1"
KIND = "BackendTrafficPolicy"
_GROUP = "gateway.networking.k8s.io"

Policy = Mapping[str, Any]
"""A BackendTrafficPolicy as the API server's JSON has it."""


def policy_name(rollout: str) -> str:
    """Name of the policy of this rollout."""
    return f"{rollout}-modelrollout"


def keeping_policy(route: Route, rules: Sequence[ManagedRule], rollout: str, uid: str, header: str) -> dict[str, Any]:
    """The policy while users are kept: the managed rules split by a hash of the header.

    Args:
        route: the one that carries the traffic.
        rules: its managed rules.
        rollout: name of the ModelRollout.
        uid: its uid.
        header: name of the header that identifies the user.
    """
    hashed = {"type": "Headers", "headers": [{"name": header}]}
    spec = {
        "targetRefs": _targets(route, rules),
        "mergeType": "StrategicMerge",
        "loadBalancer": {"type": "ConsistentHash", "consistentHash": hashed},
    }
    return _policy(route, rollout, uid, spec)


def resting_policy(route: Route, rollout: str, uid: str) -> dict[str, Any]:
    """The policy while users are not kept: it says nothing, about the second route.

    Were it still about the managed rules, it would displace a policy of the user's own for the route.
    """
    target = {"group": _GROUP, "kind": route["kind"], "name": second_name(rollout)}
    return _policy(route, rollout, uid, {"targetRefs": [target], "mergeType": "StrategicMerge"})


def unnamed(route: Route, rules: Sequence[ManagedRule]) -> str:
    """Why a policy cannot be about these rules alone, in a sentence, empty when it can."""
    written = route["spec"].get("rules") or []
    without = [rule for rule in rules if not written[rule.index].get("name")]
    if not without or len(rules) == len(written):
        return ""
    return (
        f"rule {without[0].name} of {route['kind']} {route['metadata']['name']} has no name, by which users could be "
        "kept there and nowhere else: give it one (spec.rules[].name)"
    )


def rival(policies: Iterable[Policy], route: Route, rules: Sequence[ManagedRule], own: str) -> str:
    """Why another policy and ours cannot both count, in a sentence, empty when nothing of that kind is there.

    Args:
        policies: those of the route's namespace.
        route: the one that carries the traffic.
        rules: its managed rules.
        own: name of the policy of the rollout.
    """
    written = route["spec"].get("rules") or []
    names = {written[rule.index].get("name") for rule in rules}
    for policy in policies:
        if policy["metadata"]["name"] != own and _is_about(policy, route, names):
            return (
                f"{KIND} {policy['metadata']['name']} is about {route['kind']} {route['metadata']['name']} too, and of "
                "two such policies one counts: let it be about the Gateway, with which ours is merged, or leave sticky "
                "out"
            )
    return ""


def accepted(policy: Policy) -> tuple[bool | None, str]:
    """Whether all gateways that it concerns have taken it up as it now is, None before they spoke; and a refusal."""
    generation = policy["metadata"].get("generation")
    said = [
        condition
        for ancestor in (policy.get("status") or {}).get("ancestors") or []
        for condition in ancestor.get("conditions") or []
        if condition.get("type") == "Accepted" and condition.get("observedGeneration") == generation
    ]
    refused = next((condition for condition in said if condition.get("status") == "False"), None)
    if refused is not None:
        why = f"{refused.get('reason', '')}: {refused.get('message', '')}".strip(": ")
        return False, f"the gateway refuses {KIND} {policy['metadata']['name']}: {why or 'see its status'}"
    return (True if said else None), ""


def header_of(policy: Policy) -> str:
    """The header by which it keeps users, empty when it keeps nobody."""
    hashed = ((policy.get("spec") or {}).get("loadBalancer") or {}).get("consistentHash") or {}
    return next((str(one.get("name", "")) for one in hashed.get("headers") or []), "")


def _targets(route: Route, rules: Sequence[ManagedRule]) -> list[dict[str, str]]:
    target = {"group": _GROUP, "kind": route["kind"], "name": route["metadata"]["name"]}
    names = [route["spec"]["rules"][rule.index].get("name") for rule in rules]
    return [{**target, "sectionName": name} for name in names] if all(names) else [target]


def _policy(route: Route, rollout: str, uid: str, spec: dict[str, Any]) -> dict[str, Any]:
    namespace = route["metadata"]["namespace"]
    return owned_object(API_VERSION, KIND, namespace, policy_name(rollout), rollout, uid, spec)


def _is_about(policy: Policy, route: Route, rules: set[str | None]) -> bool:
    spec, metadata = policy.get("spec") or {}, route["metadata"]
    targets = [*(spec.get("targetRefs") or []), *([spec["targetRef"]] if spec.get("targetRef") else [])]
    for target in targets:
        same = (target.get("kind"), target.get("name")) == (route["kind"], metadata["name"])
        if same and (not target.get("sectionName") or target["sectionName"] in rules or None in rules):
            return True
    labels = metadata.get("labels") or {}
    return any(one.get("kind") == route["kind"] and _selects(one, labels) for one in spec.get("targetSelectors") or [])


def _selects(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    wanted = selector.get("matchLabels") or {}
    if any(labels.get(key) != value for key, value in wanted.items()):
        return False
    return all(_holds(one, labels) for one in selector.get("matchExpressions") or [])


def _holds(requirement: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    key, values = requirement.get("key", ""), requirement.get("values") or []
    match requirement.get("operator"):
        case "In":
            return labels.get(key) in values
        case "NotIn":
            return labels.get(key) not in values
        case "Exists":
            return key in labels
        case "DoesNotExist":
            return key not in labels
    return True
