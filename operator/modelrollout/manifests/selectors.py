"""The selector of a Service that clients use: that of one version's own Service, or what those of all have in common.

A Service knows no weights. With the selector of one version its pods get everything; with the labels that the versions
share, each gets what its share of the ready pods is, and an annotation says which shares were meant.
"""

import json
from collections.abc import Mapping
from typing import Any

from modelrollout.api import TOTAL_WEIGHT
from modelrollout.decisions.decision import TrafficIntent
from modelrollout.decisions.observed import Owner
from modelrollout.manifests.json_patch import Operation, add, apply, test, unchanged
from modelrollout.manifests.owners import with_owner, without_owner
from modelrollout.manifests.route_patches import UnsafeWrite, annotation_changes, check_weights

SWITCH = "selector"
"""Name of the one rule that a Service has."""

WEIGHTS = "modelrollout.io/weights"
"""Annotation of a Service that selects several versions: the share of each in thousandths, as a JSON object."""

Service = Mapping[str, Any]
"""A Service as the API server's JSON has it."""

Selectors = Mapping[str, Mapping[str, str]]
"""By version, the selector of its own Service; empty where that selects nothing."""


def selector_of(service: Service | None) -> Mapping[str, str]:
    """Its selector; empty where it has none or does not exist."""
    return ((service or {}).get("spec") or {}).get("selector") or {}


def shown(selector: Mapping[str, str]) -> str:
    """A selector as people write it: app=fraud,version=v7."""
    return ",".join(f"{key}={value}" for key, value in sorted(selector.items()))


def switched(service: Service, selectors: Selectors) -> str | None:
    """The version whose pods the Service selects, None when it is no version's selector."""
    mine = selector_of(service)
    return next((version for version, selector in selectors.items() if selector and selector == mine), None)


def common(selectors: Selectors) -> Mapping[str, str]:
    """The labels that these selectors have in common, those that select nothing left out."""
    first, *others = [selector for selector in selectors.values() if selector] or [{}]
    return {key: value for key, value in first.items() if all(other.get(key) == value for other in others)}


def meant(service: Service, versions: Mapping[str, object]) -> dict[str, int] | None:
    """The shares that its annotation says, of exactly these versions; None where it says nothing that makes sense."""
    text = (service["metadata"].get("annotations") or {}).get(WEIGHTS)
    try:
        value = json.loads(text) if text else None
        check_weights(value if isinstance(value, dict) else {}, versions)
    except (ValueError, UnsafeWrite):
        return None
    return dict(value) if value else None


def switch_patch(service: Service, selectors: Selectors, intent: TrafficIntent) -> list[Operation]:
    """What makes the Service select the pods of the version that gets everything; empty when it does already.

    Args:
        service: as read.
        selectors: of each version's own Service.
        intent: gives one version everything.

    Raises:
        UnsafeWrite: the intent splits the traffic, or its version's Service selects nothing.
    """
    check_weights(intent.weights, selectors)
    chosen = _chosen(intent)
    if chosen is None:
        raise UnsafeWrite(f"a Service cannot split traffic: {dict(intent.weights)}")
    if not selectors[chosen]:
        raise UnsafeWrite(f"the Service of {chosen} selects no pods")
    return _patch(service, selectors[chosen], with_owner(service, intent.owner))


def ratio_patch(service: Service, selectors: Selectors, intent: TrafficIntent) -> list[Operation]:
    """What makes the Service select the pods of all that get a part, and say which; empty when it does already.

    Args:
        service: as read.
        selectors: of each version's own Service.
        intent: shares of any kind. One version with everything is selected alone, whoever else has pods.

    Raises:
        UnsafeWrite: the versions have no label in common, or one of those that get a part selects nothing.
    """
    check_weights(intent.weights, selectors)
    chosen = _chosen(intent)
    parts = {version: selectors[version] for version, weight in intent.weights.items() if weight}
    if not all(parts.values()):
        raise UnsafeWrite(f"a Service of {' and '.join(parts)} selects no pods")
    selector = selectors[chosen] if chosen is not None else common(parts)
    if not selector:
        raise UnsafeWrite(f"the Services of {' and '.join(parts)} have no label in common")
    shares = None if chosen is not None else json.dumps(dict(sorted(intent.weights.items())), separators=(",", ":"))
    return _patch(service, selector, with_owner(service, intent.owner), shares)


def return_patch(service: Service, stable: Mapping[str, str] | None, owner: Owner) -> list[Operation]:
    """What ends the ownership of a rollout that is gone.

    Args:
        service: as read.
        stable: selector of the stable version's own Service, to be taken up; None or empty leaves the selector.
        owner: whose ownership ends.
    """
    return _patch(service, stable or selector_of(service), without_owner(service, owner.uid))


def _chosen(intent: TrafficIntent) -> str | None:
    """The version that gets everything, None where several get a part."""
    return next((version for version, weight in intent.weights.items() if weight == TOTAL_WEIGHT), None)


def _patch(
    service: Service, selector: Mapping[str, str], annotation: str | None, shares: str | None = None
) -> list[Operation]:
    mine, changes = selector_of(service), annotation_changes(service, annotation)
    # What owns the Service is written first, so that there are annotations to add to.
    changes += annotation_changes(apply(service, changes), shares, WEIGHTS)
    if mine != selector:
        changes += [*([test(dict(mine), "spec", "selector")] if mine else []), add(dict(selector), "spec", "selector")]
    patch = [unchanged(service), *changes] if changes else []
    if patch and selector_of(apply(service, patch)) != selector:
        raise UnsafeWrite(f"the Service would select {shown(mine)} instead of {shown(selector)}")
    return patch
