"""What the collector takes from requests and answers, and how it compares the answers of two versions."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from modelrollout.api.base import Model
from modelrollout.api.durations import Between, Duration
from modelrollout.api.values import DnsLabel, HeaderName, Number

JsonPath = Annotated[str, Field(min_length=1, max_length=256)]


class ComparisonKind(StrEnum):
    """How two predictions of the same request are compared."""

    CLASS = "Class"
    NUMBER = "Number"
    TOP_K = "TopK"
    VECTOR = "Vector"
    JSON = "Json"


class Comparison(Model):
    """When two predictions count as equal."""

    kind: ComparisonKind = Field(description="What a prediction is, and so how two of them are compared.")
    tolerance: Annotated[Number, Field(ge=0)] | None = Field(
        default=None,
        description="Largest difference that counts as equal, in the unit of the prediction. Default: 0.",
    )


class RandomisedUnit(Model):
    """What is assigned to a version: usually a user."""

    header: HeaderName = Field(description="Request header that identifies the unit. Its value is hashed, not kept.")


class TelemetrySlice(Model):
    """A label by which the collector splits its counters."""

    name: DnsLabel = Field(description="Name of the label on the collector's counters.")
    header: HeaderName = Field(description="Request header that the label's value is taken from.")
    max_values: Annotated[int, Field(ge=1, le=100)] = Field(
        default=20, description="Distinct values counted apart; later ones are counted as other."
    )


class Invariant(Model):
    """A range that every answer must keep."""

    name: DnsLabel = Field(description="Name of the invariant, a label on the counter of broken ones.")
    path: JsonPath = Field(description="Path into the JSON body of the answer.")
    min: Number | None = Field(default=None, description="Smallest allowed value. Default: none.")
    max: Number | None = Field(default=None, description="Largest allowed value. Default: none.")


class Telemetry(Model):
    """What the collector reads and compares."""

    prediction: JsonPath | None = Field(
        default=None,
        description="Path to the prediction in the JSON body of an answer, such as outputs[0].data[0].",
    )
    compare: Comparison | None = Field(
        default=None, description="How the predictions of two versions for one request are compared."
    )
    unit: RandomisedUnit | None = Field(default=None, description="The randomised unit. Default: the request.")
    slices: tuple[TelemetrySlice, ...] | None = Field(
        default=None,
        max_length=8,
        description="Labels by which counters are split.",
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]},
    )
    invariants: tuple[Invariant, ...] | None = Field(
        default=None,
        max_length=16,
        description="Ranges that every answer must keep; broken ones are counted.",
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]},
    )
    label_delay: Annotated[Duration, Between("0s", "30d")] | None = Field(
        default=None, description="Age at which an outcome is counted, on every version alike. Default: at once."
    )
