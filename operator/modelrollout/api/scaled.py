"""Replicas of a version, as the status remembers what was decided of them."""

from pydantic import Field

from modelrollout.api.status_model import StatusModel, Time


class Scaled(StatusModel):
    """What the operator decided of one version's replicas, where it scales them."""

    version: str = Field(description="Name of the version.", max_length=63)
    replicas: int = Field(ge=0, description="Replicas that its workload is to have.")
    found: int = Field(ge=0, description="Replicas that it had when that was decided.")
    settled: bool = Field(
        default=False, description="The workload has had them since: another number is somebody else's."
    )
    left: bool = Field(default=False, description="Somebody else has scaled it: it is left alone until the next run.")
    down_at: Time | None = Field(
        default=None, description="When it goes down to 0, unless it gets traffic or is scaled by somebody else."
    )
