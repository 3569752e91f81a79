"""What a command is about."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Target:
    """Which cluster and namespace a command is about; None means what the kubeconfig says."""

    namespace: str | None = None
    context: str | None = None
    kubeconfig: str | None = None
