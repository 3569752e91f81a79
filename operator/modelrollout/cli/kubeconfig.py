"""What the kubeconfig says of the namespace; kubectl merges its files in the same way."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

SERVICE_ACCOUNT_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


def namespace_of(context: str | None) -> str:
    """Namespace of the context (by default the current one), of the pod this runs in, or "default"."""
    if "KUBERNETES_SERVICE_HOST" in os.environ and "KUBECONFIG" not in os.environ:
        try:
            return SERVICE_ACCOUNT_NAMESPACE.read_text().strip()
        except OSError:
            return "default"
    current = context
    found: dict[str, str] = {}
    for document in _documents():
        current = current or document.get("current-context")
        for entry in document.get("contexts") or []:
            found.setdefault(entry.get("name", ""), (entry.get("context") or {}).get("namespace") or "default")
    return found.get(current or "", "default")


def _documents() -> Iterator[Mapping[str, Any]]:
    import yaml

    paths = os.environ.get("KUBECONFIG") or str(Path.home() / ".kube" / "config")
    for path in filter(None, paths.split(os.pathsep)):
        try:
            document = yaml.safe_load(Path(path).read_text())
        except (OSError, yaml.YAMLError):
            continue  # the client names the file that it cannot read
        if isinstance(document, Mapping):
            yield document
