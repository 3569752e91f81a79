"""Label selectors as text."""

from collections.abc import Mapping
from typing import Any

_OPERATORS = {"In": "in", "NotIn": "notin"}


def labels_text(labels: Mapping[str, Any]) -> str:
    """Labels that must all be there, as the API server takes them in a query; empty for none."""
    return ",".join(f"{key}={value}" for key, value in sorted(labels.items()))


def selector_text(selector: Mapping[str, Any]) -> str:
    """A metav1.LabelSelector as the API server takes it in a query."""
    labels = labels_text(selector.get("matchLabels") or {})
    parts = [labels] if labels else []
    for rule in selector.get("matchExpressions") or []:
        key, operator = rule["key"], rule["operator"]
        if operator in _OPERATORS:
            parts.append(f"{key} {_OPERATORS[operator]} ({','.join(rule.get('values') or [])})")
        else:
            parts.append(key if operator == "Exists" else f"!{key}")
    return ",".join(parts)
