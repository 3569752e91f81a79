"""The candidates of an experiment, as the status has them."""

from enum import StrEnum

from pydantic import Field

from modelrollout.api.status_model import StatusModel, Text, Time


class ArmState(StrEnum):
    """Where one version of an experiment stands."""

    RUNNING = "Running"
    WAITING = "Waiting"
    OUT = "Out"


class Arm(StatusModel):
    """One candidate of an experiment."""

    version: str = Field(description="Name of the version.", max_length=63)
    revision: str = Field(default="", description="Revision of its workload that is tried.", max_length=64)
    weight: int = Field(default=0, ge=0, le=1000, description="Its weight now, of 1000.")
    state: ArmState = Field(
        default=ArmState.RUNNING,
        description="Running; Waiting for a ready endpoint, without traffic; or Out, for good in this run.",
    )
    reason: str = Field(
        default="",
        description="One CamelCase word why it waits, is out, or keeps its weight although a guardrail failed.",
        max_length=64,
    )
    message: Text = Field(default="", description="The same in a sentence with the numbers.")
    beats: list[str] = Field(
        default_factory=list, max_length=16, description="Versions that it is proven to be better than."
    )
    restarts: int | None = Field(default=None, ge=0, description="Container restarts first known after it got traffic.")
    unavailable_since: Time | None = Field(default=None, description="Since when it has no ready endpoint.")
    unavailable_times: int = Field(default=0, ge=0, description="How often it lost its last ready endpoint.")
