"""Patches of an Istio VirtualService: the weights of managed HTTP routes and the owner annotation, and nothing else.

Bound to the object that they were built from, and tried here before they leave, like those of routes.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from modelrollout.api import TOTAL_WEIGHT, ServiceRef
from modelrollout.decisions.decision import TrafficIntent
from modelrollout.decisions.observed import Mirror, Owner
from modelrollout.manifests.json_patch import Operation, add, apply, remove, replace, test, unchanged
from modelrollout.manifests.owners import owners_of, with_owner, without_owner
from modelrollout.manifests.route_patches import UnsafeWrite, annotation_changes, check_weights
from modelrollout.manifests.routes import ManagedRule
from modelrollout.manifests.virtual_services import (
    Services,
    VirtualService,
    http_routes,
    mirror_places,
    mirrors_of,
    rules_of,
    service_of,
)


def weights_patch(
    document: VirtualService, rules: Sequence[ManagedRule], services: Services, intent: TrafficIntent
) -> list[Operation]:
    """What makes the managed routes and the owner annotation say the intent; empty when they do already.

    A version without a destination gets one. Of several destinations of one version the first gets the share, the
    others get none.

    Raises:
        UnsafeWrite: the intent, or what the patch would make of the VirtualService, breaks an invariant.
    """
    check_weights(intent.weights, services)
    changes = [operation for rule in rules for operation in _changes(document, rule, services, intent.of(rule.name))]
    if intent.mirror is not None or any(one.mirrors for one in owners_of(document) if one.uid == intent.owner.uid):
        for rule in rules:
            changes += _mirror_changes(document, rule.index, services, intent.mirror)
    changes += annotation_changes(document, with_owner(document, intent.owner))
    if not changes:
        return []
    patch = [unchanged(document), *changes]
    after = rules_of(apply(document, patch), services)
    for rule in (after[one.index] for one in rules):
        _check(rule, services, intent.of(rule.name))
    return patch


def release_patch(document: VirtualService, owner: Owner, *, give_back: bool) -> list[Operation]:
    """What ends the ownership of a rollout that is gone, from the annotation alone.

    Args:
        document: as read.
        owner: what the annotation says; its Services are found by name, at whatever port is written there.
        give_back: set all weight of its routes on the version that was stable; otherwise weights stay as they are.
    """
    stable, namespace = owner.services.get(owner.stable), document["metadata"].get("namespace", "")
    changes: list[Operation] = []
    for index, route in enumerate(http_routes(document)):
        names = [service_of(entry["destination"]["host"], namespace) for entry in route.get("route") or ()]
        if (route.get("name") or str(index)) not in owner.rules:
            continue
        if owner.mirrors:  # as with routes
            ours = mirror_places(route, namespace, set(owner.services.values()))
            changes += _mirrors_without(route, index, ours, []) if ours else []
        if not give_back or stable not in names:
            continue
        home = names.index(stable)
        for place, name in enumerate(names):
            if name in owner.services.values():
                changes += _weight(document, index, place, TOTAL_WEIGHT if place == home else 0)
    changes += annotation_changes(document, without_owner(document, owner.uid))
    return [unchanged(document), *changes] if changes else []


def _mirror_changes(document: VirtualService, index: int, services: Services, mirror: Mirror | None) -> list[Operation]:
    route, namespace = http_routes(document)[index], document["metadata"].get("namespace", "")
    if mirrors_of(route, namespace, services) == (() if mirror is None else (mirror,)):
        return []
    ours = mirror_places(route, namespace, {service.name for service in services.values()})
    return _mirrors_without(
        route, index, ours, [] if mirror is None else [_mirror(services[mirror.version], mirror.share)]
    )


def _mirrors_without(
    route: Mapping[str, Any], index: int, ours: Sequence[int], wanted: Sequence[Mapping[str, Any]]
) -> list[Operation]:
    """The list of mirrors with these in place of ours; what somebody else copies stays."""
    old = route.get("mirrors") or []
    new = [*(one for place, one in enumerate(old) if place not in ours), *wanted]
    at = ("spec", "http", index, "mirrors")
    if not old:
        return [add(new, *at)]
    return [test(old, *at), replace(new, *at) if new else remove(*at)]


def _mirror(service: ServiceRef, share: int) -> dict[str, Any]:
    return {
        "destination": {"host": service.name, "port": {"number": service.port}},
        "percentage": {"value": share * 100 / TOTAL_WEIGHT},
    }


def _changes(
    document: VirtualService, rule: ManagedRule, services: Services, weights: Mapping[str, int]
) -> list[Operation]:
    changes: list[Operation] = []
    served: set[str] = set()
    for backend in rule.backends:
        if backend.version:
            share = 0 if backend.version in served else weights[backend.version]
            served.add(backend.version)
            changes += _weight(document, rule.index, backend.index, share)
    for version, service in services.items():
        if version not in served:
            destination = {"host": service.name, "port": {"number": service.port}}
            entry = {"destination": destination, "weight": weights[version]}
            changes.append(add(entry, "spec", "http", rule.index, "route", "-"))
    return changes


def _weight(document: VirtualService, route: int, place: int, share: int) -> list[Operation]:
    entry: Mapping[str, Any] = http_routes(document)[route]["route"][place]
    old = entry.get("weight")
    if old == share or (old is None and share == 0):  # Istio takes a weight that is not there for 0
        return []
    at: tuple[str | int, ...] = ("spec", "http", route, "route", place)
    same = test(entry["destination"]["host"], *at, "destination", "host")
    if old is None:
        return [same, add(share, *at, "weight")]
    return [same, test(old, *at, "weight"), replace(share, *at, "weight")]


def _check(rule: ManagedRule, services: Iterable[str], wanted: Mapping[str, int]) -> None:
    weights = {version: sum(one.weight or 0 for one in rule.backends if one.version == version) for version in services}
    if weights != dict(wanted):
        raise UnsafeWrite(f"HTTP route {rule.name} would get {weights} instead of {dict(wanted)}")
