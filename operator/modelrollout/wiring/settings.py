"""Everything that can be set on the operator, from environment variables `MODELROLLOUT_<NAME>`."""

import os
import socket
import uuid
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

_SERVICE_ACCOUNT_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")

Names = Annotated[tuple[str, ...], NoDecode]
"""A list as one writes it in YAML values: separated by commas."""


def _own_namespace() -> str:
    try:
        return _SERVICE_ACCOUNT_NAMESPACE.read_text().strip()
    except OSError:
        return "default"


def _own_identity() -> str:
    """The pod's name, by which the CLI finds the leader; elsewhere a name that no other process has."""
    pod = os.environ.get("POD_NAME")
    return pod or f"{socket.gethostname()}-{uuid.uuid4().hex[:8]}"


class Settings(BaseSettings):
    """The operator's settings. Lists are separated by commas."""

    model_config = SettingsConfigDict(env_prefix="MODELROLLOUT_", frozen=True)

    namespaces: Names = Field(default=(), description="Namespaces that are served. Empty: all.")
    workloads: Names = Field(default=(), description="Further kinds of workloads, each as group/version/plural/Kind.")
    scale: bool = Field(
        default=False, description="Whether workloads are scaled where a rollout asks for it: the rights are there."
    )
    sticky_users: bool = Field(
        default=False, description="Whether BackendTrafficPolicies keep users on one version: the rights are there."
    )
    prometheus_address: str = Field(
        default="http://prometheus-server.monitoring.svc", description="Prometheus of rollouts that name none."
    )
    prometheus_allowed: Names = Field(
        default=(), description="Further Prometheus addresses that rollouts may name; * for a part of a host name."
    )
    prometheus_token: SecretStr = Field(default=SecretStr(""), description="Bearer token for prometheus_address.")
    webhooks_allowed: Names = Field(
        default=(), description="Addresses that webhooks of steps may call; * for a part of a host name. Empty: none."
    )
    prometheus_timeout: float = Field(default=8.0, gt=0, le=60, description="Seconds for one query.")
    lease_namespace: str = Field(default_factory=_own_namespace, description="Where the lease lives.")
    lease_name: str = Field(default="modelrollout", description="Name of the lease.")
    lease_duration: float = Field(default=15.0, ge=1, description="Seconds after which others take over.")
    lease_renew: float = Field(default=10.0, gt=0, description="Seconds without renewal after which the leader ends.")
    lease_retry: float = Field(default=2.0, gt=0, description="Seconds between tries.")
    identity: str = Field(default_factory=_own_identity, min_length=1, description="Name in the lease and in events.")
    probe_host: str = Field(default="0.0.0.0", description="Address for probes, metrics and live values.")  # noqa: S104
    probe_port: int = Field(default=8080, ge=0, le=65535, description="Port of the same; 0 for any.")
    reconcile_workers: int = Field(default=64, ge=1, le=1000, description="Rollouts reconciled at once.")
    analysis_workers: int = Field(default=8, ge=1, le=200, description="Prometheus queries under way at once.")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(default="INFO", description="Least level logged.")

    @field_validator("namespaces", "prometheus_allowed", "webhooks_allowed", "workloads", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(filter(None, (part.strip() for part in value.split(",")))) if isinstance(value, str) else value

    @field_validator("lease_renew")
    @classmethod
    def _shorter_than_the_lease(cls, value: float, info: object) -> float:
        duration = getattr(info, "data", {}).get("lease_duration")
        if duration is not None and value >= duration:
            raise ValueError("lease_renew must be shorter than lease_duration: else two processes can lead at once")
        return value

    @property
    def places(self) -> tuple[str | None, ...]:
        """What to list and watch of our own kinds: each namespace, or all at once."""
        return self.namespaces or (None,)
