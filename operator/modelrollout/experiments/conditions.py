"""Whom a rule is about, as it is written: `{country: BR}`, `{country: [BR, PT]}`, `{age: {min: 18}}`."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, StrictBool, StrictFloat, StrictInt, StrictStr

from modelrollout.api.base import Model
from modelrollout.assignment import Condition, Test, text_of

Scalar = StrictStr | StrictBool | StrictInt | StrictFloat
"""A value as YAML gives it; none is taken for another."""

Texts = Annotated[list[Scalar], BeforeValidator(lambda value: value if isinstance(value, list) else [value])]
"""One value, or a list of them."""


class AttributeTest(Model):
    """A promise about one attribute of a unit; each part that is written must hold."""

    in_: Texts | None = Field(default=None, alias="in", description="The attribute is one of these values.")
    not_in: Texts | None = Field(default=None, description="The attribute is none of these values, or is not there.")
    min: StrictInt | StrictFloat | None = Field(default=None, description="Least number.")
    max: StrictInt | StrictFloat | None = Field(default=None, description="Largest number.")
    prefix: StrictStr | None = Field(default=None, description="What the value begins with.")
    present: bool | None = Field(default=None, description="Whether the attribute is there.")

    def test(self) -> Test:
        """As `assignment` knows it."""
        return Test(
            any_of=None if self.in_ is None else frozenset(map(text_of, self.in_)),
            none_of=frozenset(map(text_of, self.not_in or ())),
            minimum=self.min,
            maximum=self.max,
            prefix=self.prefix,
            present=self.present,
        )


def _as_test(value: Any) -> Any:  # noqa: ANN401 - whatever the file says
    return value if isinstance(value, dict | AttributeTest) else {"in": value}


When = Annotated[dict[str, Annotated[AttributeTest, BeforeValidator(_as_test)]], Field(max_length=32)]
"""Tests by attribute, all of which must hold; a value or a list of values stands for `in`."""


def condition(when: When) -> Condition:
    """As `assignment` knows it."""
    return Condition(tuple((name, each.test()) for name, each in when.items()))
