"""The selector of a Service as a switch: it is that of one version's own Service, or of none.

A Service knows no weights. All that can be said with it is which version's pods get everything, so an intent must give
one version everything.
"""

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
    chosen = next((version for version, weight in intent.weights.items() if weight == TOTAL_WEIGHT), None)
    if chosen is None:
        raise UnsafeWrite(f"a Service cannot split traffic: {dict(intent.weights)}")
    if not selectors[chosen]:
        raise UnsafeWrite(f"the Service of {chosen} selects no pods")
    return _patch(service, selectors[chosen], with_owner(service, intent.owner))


def return_patch(service: Service, stable: Mapping[str, str] | None, owner: Owner) -> list[Operation]:
    """What ends the ownership of a rollout that is gone.

    Args:
        service: as read.
        stable: selector of the stable version's own Service, to be taken up; None or empty leaves the selector.
        owner: whose ownership ends.
    """
    return _patch(service, stable or selector_of(service), without_owner(service, owner.uid))


def _patch(service: Service, selector: Mapping[str, str], annotation: str | None) -> list[Operation]:
    mine, changes = selector_of(service), annotation_changes(service, annotation)
    if mine != selector:
        changes += [*([test(dict(mine), "spec", "selector")] if mine else []), add(dict(selector), "spec", "selector")]
    patch = [unchanged(service), *changes] if changes else []
    if patch and selector_of(apply(service, patch)) != selector:
        raise UnsafeWrite(f"the Service would select {shown(mine)} instead of {shown(selector)}")
    return patch
