"""What of an object is worth its memory."""

from modelrollout.kube.resources import (
    COMMANDS,
    DEPLOYMENTS,
    ENDPOINTSLICES,
    MODELROLLOUTS,
    SERVICES,
    STATEFULSETS,
    Obj,
    Resource,
)

_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
# Routes keep their managedFields: those tell who else writes the weights.
_WITHOUT_MANAGERS = frozenset({COMMANDS, DEPLOYMENTS, ENDPOINTSLICES, MODELROLLOUTS, SERVICES, STATEFULSETS})


def trim(resource: Resource, obj: Obj) -> Obj:
    """The object without the books that field managers and kubectl keep in it."""
    metadata = obj["metadata"]
    annotations = metadata.get("annotations") or {}
    drop = {"managedFields"} if resource in _WITHOUT_MANAGERS and "managedFields" in metadata else set()
    if _LAST_APPLIED in annotations:
        drop.add("annotations")
    if not drop:
        return obj
    kept = {key: value for key, value in metadata.items() if key not in drop}
    rest = {key: value for key, value in annotations.items() if key != _LAST_APPLIED}
    if annotations:
        # Kept even when empty: else a patch built from this object takes them for absent and overwrites them.
        kept["annotations"] = rest
    return {**obj, "metadata": kept}
