"""What every type of the API has in common: camelCase in JSON, snake_case in Python, rules, and no unknown fields."""

from typing import Any, ClassVar, Final, Self

from pydantic import BaseModel, ConfigDict, model_validator
from pydantic.alias_generators import to_camel

from modelrollout.api.rules import VALIDATIONS, Rule

GROUP = "modelrollout.io"
VERSION = "v1alpha1"
API_VERSION: Final = "modelrollout.io/v1alpha1"


def _publish_rules(schema: dict[str, Any], model: type[BaseModel]) -> None:
    rules: tuple[Rule, ...] = getattr(model, "RULES", ())
    if rules:
        schema[VALIDATIONS] = [rule.as_validation() for rule in rules]


class Model(BaseModel):
    """Base of all types of the spec: immutable, strict about names, checked against its own `RULES`."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        extra="forbid",
        frozen=True,
        json_schema_extra=_publish_rules,
    )

    RULES: ClassVar[tuple[Rule, ...]] = ()

    @model_validator(mode="after")
    def _hold_rules(self) -> Self:
        for rule in self.RULES:
            rule.check(self)
        return self

    def to_json(self) -> dict[str, Any]:
        """The value as the API server stores it: camelCase, durations as text, nothing for what is not set."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)
