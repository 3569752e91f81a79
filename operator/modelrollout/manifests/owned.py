"""Objects that belong to a rollout and go with it: the plan of a run, and the record of its decisions."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from modelrollout.api import ModelRolloutSpec

ROLLOUT_LABEL = "modelrollout.io/rollout"
RECORD_LIMIT = 200 * 1024
"""Bytes of keys and lines that a record may hold."""


def record_name(rollout: str) -> str:
    """Name of the ConfigMap that holds a rollout's decisions."""
    return f"{rollout}-decisions"


def snapshot_object(rollout: Mapping[str, Any], name: str, plan: ModelRolloutSpec) -> dict[str, Any]:
    """The ControllerRevision that holds the resolved plan of a run."""
    return {
        "apiVersion": "apps/v1",
        "kind": "ControllerRevision",
        "metadata": _metadata(rollout, name),
        "revision": rollout["metadata"].get("generation", 1),
        "data": {"apiVersion": rollout["apiVersion"], "kind": "ModelRolloutSpec", "spec": plan.to_json()},
    }


def record_object(rollout: Mapping[str, Any], lines: Mapping[str, str]) -> dict[str, Any]:
    """The ConfigMap that holds decisions: one entry each, in the order of its keys."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": _metadata(rollout, record_name(rollout["metadata"]["name"])),
        "data": dict(lines),
    }


def record_lines(record: Sequence[Mapping[str, object]]) -> dict[str, str]:
    """Keys and texts of lines. A key begins with the time, so that keys sort by age, and is the line's own for ever."""
    return {_key(line): json.dumps(line, separators=(",", ":"), default=str) for line in record}


def record_patch(sizes: Mapping[str, int], lines: Mapping[str, str]) -> dict[str, Any]:
    """The merge patch that adds lines and drops the oldest ones beyond the limit.

    Args:
        sizes: bytes of each entry that the record is known to have, its key included.
        lines: what to add.
    """
    total = sum(sizes.values()) + sum(len(key) + len(text.encode()) for key, text in lines.items())
    data: dict[str, str | None] = dict(lines)
    for key in sorted(sizes):
        if total <= RECORD_LIMIT:
            break
        data[key] = None
        total -= sizes[key]
    return {"data": data}


def _key(line: Mapping[str, object]) -> str:
    at = str(line.get("at", "")).replace(":", "").replace("+", "_")
    return f"{at}.{line.get('run', '')}.{line.get('step', 0)}-{line.get('decision', '')}"[:253]


def _metadata(rollout: Mapping[str, Any], name: str) -> dict[str, Any]:
    owner = rollout["metadata"]
    return {
        "namespace": owner["namespace"],
        "name": name,
        "labels": {ROLLOUT_LABEL: owner["name"], "app.kubernetes.io/managed-by": "modelrollout"},
        "ownerReferences": [
            {
                "apiVersion": rollout["apiVersion"],
                "kind": rollout["kind"],
                "name": owner["name"],
                "uid": owner["uid"],
                "controller": True,
                "blockOwnerDeletion": False,
            }
        ],
    }
