"""Kubernetes events about a rollout, as events.k8s.io/v1 has them."""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from modelrollout.decisions.decision import Event

CONTROLLER = "modelrollout.io/operator"
_NOTE_LIMIT = 1024


def event_object(rollout: Mapping[str, Any], event: Event, cause: str, instance: str, now: datetime) -> dict[str, Any]:
    """The event to create.

    Args:
        rollout: the ModelRollout that it is about, as the API server has it.
        event: what is said.
        cause: names the decision; the same event of the same decision gets the same name, so that it is there once.
        instance: the process that says it.
        now: when.
    """
    metadata = rollout["metadata"]
    digest = hashlib.sha256("\0".join((metadata["uid"], event.reason, event.message, cause)).encode()).hexdigest()[:16]
    return {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"namespace": metadata["namespace"], "name": f"{metadata['name']}.{digest}"},
        "eventTime": now.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "type": "Warning" if event.warning else "Normal",
        "reason": str(event.reason),
        "action": "Reconcile",
        "note": event.message[:_NOTE_LIMIT],
        "reportingController": CONTROLLER,
        "reportingInstance": instance[:128],
        "regarding": {
            "apiVersion": rollout["apiVersion"],
            "kind": rollout["kind"],
            "namespace": metadata["namespace"],
            "name": metadata["name"],
            "uid": metadata["uid"],
            "resourceVersion": metadata["resourceVersion"],
        },
    }
