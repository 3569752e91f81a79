"""Who wrote a field last, from an object's managed fields."""

from collections.abc import Mapping
from typing import Any


def last_writer(document: Mapping[str, Any], *path: str) -> str:
    """Field manager that last wrote the field at `path` (steps as in fieldsV1: `f:spec`), empty when nobody is known.

    A plain update takes a field that it changes away from everyone else; server-side apply of an equal value shares
    it. Of those who share it the one with the latest entry is named. Writes to the status are left out: they have no
    part in the spec, but may carry the same name.
    """
    entries = [
        entry
        for entry in document["metadata"].get("managedFields") or []
        if not entry.get("subresource") and _owns(entry.get("fieldsV1"), path)
    ]
    latest = max(entries, key=lambda entry: str(entry.get("time", "")), default=None)
    return str(latest.get("manager", "")) if latest else ""


def _owns(fields: object, path: tuple[str, ...]) -> bool:
    for step in path:
        if not isinstance(fields, dict) or step not in fields:
            return False
        fields = fields[step]
    return True
