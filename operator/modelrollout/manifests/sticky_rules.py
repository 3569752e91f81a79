"""What keeps users on one version in a rule of a Gateway API route: copies of its backendRefs, marked, in an order.

A gateway that hashes a header splits by intervals: in the order of the backendRefs, each as wide as its weight. The
place of a user never changes, so users move where a border moves, and borders move with all that stands before them.
So who loses its share must have stable right beside it: that takes it, and all other borders stay (`Sticky.order`).

The mark is a filter that tells the server which version it is, in a header. Envoy Gateway gives a backendRef with
filters a cluster of its own, and only between clusters does it split by the hash (`manifests.traffic_policies`). While
users are kept, the marked copies at the end of the rule have all the weight, and the user's own backendRefs none.
"""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from modelrollout.api import TOTAL_WEIGHT, ServiceRef
from modelrollout.decisions.observed import Sticky
from modelrollout.manifests.nursing import NURSED, next_weights, on_the_way
from modelrollout.manifests.shares import thousandths

MARK = "x-modelrollout-version"
"""Header by which a server is told as which version it is asked."""

MOST_BACKENDS = 16
"""Bound of the Gateway API's schema: backendRefs of a rule."""

_TYPE, _FIELD = "RequestHeaderModifier", "requestHeaderModifier"

Ref = Mapping[str, Any]
"""A backendRef of a rule as the API server's JSON has it."""


@dataclass(frozen=True, slots=True)
class Split:
    """How a rule shares its requests out among versions.

    Attributes:
        services: Service of each version.
        namespace: of the route.
        weights: thousandths of each version.
    """

    services: Mapping[str, ServiceRef]
    namespace: str
    weights: Mapping[str, int]

    def version_of(self, ref: Ref) -> str:
        """The version that a backendRef leads to, empty when it is none's."""
        local = (ref.get("kind") or "Service") == "Service" and (ref.get("namespace") or self.namespace) == (
            self.namespace
        )
        if not local or ref.get("group"):
            return ""
        at = (ref.get("name"), ref.get("port"))
        return next((name for name, one in self.services.items() if (one.name, one.port) == at), "")


def most_backends(versions: int, candidates: int) -> int:
    """How many backendRefs a rule needs that has one for each version, to keep users of so many candidates."""
    return versions + candidates + (candidates + 1) // 2


def is_marked(ref: Ref) -> bool:
    """Whether it is one of the operator's copies."""
    return any(
        str(header.get("name", "")).lower() == MARK
        for one in ref.get("filters") or []
        if one.get("type") == _TYPE
        for header in (one.get(_FIELD) or {}).get("set") or []
    )


def plain_refs(refs: Sequence[Ref], split: Split) -> list[dict[str, Any]]:
    """The backendRefs with these weights, and with nothing that keeps users.

    A version without one gets one; of several to the same version the first gets the share.
    """
    kept, served = unkept(refs), set[str]()
    for ref in kept:
        version = split.version_of(ref)
        if version:
            ref["weight"] = 0 if version in served else split.weights[version]
            served.add(version)
    return kept + [
        {"group": "", "kind": "Service", "name": one.name, "port": one.port, "weight": split.weights[version]}
        for version, one in split.services.items()
        if version not in served
    ]


def kept_refs(refs: Sequence[Ref], split: Split, sticky: Sticky) -> list[dict[str, Any]]:
    """The backendRefs that keep users on their version: the user's own without weight, and then the marked copies."""
    plain = plain_refs(refs, split)
    own: dict[str, dict[str, Any]] = {}
    for ref in plain:
        version = split.version_of(ref)
        if version:
            own.setdefault(version, copy.deepcopy(ref))
            ref["weight"] = 0
    weights = _weights(split, sticky)
    return plain + [
        _marked({**own[version], "weight": weight}, version)
        for version, weight in zip(sticky.order, weights, strict=True)
    ]


@dataclass(frozen=True, slots=True)
class Step:
    """What a rule is to say next.

    Attributes:
        refs: its backendRefs.
        last: nothing comes after it.
        begun: a step came before it, which the gateway must have taken up first.
    """

    refs: list[dict[str, Any]]
    last: bool = True
    begun: bool = False


def step(refs: Sequence[Ref], split: Split, sticky: Sticky | None, *, nursed: bool) -> Step:
    """The backendRefs that keep users, or without sticky users do not, or are one step nearer to that.

    Args:
        refs: as they are.
        split: what is wanted.
        sticky: how users are to be kept, None when they are not.
        nursed: no cluster may come or go with users on it: what comes gets a thousandth first, and what goes keeps one
            for a moment (`nursing`).
    """
    wanted = plain_refs(refs, split) if sticky is None else kept_refs(refs, split, sticky)
    if not nursed:
        return Step(wanted)
    now = [ref for ref in refs if is_marked(ref)]
    marked = [ref for ref in wanted if is_marked(ref)] if sticky is not None else [{**ref, "weight": 0} for ref in now]
    own = [ref for ref in wanted if not is_marked(ref)]
    old = [ref for ref in refs if not is_marked(ref)]
    before = _shares([*_as_they_are(old, len(own)), *_as_they_are(now, len(marked))])
    after = [ref.get("weight") or 0 for ref in (*own, *marked)]
    if not before or sum(after) != TOTAL_WEIGHT or not _same(now, marked, fresh=not now):
        return Step(wanted)
    weights, begun = next_weights(before, after), on_the_way(before, after)
    if weights == after:
        return Step(wanted, begun=begun)
    return Step(
        [{**ref, "weight": weight} for ref, weight in zip((*own, *marked), weights, strict=True)],
        last=False,
        begun=begun,
    )


