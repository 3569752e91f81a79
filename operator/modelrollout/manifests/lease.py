"""The Lease object by which operators agree on who leads."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class LeaseState:
    """What a Lease says.

    Attributes:
        holder: identity of the process that leads, empty when nobody does.
        duration: seconds after `renewed` at which others may take it.
        renewed: when the holder last renewed it, by the holder's clock; None before the first time.
        transitions: how often the holder changed.
    """

    holder: str
    duration: float
    renewed: datetime | None
    transitions: int


def read_lease(obj: Mapping[str, Any]) -> LeaseState:
    """What the object says; a lease that nobody ever held has no spec."""
    spec = obj.get("spec") or {}
    renewed = spec.get("renewTime")
    return LeaseState(
        holder=spec.get("holderIdentity") or "",
        duration=float(spec.get("leaseDurationSeconds") or 0),
        renewed=datetime.fromisoformat(renewed) if renewed else None,
        transitions=int(spec.get("leaseTransitions") or 0),
    )


def lease_object(namespace: str, name: str, state: LeaseState, old: Mapping[str, Any] | None) -> dict[str, Any]:
    """The object to write: what `old` has beside the spec stays, its resourceVersion is the precondition."""
    before = (old or {}).get("spec") or {}
    renewed = _micro_time(state.renewed) if state.renewed else None
    same = before.get("holderIdentity") == state.holder
    spec = {
        "holderIdentity": state.holder,
        "leaseDurationSeconds": max(1, round(state.duration)),
        "renewTime": renewed,
        "acquireTime": (before.get("acquireTime") if same else None) or renewed,
        "leaseTransitions": state.transitions,
    }
    metadata = dict(old["metadata"]) if old else {"namespace": namespace, "name": name}
    metadata.pop("managedFields", None)
    return {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata, "spec": spec}


def _micro_time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
