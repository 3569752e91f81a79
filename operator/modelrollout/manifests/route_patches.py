"""Patches of a route: weights of managed rules, our copies of their requests, what keeps users there, the annotation.

Every patch is bound to the object that it was built from: it tests the resourceVersion and, at each place that it
changes, the name and the old weight of the backendRef. It is tried here before it leaves.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from modelrollout.api import TOTAL_WEIGHT, ServiceRef
from modelrollout.decisions.decision import TrafficIntent
from modelrollout.decisions.observed import Owner
from modelrollout.errors import ModelRolloutError
from modelrollout.manifests.json_patch import Operation, add, apply, remove, replace, test, unchanged
from modelrollout.manifests.mirrors import mirror_changes, mirrors_of, unmirror_changes
from modelrollout.manifests.nursing import NURSED
from modelrollout.manifests.owners import OWNER, owners_of, with_owner, without_owner
from modelrollout.manifests.routes import Backend, ManagedRule, Route, is_local_service, rules_of, taken_up
from modelrollout.manifests.sticky_rules import Split, is_marked, step, unkept


class UnsafeWrite(ModelRolloutError):  # noqa: N818 - named for what is wrong, as all leaves
    """A write would break an invariant of traffic; it is not sent. Always a bug of ours."""


def check_weights(weights: Mapping[str, int], versions: Iterable[str]) -> None:
    """Hold the invariants of an intent before anything is made of it.

    Raises:
        UnsafeWrite: unless every version has a whole, non-negative weight and they sum to 1000.
    """
    if set(weights) != set(versions):
        raise UnsafeWrite(f"weights are for {sorted(weights)}, the versions are {sorted(versions)}")
    if any(not isinstance(weight, int) or weight < 0 for weight in weights.values()):
        raise UnsafeWrite(f"a weight is negative or no whole number: {dict(weights)}")
    if sum(weights.values()) != TOTAL_WEIGHT:
        raise UnsafeWrite(f"weights sum to {sum(weights.values())}, not {TOTAL_WEIGHT}: {dict(weights)}")


def traffic_patch(
    route: Route, rules: Sequence[ManagedRule], services: Mapping[str, ServiceRef], intent: TrafficIntent
) -> list[Operation]:
    """What makes the managed rules and the owner annotation say the intent; empty when they do already.

    A version without a backendRef gets one. Of several backendRefs to the same version the first gets the share, the
    others get none.

    Raises:
        UnsafeWrite: the intent, or what the patch would make of the route, breaks an invariant.
    """
    check_weights(intent.weights, services)
    if intent.sticky is not None or any(map(is_marked, _refs(route, rules))):
        changes, last = _keeping_changes(route, rules, services, intent)
    else:
        changes = [
            operation for rule in rules for operation in _rule_changes(route, rule, services, intent.of(rule.name))
        ]
        last = True
    if intent.mirror is not None or _copies(route, intent.owner.uid):
        namespace = route["metadata"].get("namespace", "")
        for rule in rules:
            written = route["spec"]["rules"][rule.index]
            changes += mirror_changes(written, rule.index, namespace, services, intent.mirror)
    if last:  # on the way the route goes on to carry the decision before
        changes += annotation_changes(route, with_owner(route, intent.owner))
    if not changes:
        return []
    patch = [unchanged(route), *changes]
    if last:
        _check_outcome(apply(route, patch), rules, services, intent)
    return patch


def orphan_patch(route: Route, owner: Owner, *, give_back: bool) -> list[Operation]:
    """What ends the ownership of a rollout that is gone, from the annotation alone.

    Args:
        route: as read.
        owner: what the annotation says; its Services are found by name, at whatever port the route has.
        give_back: set all weight of its rules on the version that was stable; otherwise weights stay as they are.
    """
    changes: list[Operation] = []
    stable, namespace = owner.services.get(owner.stable), route["metadata"].get("namespace", "")
    for index, rule in enumerate(route["spec"].get("rules") or []):
        refs = [
            (place, ref) for place, ref in enumerate(rule.get("backendRefs") or []) if is_local_service(ref, namespace)
        ]
        home = next((place for place, ref in refs if ref["name"] == stable), None)
        if (rule.get("name") or str(index)) not in owner.rules:
            continue
        if owner.mirrors:  # nobody compares the answers any more, whatever becomes of the weights
            changes += unmirror_changes(rule, index, namespace, set(owner.services.values()))
        if any(map(is_marked, rule.get("backendRefs") or [])):
            changes += _given_up(rule, index, namespace, owner, give_back=give_back)
            continue
        if not give_back or home is None:
            continue
        for place, ref in refs:
            if ref["name"] in owner.services.values():
                share = TOTAL_WEIGHT if place == home else 0
                changes += _weight_change(index, place, ref["name"], ref.get("weight"), share)
    changes += annotation_changes(route, without_owner(route, owner.uid))
    return [unchanged(route), *changes] if changes else []


def _copies(route: Route, uid: str) -> bool:
    """Whether that rollout has copied requests of the route."""
    return any(owner.mirrors for owner in owners_of(route) if owner.uid == uid)


def under_way(route: Route, rules: Sequence[ManagedRule]) -> bool:
    """Whether a backend that keeps users, or did, has the thousandth by which it comes or goes."""
    refs = list(_refs(route, rules))
    return any(map(is_marked, refs)) and any(ref.get("weight") == NURSED for ref in refs)


def _refs(route: Route, rules: Sequence[ManagedRule]) -> Iterator[Mapping[str, Any]]:
    for rule in rules:
        yield from route["spec"]["rules"][rule.index].get("backendRefs") or []


def _keeping_changes(
    route: Route, rules: Sequence[ManagedRule], services: Mapping[str, ServiceRef], intent: TrafficIntent
) -> tuple[list[Operation], bool]:
    """The whole list of backendRefs of each rule at once, one step at a time; and whether it is the last step.

    A step is only made once the gateway has taken up the one before. Where it does not say what it has taken up there
    is one step. Copies for other candidates than before come when those are gone.
    """
    current = taken_up(route)
    before = next((owner.sticks for owner in owners_of(route) if owner.uid == intent.owner.uid), ())
    changes, last = list[Operation](), True
    for rule in rules:
        split = Split(services, route["metadata"].get("namespace", ""), intent.of(rule.name))
        refs = route["spec"]["rules"][rule.index].get("backendRefs") or []
        copies = tuple(split.version_of(ref) for ref in refs if is_marked(ref))
        others = intent.sticky is not None and intent.sticky.order not in (before, copies) and bool(before and copies)
        sticky = None if others and current is not None else intent.sticky
        last = last and sticky == intent.sticky
        one = step(refs, split, sticky, nursed=current is not None)
        if one.begun and current is False:
            return [], False
        changes += _refs_changes(rule.index, refs, one.refs)
        last = last and one.last
    return changes, last


def _given_up(rule: Mapping[str, Any], index: int, namespace: str, owner: Owner, *, give_back: bool) -> list[Operation]:
    """The backendRefs without what keeps users, and on demand with all weight on the version that was stable."""
    refs = rule.get("backendRefs") or []
    wanted, stable = unkept(refs), owner.services.get(owner.stable)
    ours = [ref for ref in wanted if is_local_service(ref, namespace) and ref["name"] in owner.services.values()]
    home = next((ref for ref in ours if ref["name"] == stable), None)
    if give_back and home is not None:
        for ref in ours:
            ref["weight"] = TOTAL_WEIGHT * (ref is home)
    return _refs_changes(index, refs, wanted)


def _refs_changes(index: int, refs: Sequence[Mapping[str, Any]], wanted: list[dict[str, Any]]) -> list[Operation]:
    at = ("spec", "rules", index, "backendRefs")
    if list(refs) == wanted:
        return []
    return [test(list(refs), *at), replace(wanted, *at)] if refs else [add(wanted, *at)]


def _rule_changes(
    route: Route, rule: ManagedRule, services: Mapping[str, ServiceRef], weights: Mapping[str, int]
) -> list[Operation]:
    changes: list[Operation] = []
    served: set[str] = set()
    for backend in rule.backends:
        if backend.version:
            share = 0 if backend.version in served else weights[backend.version]
            served.add(backend.version)
            changes += _weight_change(rule.index, backend.index, backend.name, backend.weight, share)
    new = [
        {"group": "", "kind": "Service", "name": service.name, "port": service.port, "weight": weights[version]}
        for version, service in services.items()
        if version not in served
    ]
    if new and not route["spec"]["rules"][rule.index].get("backendRefs"):
        return [*changes, add(new, "spec", "rules", rule.index, "backendRefs")]
    return [*changes, *(add(ref, "spec", "rules", rule.index, "backendRefs", "-") for ref in new)]


def _weight_change(rule: int, place: int, name: str, old: int | None, new: int) -> list[Operation]:
    if old == new:
        return []
    at: tuple[str | int, ...] = ("spec", "rules", rule, "backendRefs", place)
    if old is None:
        return [test(name, *at, "name"), add(new, *at, "weight")]
    return [test(name, *at, "name"), test(old, *at, "weight"), replace(new, *at, "weight")]


def annotation_changes(route: Route, text: str | None, key: str = OWNER) -> list[Operation]:
    """What makes an annotation of an object, mostly the owner's, be that text, or be gone where it is None."""
    annotations = route["metadata"].get("annotations")
    present = (annotations or {}).get(key)
    if present == text:
        return []
    if text is None:
        return [remove("metadata", "annotations", key)]
    if annotations is None:
        return [add({key: text}, "metadata", "annotations")]
    return [add(text, "metadata", "annotations", key)]


def _check_outcome(
    after: Mapping[str, Any], rules: Sequence[ManagedRule], services: Mapping[str, ServiceRef], intent: TrafficIntent
) -> None:
    written = rules_of(after, services)
    for rule in (written[one.index] for one in rules):
        weights = {version: sum(_weights(rule.backends, version)) for version in services}
        if weights != dict(intent.of(rule.name)):
            raise UnsafeWrite(f"rule {rule.name} would get {weights} instead of {dict(intent.of(rule.name))}")
        if intent.mirror is not None:
            copies = mirrors_of(after["spec"]["rules"][rule.index], after["metadata"].get("namespace", ""), services)
            if copies != (intent.mirror,):
                raise UnsafeWrite(f"rule {rule.name} would make copies {copies} instead of {intent.mirror}")


def _weights(backends: Iterable[Backend], version: str) -> list[int]:
    return [backend.weight or 0 for backend in backends if backend.version == version]