def keeps(refs: Sequence[Ref], split: Split, order: Sequence[str]) -> bool:
    """Whether the backendRefs keep users: the copies stand in this order, and have all the weight of the versions."""
    if not set(order) <= set(split.services):
        return False
    marked = [ref for ref in refs if is_marked(ref)]
    own = {version: ref for ref in reversed(refs) if not is_marked(ref) and (version := split.version_of(ref))}
    expected = [_marked(own[version], version) if version in own else None for version in order]
    return [_without_weight(ref) for ref in marked] == [_without_weight(ref or {}) for ref in expected] and not any(
        ref.get("weight") for ref in own.values()
    )


def unkept(refs: Sequence[Ref]) -> list[dict[str, Any]]:
    """The backendRefs without the marked copies, whose weight goes to those that they are copies of."""
    result = [copy.deepcopy(dict(ref)) for ref in refs if not is_marked(ref)]
    for ref in filter(is_marked, refs):
        own = next((one for one in result if _address(one) == _address(ref)), None)
        if own is None:
            result.append(_unmarked(ref))
        else:
            own["weight"] = (own.get("weight") or 0) + (ref.get("weight") or 0)
    return result


def _weights(split: Split, sticky: Sticky) -> list[int]:
    """Of each copy in the order of the layout. Who has less than its share leaves it to stable beside it."""
    arms, left = list(sticky.shares), split.weights[sticky.stable]
    pairs = [arms[place : place + 2] for place in range(0, len(arms), 2)]
    slack = [sum(max(0, sticky.shares[arm] - split.weights[arm]) for arm in pair) for pair in pairs]
    beside = [0] * len(pairs)
    for place in range(1, len(pairs)):
        # Never without weight, so that who is taken out needs not wait until the gateway knows this copy.
        beside[place] = min(left, slack[place] + NURSED)
        left -= beside[place]
    beside[0] = left
    weights: list[int] = []
    for pair, stable in zip(pairs, beside, strict=True):
        weights += [split.weights[pair[0]], stable, *(split.weights[arm] for arm in pair[1:])]
    return weights


def _same(now: Sequence[Ref], marked: Sequence[Ref], *, fresh: bool) -> bool:
    """Whether the copies differ in their weights at most; `fresh`: there are none yet."""
    return fresh or [_without_weight(ref) for ref in now] == [_without_weight(ref) for ref in marked]


def _as_they_are(refs: Sequence[Ref], many: int) -> list[int]:
    """Their weights, with none for those that are not there yet: new ones come last."""
    weights = [ref.get("weight") or 0 for ref in refs]
    return weights + [0] * (many - len(weights))


def _shares(weights: Sequence[int]) -> list[int]:
    """The same in thousandths, whatever a person wrote; empty where nobody has any."""
    return list(thousandths(dict(enumerate(weights))).values())


def _marked(ref: Ref, version: str) -> dict[str, Any]:
    """With the mark beside whatever filters it has; of one kind of filter there may only be one."""
    filters = [copy.deepcopy(one) for one in ref.get("filters") or []]
    modifier = next((one for one in filters if one.get("type") == _TYPE), None)
    if modifier is None:
        modifier = {"type": _TYPE, _FIELD: {}}
        filters.append(modifier)
    said = modifier[_FIELD]
    said["set"] = [*(said.get("set") or []), {"name": MARK, "value": version}]
    return {**ref, "filters": filters}


def _unmarked(ref: Ref) -> dict[str, Any]:
    result, filters = copy.deepcopy(dict(ref)), []
    for one in result["filters"]:
        said = one.get(_FIELD)
        if one.get("type") == _TYPE and said is not None:
            said["set"] = [header for header in said.get("set") or [] if str(header.get("name", "")).lower() != MARK]
            if not said["set"]:
                del said["set"]
            if not said:
                continue
        filters.append(one)
    result["filters"] = filters
    if not filters:
        del result["filters"]
    return result


def _address(ref: Ref) -> tuple[Any, ...]:
    return tuple(ref.get(key) for key in ("group", "kind", "namespace", "name", "port"))


def _without_weight(ref: Ref) -> dict[str, Any]:
    return {key: value for key, value in ref.items() if key != "weight"}
