"""Small types that several parts of the API share: names, percentages, texts with bounds."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field, PlainSerializer

from modelrollout.api.rules import Rule

TOTAL_WEIGHT = 1000
"""Sum of the weights of all versions in a managed rule: one unit is a tenth of a percent."""


def weight_of(percent: float) -> int:
    """The weight, out of `TOTAL_WEIGHT`, that stands for `percent` (0-100, at most one decimal)."""
    return round(percent * TOTAL_WEIGHT / 100)


def percent_of(weight: int) -> float:
    """The percentage that `weight`, out of `TOTAL_WEIGHT`, stands for."""
    return weight * 100 / TOTAL_WEIGHT


def format_percent(percent: float) -> str:
    """A percentage as people write it: "25%", "0.5%"."""
    return f"{plain_number(percent)}%"


def plain_number(number: float) -> float | int:
    """An int where the number is whole, so that 25 is written as 25 and not as 25.0."""
    return int(number) if number == int(number) else number


def in_words(names: Sequence[str]) -> str:
    """Names as people list them: "v8", "v8 and v9", "v8, v9 and v10"."""
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else "".join(names)


def _one_decimal(percent: float) -> bool:
    return abs(percent * 10 - round(percent * 10)) < 1e-9


Number = Annotated[float, PlainSerializer(plain_number, return_type=float | int, when_used="json")]

ONE_DECIMAL = Rule(
    "[self * 10.0 - double(int(self * 10.0 + 0.5))].all(rest, rest < 0.000001 && rest > -0.000001)",
    "a percentage has at most one decimal: write 0.5 or 12.5",
    _one_decimal,
)

Percent = Annotated[Number, Field(ge=0, le=100), ONE_DECIMAL]

DnsLabel = Annotated[str, Field(min_length=1, max_length=63, pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")]
DnsSubdomain = Annotated[
    str,
    Field(
        min_length=1,
        max_length=253,
        pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$",
    ),
]
Hostname = Annotated[
    str,
    Field(
        min_length=1,
        max_length=253,
        pattern=r"^(\*\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$",
    ),
]
HeaderName = Annotated[str, Field(min_length=1, max_length=256, pattern=r"^[A-Za-z0-9!#$%&'*+\-.^_`|~]+$")]
ShortText = Annotated[str, Field(min_length=1, max_length=256)]
Port = Annotated[int, Field(ge=1, le=65535)]
Share = Annotated[Number, Field(ge=0, le=1)]
