"""Rules as values: each is stated once and checked twice, in CEL by the API server and in Python by everybody else.

A rule on a model stands in its `RULES`; a rule on a single value is put into `Annotated[...]`. Both forms end up in the
CRD as `x-kubernetes-validations` and run when a resource is parsed, so that `lint` without a cluster says the same
sentence as `kubectl apply`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

_T = TypeVar("_T")

VALIDATIONS = "x-kubernetes-validations"


@dataclass(frozen=True, slots=True)
class Rule:
    """One promise about a value.

    Attributes:
        cel: the promise in CEL, with the value as `self`.
        message: what is wrong and what to do, for the person who wrote the resource.
        holds: the same promise in Python.
        field: JSON name of the field to point at, empty for the value itself.
        reason: Kubernetes' reason for the refusal.
    """

    cel: str
    message: str
    holds: Callable[[Any], bool]
    field: str = ""
    reason: str = "FieldValueInvalid"

    def as_validation(self) -> dict[str, str]:
        """The rule as one entry of `x-kubernetes-validations`."""
        entry = {"rule": self.cel, "message": self.message, "reason": self.reason}
        return entry | {"fieldPath": f".{self.field}"} if self.field else entry

    def check(self, value: _T) -> _T:
        """The value itself, or a pydantic error that carries the message and the field."""
        if not self.holds(value):
            raise PydanticCustomError("rule", "{message}", {"message": self.message, "field": self.field})
        return value

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self.check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        json_schema = handler(schema)
        return json_schema | {VALIDATIONS: [*json_schema.get(VALIDATIONS, []), self.as_validation()]}


def exactly_one(attributes: dict[str, str], message: str) -> Rule:
    """Exactly one of several sibling fields is set; `attributes` maps JSON names to Python names."""
    cel = f"[{', '.join(f'has(self.{name})' for name in attributes)}].exists_one(x, x)"
    return Rule(cel, message, lambda value: _count(value, attributes) == 1)


def at_most_one(attributes: dict[str, str], message: str) -> Rule:
    """At most one of several sibling fields is set; `attributes` maps JSON names to Python names."""
    cel = f"[{', '.join(f'has(self.{name})' for name in attributes)}].filter(x, x).size() <= 1"
    return Rule(cel, message, lambda value: _count(value, attributes) <= 1)


def _count(value: object, attributes: dict[str, str]) -> int:
    return sum(getattr(value, attribute) is not None for attribute in attributes.values())
