"""What a workload's pod template says of the model that its pods serve."""

from collections.abc import Mapping
from typing import Any

MODEL_ANNOTATIONS: Mapping[str, str] = {"digest": "modelrollout.io/model-digest", "uri": "modelrollout.io/model-uri"}
"""Annotations of pod templates, by the field of `spec.versions[].model` that they are compared with."""


def annotated_model(workload: Mapping[str, Any]) -> dict[str, str]:
    """What is said, by field; nothing for a workload that has no pod template, or one that says nothing."""
    template = (workload.get("spec") or {}).get("template") or {}
    annotations = (template.get("metadata") or {}).get("annotations") or {}
    return {field: str(annotations[name]) for field, name in MODEL_ANNOTATIONS.items() if name in annotations}
