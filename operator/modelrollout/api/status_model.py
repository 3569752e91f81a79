"""What all types of a status have in common: moments, texts, and patience with what a newer operator wrote."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer
from pydantic.alias_generators import to_camel


def _rfc3339(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _rfc3339_seconds(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


Time = Annotated[datetime, PlainSerializer(_rfc3339, return_type=str)]
"""A moment in UTC with milliseconds, as JSON an RFC 3339 string."""

ConditionTime = Annotated[datetime, PlainSerializer(_rfc3339_seconds, return_type=str)]
"""A moment in UTC with whole seconds, as metav1.Time writes it."""

Text = Annotated[str, Field(max_length=1024)]


class StatusModel(BaseModel):
    """Base of all status types: camelCase in JSON, unknown fields of a newer operator are left alone."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="ignore")
