"""Copies of requests in rules of a Gateway API route: the one RequestMirror filter that is the operator's.

A mirror works only in the rule that gets the traffic, so it stands in the user's rule, beside the user's own filters,
which are left as they are and where they are. Ours are those that name a Service of a version, while the owner
annotation says that the rollout copies requests or the intent asks for it; what somebody else copies elsewhere is no
matter of ours.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from modelrollout.api import TOTAL_WEIGHT, ServiceRef
from modelrollout.decisions.observed import Mirror
from modelrollout.manifests.json_patch import Operation, add, remove, replace, test

_TYPE, _FIELD = "RequestMirror", "requestMirror"
_TENTH = 10  # thousandths in a percent

Rule = Mapping[str, Any]
"""A rule of a route as the API server's JSON has it."""


def mirrors_of(rule: Rule, namespace: str, services: Mapping[str, ServiceRef]) -> tuple[Mirror, ...]:
    """The copies of a rule that go to Services of versions, in the order of its filters."""
    names = {service.name for service in services.values()}
    return tuple(_read(rule["filters"][place], services) for place in _ours(rule, namespace, names))


def mirror_changes(
    rule: Rule, index: int, namespace: str, services: Mapping[str, ServiceRef], mirror: Mirror | None
) -> list[Operation]:
    """What makes a rule copy to no version but as the mirror says: one filter where the first of ours stood, or last.

    Args:
        rule: as read.
        index: its place in the route.
        namespace: of the route.
        services: Service of each version.
        mirror: what is wanted, None for no copies.
    """
    if mirrors_of(rule, namespace, services) == (() if mirror is None else (mirror,)):
        return []
    names = {service.name for service in services.values()}
    ours, filters = _ours(rule, namespace, names), list(rule.get("filters") or [])
    wanted = [] if mirror is None else [mirror_filter(services[mirror.version], mirror.share)]
    place = ours[0] if ours else len(filters)
    before = [one for number, one in enumerate(filters) if number < place]
    after = [one for number, one in enumerate(filters) if number > place and number not in ours]
    return _written(rule, index, [*before, *wanted, *after])


def unmirror_changes(rule: Rule, index: int, namespace: str, names: Collection[str]) -> list[Operation]:
    """What ends all copies of a rule to Services of these names."""
    ours = _ours(rule, namespace, names)
    if not ours:
        return []
    kept = [one for number, one in enumerate(rule["filters"]) if number not in ours]
    return _written(rule, index, kept)


def mirror_places(rule: Rule, namespace: str, service: ServiceRef) -> list[int]:
    """The places among the rule's filters of copies to a Service."""
    return _ours(rule, namespace, {service.name})


def mirror_filter(service: ServiceRef, share: int) -> dict[str, Any]:
    """The filter that copies that share (thousandths) of the requests to a Service.

    A share is written in the form that says it: nothing for all requests, which every version of the Gateway API knows.
    """
    copy: dict[str, Any] = {"backendRef": {"group": "", "kind": "Service", "name": service.name, "port": service.port}}
    if share % _TENTH:
        copy["fraction"] = {"numerator": share, "denominator": TOTAL_WEIGHT}
    elif share != TOTAL_WEIGHT:
        copy["percent"] = share // _TENTH
    return {"type": _TYPE, _FIELD: copy}


def _written(rule: Rule, index: int, filters: Sequence[Mapping[str, Any]]) -> list[Operation]:
    at = ("spec", "rules", index, "filters")
    if not rule.get("filters"):
        return [add(list(filters), *at)]
    same = test(rule["filters"], *at)
    return [same, replace(list(filters), *at)] if filters else [same, remove(*at)]


def _ours(rule: Rule, namespace: str, names: Collection[str]) -> list[int]:
    found = []
    for place, one in enumerate(rule.get("filters") or []):
        ref = (one.get(_FIELD) or {}).get("backendRef") or {}
        local = (ref.get("kind") or "Service") == "Service" and (ref.get("namespace") or namespace) == namespace
        if one.get("type") == _TYPE and local and not ref.get("group") and ref.get("name") in names:
            found.append(place)
    return found


def _read(one: Mapping[str, Any], services: Mapping[str, ServiceRef]) -> Mirror:
    copy = one[_FIELD]
    ref = copy["backendRef"]
    at = (ref["name"], ref.get("port"))
    version = next((name for name, service in services.items() if (service.name, service.port) == at), "")
    fraction = copy.get("fraction")
    if fraction is not None:
        return Mirror(version, round(TOTAL_WEIGHT * fraction["numerator"] / (fraction.get("denominator") or 100)))
    return Mirror(version, round(_TENTH * copy.get("percent", 100)))
