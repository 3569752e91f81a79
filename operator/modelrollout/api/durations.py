"""Durations as Kubernetes writes them ("1h30m", "250ms"), with days ("7d"), as `datetime.timedelta` in Python."""

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from modelrollout.api.rules import Rule

# Days stand alone because neither Go's nor CEL's durations know them: a rule tells the two forms apart by their end.
# The number of digits keeps every text inside the 290 years that a Go duration can hold.
PATTERN = r"^([0-9]{1,4}d|([0-9]{1,5}h|[0-9]{1,9}(m|s|ms|us))+)$"
_MAX_LENGTH = 40
_PART = re.compile(r"([0-9]+)(d|h|ms|us|m|s)")
_UNITS = {
    "d": timedelta(days=1),
    "h": timedelta(hours=1),
    "m": timedelta(minutes=1),
    "s": timedelta(seconds=1),
    "ms": timedelta(milliseconds=1),
    "us": timedelta(microseconds=1),
}


def parse_duration(text: str) -> timedelta:
    """The duration that `text` stands for.

    Raises:
        ValueError: if `text` is no sequence of whole numbers with the units d, h, m, s, ms or us.
    """
    if not text or len(text) > _MAX_LENGTH or not re.fullmatch(PATTERN, text):
        raise ValueError(f"{text!r} is no duration: write it like 30s, 1h30m, 250ms, or 7d for whole days")
    return sum((int(number) * _UNITS[unit] for number, unit in _PART.findall(text)), timedelta())


def format_duration(duration: timedelta) -> str:
    """The shortest text that `parse_duration` reads back as exactly `duration`, with days only for whole days.

    Raises:
        ValueError: if `duration` is negative.
    """
    if duration < timedelta():
        raise ValueError(f"a duration cannot be negative: {duration}")
    if duration and duration % _UNITS["d"] == timedelta():
        return f"{duration // _UNITS['d']}d"
    parts, rest = [], duration
    for unit in ("h", "m", "s", "ms", "us"):
        number, rest = divmod(rest, _UNITS[unit])
        if number:
            parts.append(f"{number}{unit}")
    return "".join(parts) or "0s"


class _AsText:
    """Reads and writes a `timedelta` in the form above, and describes it to the API server as a string."""

    @staticmethod
    def _read(value: object) -> timedelta:
        if isinstance(value, timedelta):
            return value
        if not isinstance(value, str):
            raise PydanticCustomError("duration", "write a duration like 30s, 1h30m, 250ms or 7d, as text")
        try:
            return parse_duration(value)
        except ValueError as error:
            raise PydanticCustomError("duration", "{message}", {"message": str(error)}) from None

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            self._read, serialization=core_schema.plain_serializer_function_ser_schema(format_duration)
        )

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"type": "string", "minLength": 2, "maxLength": _MAX_LENGTH, "pattern": PATTERN}


Duration = Annotated[timedelta, _AsText()]


@dataclass(frozen=True, slots=True)
class Between:
    """Bounds of a `Duration`, both included; goes into `Annotated[Duration, Between("1s", "1h")]`."""

    low: str
    high: str

    def rule(self) -> Rule:
        """The bounds as a rule for the API server and for Python."""
        low, high = parse_duration(self.low), parse_duration(self.high)
        return Rule(
            f"self.endsWith('d') ? duration(self.replace('d', 'h')) >= {_literal(low / 24)} && "
            f"duration(self.replace('d', 'h')) <= {_literal(high / 24)} : "
            f"duration(self) >= {_literal(low)} && duration(self) <= {_literal(high)}",
            f"must be between {self.low} and {self.high}",
            lambda duration: low <= duration <= high,
        )

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return self.rule().__get_pydantic_core_schema__(source, handler)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return self.rule().__get_pydantic_json_schema__(schema, handler)


def cel_longer(text: str, than: str) -> str:
    """CEL for: the duration `text` is longer than the duration `than`; both are CEL expressions of texts.

    CEL's estimate of costs rules out turning days into hours as text, so a mixed pair is compared in seconds.
    """
    return (
        f"({text}.endsWith('d') == {than}.endsWith('d') ? "
        f"duration({text}.replace('d', 'h')) > duration({than}.replace('d', 'h')) : "
        f"{text}.endsWith('d') ? int({text}.replace('d', '')) * 86400 > duration({than}).getSeconds() : "
        f"duration({text}).getSeconds() > int({than}.replace('d', '')) * 86400)"
    )


def _literal(duration: timedelta) -> str:
    """CEL for a constant duration, to the second where it is whole seconds."""
    seconds, rest = divmod(duration, timedelta(seconds=1))
    return f"duration('{seconds}s')" if not rest else f"duration('{duration // timedelta(microseconds=1)}us')"
