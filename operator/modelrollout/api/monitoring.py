"""What goes on after the watch: the version that serves against its own beginnings."""

from datetime import timedelta
from typing import Annotated

from pydantic import Field

from modelrollout.api.base import Model
from modelrollout.api.durations import Between, Duration
from modelrollout.api.values import DnsLabel

MOST_MONITORED = 8
"""Metrics of one rollout that are monitored: the reference of each stands in the status."""


class Monitoring(Model):
    """The version that serves is compared with a reference that does not move, as long as it serves.

    It alerts and sets the conditions Degrading and ModelStale; it never moves traffic.
    """

    every: Annotated[Duration, Between("5s", "7d")] = Field(
        default=timedelta(days=1),
        description=(
            "Time between two looks; each look is at all that was answered since the last. Whole days even out what "
            "changes with the hour. Default: 1d."
        ),
    )
    reference: Annotated[int, Field(ge=3, le=30)] = Field(
        default=7,
        description="How many looks, from when the version serves alone, are the reference. Default: 7.",
    )
    false_alarms: Annotated[Duration, Between("30d", "3650d")] = Field(
        default=timedelta(days=365),
        description="Mean time, at least, between two false alarms over all the metrics together. Default: 365d.",
    )
    metrics: Annotated[tuple[DnsLabel, ...], Field(min_length=1, max_length=MOST_MONITORED)] | None = Field(
        default=None,
        description=(
            "Names of the metrics that are monitored: proportion, latency or distribution. Default: the first eight "
            "of those kinds that are no Monitor."
        ),
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )
    max_age: Annotated[Duration, Between("1h", "3650d")] | None = Field(
        default=None,
        description=("Age of the model, by versions[].model.trainedAt, from which ModelStale is true. Default: none."),
    )
