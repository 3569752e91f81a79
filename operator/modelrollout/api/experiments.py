"""Strategies that later work brings: part of the schema, refused by name until then."""

from datetime import timedelta
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from modelrollout.api.base import Model
from modelrollout.api.canary import Audience, Samples
from modelrollout.api.durations import Between, Duration
from modelrollout.api.values import HeaderName, Percent


class Sticky(Model):
    """What keeps a user on one version."""

    header: HeaderName | None = Field(default=None, description="Header that identifies the user.")
    cookie: HeaderName | None = Field(default=None, description="Cookie that identifies the user.")


class Until(Model):
    """When an experiment ends: whichever comes first."""

    duration: Annotated[Duration, Between("1s", "365d")] | None = Field(
        default=None, description="Longest time to run, for example 7d."
    )
    samples: Samples | None = Field(default=None, description="Answers of each version to collect at most.")


class ExperimentThen(StrEnum):
    """What follows an experiment."""

    PROMOTE_WINNER = "PromoteWinner"
    REPORT = "Report"


class ABTest(Model):
    """Users are split between several versions for a while; then the winner is promoted or reported."""

    split: Annotated[dict[str, Percent], Field(min_length=1, max_length=16)] | None = Field(
        default=None, description="Percent of the audience for each version, by name. Default: equal shares."
    )
    audience: Audience | None = Field(default=None, description="Whose requests take part. Default: everybody's.")
    sticky: Sticky | None = Field(default=None, description="What keeps a user on one version.")
    until: Until | None = Field(default=None, description="When the experiment ends.")
    then: ExperimentThen = Field(default=ExperimentThen.REPORT, description="What follows the end. Default: Report.")


class Bandit(Model):
    """Traffic moves towards the version that does better on the goal metric."""

    floor: Percent = Field(default=5, description="Percent that every version keeps. Default: 5.")
    interval: Annotated[Duration, Between("1s", "1d")] = Field(
        default=timedelta(minutes=1), description="Time between two changes of the weights. Default: 1m."
    )
    until: Until | None = Field(default=None, description="When the experiment ends.")
    then: ExperimentThen = Field(default=ExperimentThen.REPORT, description="What follows the end. Default: Report.")
