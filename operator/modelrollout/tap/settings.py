"""Everything that can be set on a tap, from environment variables `MODELROLLOUT_TAP_<NAME>`."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

Names = Annotated[frozenset[str], NoDecode]
"""Names of headers, separated by commas; letters count alike in either case."""


class Bodies(StrEnum):
    """Which bodies are sent to the collector."""

    NONE = "none"
    RESPONSES = "responses"
    BOTH = "both"


class TapSettings(BaseSettings):
    """The tap's settings. Sizes are in bytes, times in seconds."""

    model_config = SettingsConfigDict(env_prefix="MODELROLLOUT_TAP_", frozen=True)

    namespace: str = Field(min_length=1, description="Namespace of the workload.")
    workload: str = Field(min_length=1, description="Name of the workload, by which the collector knows the version.")
    pod: str = Field(default="", description="Name of the pod, a part of the events' source.")
    collector: str = Field(pattern=r"^https?://[^/?#]+(/[^?#]*)?$", description="URL of the collector.")
    token: SecretStr = Field(default=SecretStr(""), description="Bearer token for the collector.")
    ca_file: str = Field(default="", description="Certificates that the collector's must be signed by.")
    certificate_file: str = Field(default="", description="Client certificate for the collector, with its chain (PEM).")
    key_file: str = Field(default="", description="Key of the client certificate (PEM).")
    host: str = Field(default="0.0.0.0", description="Address that requests come to.")  # noqa: S104 - a pod's own
    port: int = Field(default=15080, ge=0, le=65535, description="Port that requests come to; 0 for any.")
    admin_port: int = Field(default=15081, ge=0, le=65535, description="Port for probes and metrics; 0 for any.")
    server_host: str = Field(default="127.0.0.1", description="Address of the model server.")
    server_port: int = Field(ge=1, le=65535, description="Port of the model server.")
    id_header: str = Field(default="x-request-id", description="Header that holds the id of a request.")
    headers: Names = Field(default=frozenset(), description="Request headers that are sent to the collector.")
    bodies: Bodies = Field(default=Bodies.RESPONSES, description="Bodies that are sent to the collector.")
    max_body: int = Field(default=64 * 1024, ge=0, le=16 * 2**20, description="Larger bodies are not sent.")
    sample: float = Field(default=1.0, ge=0, le=1, description="Share of the requests, by their ids, with events.")
    queue_events: int = Field(default=10_000, ge=1, description="Events that wait for the collector, at most.")
    queue_bytes: int = Field(default=32 * 2**20, ge=1024, description="The same in bytes.")
    batch_events: int = Field(default=100, ge=1, le=1000, description="Events in one request to the collector.")
    batch_bytes: int = Field(default=512 * 1024, ge=1024, description="Their bytes, unless one alone has more.")
    flush: float = Field(default=0.5, gt=0, le=60, description="How long an event waits for others.")
    timeout: float = Field(default=5.0, gt=0, le=60, description="For one request to the collector.")
    heartbeat: float = Field(default=10.0, gt=0, le=3600, description="Time between two heartbeats.")
    server_idle: float = Field(default=1.0, gt=0, le=3600, description="When unused connections to the server go.")
    linger: float = Field(default=2.0, ge=0, le=600, description="Quiet time after SIGTERM before the tap ends.")
    drain: float = Field(default=20.0, ge=0, le=3600, description="Time after SIGTERM for what is under way.")
    farewell: float = Field(default=5.0, ge=0, le=600, description="Time for the last events after that.")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(default="INFO", description="Least level logged.")

    @field_validator("headers", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        return frozenset(filter(None, (part.strip().lower() for part in value.split(","))))

    @field_validator("id_header")
    @classmethod
    def _lower(cls, value: str) -> str:
        return value.lower()
