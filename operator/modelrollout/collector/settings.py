"""Everything that can be set on the collector, from environment variables `MODELROLLOUT_COLLECTOR_<NAME>`."""

import os
import socket
import uuid
from typing import Annotated, Literal

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from modelrollout.collector.recording import Ages

Names = Annotated[tuple[str, ...], NoDecode]


class Settings(BaseSettings):
    """The collector's settings. Lists are separated by commas."""

    model_config = SettingsConfigDict(env_prefix="MODELROLLOUT_COLLECTOR_", frozen=True)

    namespaces: Names = Field(default=(), description="Namespaces whose ModelRollouts are watched. Empty: all.")
    store: SecretStr = Field(
        default=SecretStr("sqlite:///collector.db"),
        description="Where things are kept: sqlite:////path, or postgresql://user:password@host/name for replicas.",
    )
    host: str = Field(default="0.0.0.0", description="Address for events and labels.")  # noqa: S104
    port: int = Field(default=8090, ge=0, le=65535, description="Port of the same; 0 for any.")
    probe_host: str = Field(default="0.0.0.0", description="Address for probes and metrics.")  # noqa: S104
    probe_port: int = Field(default=8080, ge=0, le=65535, description="Port of the same; 0 for any.")
    token_file: str = Field(default="", description="File of bearer tokens, one a line, with namespaces after it.")
    tls_certificate: str = Field(default="", description="File of the server's certificate chain (PEM).")
    tls_key: str = Field(default="", description="File of its key.")
    tls_client_ca: str = Field(default="", description="File of the CAs whose clients are let in (mutual TLS).")
    anonymous: bool = Field(default=False, description="Let everybody write who reaches the port.")
    hash_key: SecretStr = Field(
        default=SecretStr(""), description="Key of the hashes of users and classes. Default: one that the store keeps."
    )
    settle: float = Field(default=10.0, gt=0, le=600, description="Seconds in the store before anything is counted.")
    patience: float = Field(default=600.0, gt=0, le=86_400, description="Seconds to wait for an answer.")
    retention: float = Field(
        default=86_400.0, ge=3600, le=30 * 86_400, description="Seconds for which ids are remembered, and oldest event."
    )
    largest_body: int = Field(default=4 << 20, ge=1024, le=256 << 20, description="Bytes of one message.")
    queue: int = Field(default=20_000, ge=1, le=1_000_000, description="Rows that may wait to be kept.")
    rate: float = Field(default=5000.0, gt=0, description="Events a second from one namespace.")
    most_rows: int = Field(
        default=20_000_000, ge=1000, description="Exchanges in the store, beyond which none is taken."
    )
    most_bytes: int = Field(
        default=8 << 30, ge=1 << 20, description="Size of SQLite's file, beyond which none is taken."
    )
    most_groups: int = Field(default=1000, ge=1, le=100_000, description="Groups of slices of one rollout.")
    identity: str = Field(
        default_factory=lambda: os.environ.get("POD_NAME") or f"{socket.gethostname()}-{uuid.uuid4().hex[:8]}",
        min_length=1,
        description="Name of this replica.",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(default="INFO", description="Least level logged.")

    @field_validator("namespaces", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(filter(None, (part.strip() for part in value.split(",")))) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _somebody_is_asked(self) -> "Settings":
        if not (self.anonymous or self.token_file or self.tls_client_ca):
            raise ValueError("say who may write: set token_file or tls_client_ca, or anonymous to let everybody")
        if bool(self.tls_certificate) != bool(self.tls_key) or (self.tls_client_ca and not self.tls_certificate):
            raise ValueError("TLS needs tls_certificate and tls_key, and mutual TLS tls_client_ca beside them")
        return self

    @property
    def ages(self) -> Ages:
        """How long what is waited for."""
        return Ages(self.settle, self.patience, self.retention)
