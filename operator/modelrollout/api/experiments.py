"""Experiments: several candidates side by side, with fixed shares or with shares that follow a goal."""

from datetime import timedelta
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from modelrollout.api.base import Model
from modelrollout.api.durations import Between, Duration
from modelrollout.api.rules import Rule
from modelrollout.api.values import ONE_DECIMAL, HeaderName, Number, Percent


class Sticky(Model):
    """What keeps a user on one version."""

    header: HeaderName = Field(
        description=(
            "Header that identifies the user, for example x-user: the same value always meets the same version, and a "
            "change of the weights moves only the users it must. Requests without it are split at random."
        ),
    )


class Until(Model):
    """When an experiment ends at the latest: whichever comes first."""

    RULES = (
        Rule(
            "has(self.duration) || has(self.samples)",
            "say when the experiment ends: set until.duration (for example 7d), until.samples, or both",
            lambda self: self.duration is not None or self.samples is not None,
        ),
    )

    duration: Annotated[Duration, Between("1s", "365d")] | None = Field(
        default=None, description="Longest time to run, for example 7d."
    )
    samples: Annotated[int, Field(ge=1, le=1_000_000_000)] | None = Field(
        default=None, description="It ends once every version has given so many answers."
    )


class ExperimentThen(StrEnum):
    """What follows an experiment."""

    PROMOTE_WINNER = "PromoteWinner"
    REPORT = "Report"


class Horizon(StrEnum):
    """When an experiment may be judged."""

    SEQUENTIAL = "Sequential"
    FIXED = "Fixed"


_UNTIL = (
    "When the experiment ends at the latest: after a time, or once every version has given so many answers. Default: "
    "at progressDeadline."
)
_THEN = (
    "PromoteWinner (default): who is proven to be better than every other version gets all traffic; if nobody is, "
    "stable keeps it. Report: stable keeps the traffic whatever was found."
)


class ABTest(Model):
    """Users are split between several versions for a while; then the winner is promoted or reported."""

    RULES = (
        Rule(
            "self.horizon != 'Fixed' || has(self.until)",
            "a fixed horizon has an end that is planned before: set until.duration, until.samples or both",
            lambda self: self.horizon is not Horizon.FIXED or self.until is not None,
            "until",
        ),
    )

    split: Annotated[dict[str, Percent], Field(min_length=1, max_length=16)] | None = Field(
        default=None,
        description=(
            "Percent of the traffic for each candidate, by name; the stable version has what they leave, and may be "
            "written too where all sums to 100. Default: equal shares for all, the stable version included."
        ),
    )
    sticky: Sticky | None = Field(
        default=None,
        description=(
            "What keeps a user on one version. Needs traffic.gatewayAPI with Envoy Gateway. Default: every request is "
            "split by itself."
        ),
    )
    horizon: Horizon = Field(
        default=Horizon.SEQUENTIAL,
        description=(
            "Sequential (default): judged at every look, and over as soon as all is decided. Fixed: judged once, at "
            "the planned end, by classical tests; until then only guardrails act."
        ),
    )
    until: Until | None = Field(default=None, description=_UNTIL)
    then: ExperimentThen = Field(default=ExperimentThen.PROMOTE_WINNER, description=_THEN)


class Bandit(Model):
    """Traffic moves towards the version that does better on the first goal metric."""

    floor: Annotated[Number, Field(ge=1, le=30), ONE_DECIMAL] = Field(
        default=5, description="Percent that every version keeps, the stable one included. Default: 5."
    )
    interval: Annotated[Duration, Between("1s", "1d")] = Field(
        default=timedelta(minutes=1), description="Time between two changes of the weights. Default: 1m."
    )
    max_change: Annotated[Number, Field(gt=0, le=100), ONE_DECIMAL] = Field(
        default=10,
        description="By how many percentage points of the traffic a version's weight may change a minute. Default: 10.",
    )
    until: Until | None = Field(default=None, description=_UNTIL)
    then: ExperimentThen = Field(default=ExperimentThen.PROMOTE_WINNER, description=_THEN)
