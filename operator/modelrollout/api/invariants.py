"""Invariants: what every request or answer of a model must keep, whoever it is for."""

from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field

from modelrollout.api.base import Model
from modelrollout.api.durations import Between, Duration
from modelrollout.api.rules import Rule
from modelrollout.api.values import DnsLabel, HeaderName, Number, Share

JsonPath = Annotated[str, Field(min_length=1, max_length=256)]
"""A JMESPath expression over a JSON body."""


class Side(StrEnum):
    """Which body of an exchange is looked at."""

    REQUEST = "Request"
    ANSWER = "Answer"


SOURCE_RULE = Rule(
    "[has(self.header), has(self.field)].exists_one(x, x)",
    "say where the value comes from: set exactly one of header and field",
    lambda self: (self.header is None) != (self.field is None),
)


class Sum(Model):
    """What the numbers must add up to."""

    equals: Number = Field(default=1.0, description="Sum of all numbers at the path. Default: 1.")
    tolerance: Annotated[Number, Field(ge=0)] = Field(
        default=0.001, description="Greatest difference from it. Default: 0.001."
    )


class Flicker(Model):
    """The value must not change from one answer to the next for the same key."""

    RULES = (SOURCE_RULE,)

    header: HeaderName | None = Field(
        default=None, description="Request header with the key, such as an item's number. Its value is hashed."
    )
    field: JsonPath | None = Field(
        default=None, description="Path of the key in the JSON body of the request. Its value is hashed."
    )
    within: Annotated[Duration, Between("1s", "1d")] = Field(
        description="Answers for one key that lie further apart than this may differ."
    )


class Invariant(Model):
    """What every request or every answer must keep; exactly one kind of check."""

    RULES = (
        Rule(
            "[has(self.min) || has(self.max), has(self.finite), has(self.allowed), has(self.sum), "
            "has(self.confidence), has(self.jsonSchema), has(self.flicker)].exists_one(x, x)",
            "an invariant checks exactly one of: min and max, finite, allowed, sum, confidence, jsonSchema, flicker",
            lambda self: self.kinds == 1,
        ),
        Rule(
            "!has(self.min) || !has(self.max) || self.min <= self.max",
            "min must not be greater than max",
            lambda self: self.min is None or self.max is None or self.min <= self.max,
            "min",
        ),
        Rule(
            "!has(self.flicker) || !has(self.of) || self.of == 'Answer'",
            "flicker compares answers: leave of out",
            lambda self: self.flicker is None or self.of is Side.ANSWER,
            "of",
        ),
    )

    name: DnsLabel = Field(description="Name of the invariant, a label on the counters of checks and of failures.")
    of: Side = Field(default=Side.ANSWER, description="Whose JSON body is checked. Default: Answer.")
    path: JsonPath = Field(
        default="@",
        description="JMESPath of what is checked, such as outputs[1].data. Each of several values. Default: all of it.",
    )
    min: Number | None = Field(default=None, description="Smallest allowed number. Default: none.")
    max: Number | None = Field(default=None, description="Largest allowed number. Default: none.")
    finite: bool | None = Field(
        default=None, description="True: every value must be a number, neither infinite nor NaN."
    )
    allowed: tuple[Annotated[str, Field(max_length=128)], ...] | None = Field(
        default=None,
        min_length=1,
        max_length=256,
        description="The values that may occur, such as names of classes. Numbers are written as text.",
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )
    sum: Sum | None = Field(default=None, description="What the numbers at the path must add up to.")
    confidence: Share | None = Field(
        default=None, description="The largest number at the path must be at least this, such as the best class's."
    )
    json_schema: dict[str, Any] | None = Field(
        default=None,
        description=(
            "JSON schema (draft 2020-12) that the value must fit. The keywords pattern, patternProperties, format and "
            "references are refused by the collector: they could take its time without bound."
        ),
    )
    flicker: Flicker | None = Field(
        default=None, description="The value must not change from one answer to the next for the same key."
    )

    @property
    def kinds(self) -> int:
        """How many kinds of checks are asked for."""
        others = (self.finite, self.allowed, self.sum, self.confidence, self.json_schema, self.flicker)
        return (self.min is not None or self.max is not None) + sum(one is not None for one in others)
