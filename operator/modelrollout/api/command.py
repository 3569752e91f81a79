"""The ModelRolloutCommand: one verb, asked by one person, of one rollout."""

from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from modelrollout.api.base import API_VERSION, Model
from modelrollout.api.durations import Between, Duration
from modelrollout.api.metadata import ObjectMeta
from modelrollout.api.rules import Rule
from modelrollout.api.values import DnsSubdomain


class Verb(StrEnum):
    """What may be asked of a rollout."""

    APPROVE = "Approve"
    PROMOTE = "Promote"
    SKIP = "Skip"
    PAUSE = "Pause"
    RESUME = "Resume"
    ABORT = "Abort"
    RETRY = "Retry"
    UNDO = "Undo"


class ModelRolloutCommandSpec(Model):
    """One verb for one rollout. It is never changed: to ask for something else, create another command."""

    RULES = (
        Rule(
            "!self.full || self.verb == 'Promote'",
            "full goes with the verb Promote: leave it out",
            lambda self: not self.full or self.verb == Verb.PROMOTE,
            "full",
        ),
    )

    rollout: DnsSubdomain = Field(description="Name of the ModelRollout, in the same namespace.")
    run: Annotated[str, Field(min_length=1, max_length=128)] | None = Field(
        default=None,
        description=(
            "Id of the run that is meant (status.run.id). The command is refused once another run goes on. "
            "Default: whichever run goes on when it is read."
        ),
    )
    verb: Verb = Field(
        description=(
            "Approve: leave a step that waits for a person. Promote: go to the next step, though not over a Fail. "
            "Skip: end the hold of this step. Pause, Resume: hold the weight, go on. Abort: traffic back to stable, "
            "the version is held as rejected. Retry: a new attempt with a rejected version. Undo: back to the "
            "previous version in one write."
        )
    )
    full: bool = Field(
        default=False,
        description=(
            "With Promote: all the way to 100 percent, even while verdicts are Inconclusive, never onto a version "
            "that is not ready; recorded as forced. Default: false."
        ),
    )
    reason: Annotated[str, Field(max_length=1024)] = Field(
        default="", description="Why, in your words; kept in status and in the record."
    )
    by: Annotated[str, Field(min_length=1, max_length=256)] = Field(
        description="Who asks: the name of the user that creates this object."
    )
    expires_after: Annotated[Duration, Between("1s", "24h")] = Field(
        default=timedelta(minutes=10),
        description="The command has no effect when it is first read later than this after its creation. Default: 10m.",
    )


class ModelRolloutCommand(BaseModel):
    """A ModelRolloutCommand as read from the API server."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="ignore")

    api_version: Literal["modelrollout.io/v1alpha1"] = API_VERSION
    kind: Literal["ModelRolloutCommand"] = "ModelRolloutCommand"
    metadata: ObjectMeta
    spec: ModelRolloutCommandSpec
