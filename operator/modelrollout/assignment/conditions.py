"""Whom a rule is about: tests on the attributes of a unit, all of which must hold."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

Value = str | int | float | bool
"""What an attribute or a parameter can be."""

Attributes = Mapping[str, Value | Sequence[Value]]
"""Attributes of a unit by name; one that has several values, such as the groups of a user, is a sequence."""


def text_of(value: Value) -> str:
    """A value as text, which is what is hashed and compared: true, 42, 0.5, BR. A whole number has no decimals."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


@dataclass(frozen=True, slots=True)
class Test:
    """A promise about one attribute; each part that is set must hold.

    Attributes:
        any_of: texts; the attribute is one of them.
        none_of: texts; the attribute is none of them. Holds where there is no such attribute.
        minimum: least number.
        maximum: largest number.
        prefix: what the text begins with.
        present: whether there is such an attribute.
    """

    __test__ = False  # the name is a test's, and this is none of pytest's

    any_of: frozenset[str] | None = None
    none_of: frozenset[str] = frozenset()
    minimum: float | None = None
    maximum: float | None = None
    prefix: str | None = None
    present: bool | None = None

    def holds(self, value: Value | Sequence[Value] | None) -> bool:
        """Whether the attribute is as promised; of several values one suffices, but for `none_of` none may be named."""
        values = [] if value is None else [value] if isinstance(value, str | int | float) else list(value)
        texts = [text_of(each) for each in values]
        if self.present is not None and self.present != bool(texts):
            return False
        if self.none_of.intersection(texts):
            return False
        asked = (self.any_of, self.minimum, self.maximum, self.prefix)
        return all(each is None for each in asked) or any(self._holds_for(text) for text in texts)

    def _holds_for(self, text: str) -> bool:
        if self.any_of is not None and text not in self.any_of:
            return False
        if self.prefix is not None and not text.startswith(self.prefix):
            return False
        if self.minimum is None and self.maximum is None:
            return True
        try:
            number = float(text)
        except ValueError:
            return False
        return (self.minimum is None or number >= self.minimum) and (self.maximum is None or number <= self.maximum)


@dataclass(frozen=True, slots=True)
class Condition:
    """Tests by name of the attribute, all of which must hold; without any it holds for everybody."""

    tests: tuple[tuple[str, Test], ...] = ()

    def holds(self, attributes: Attributes) -> bool:
        """Whether a unit with these attributes is meant."""
        return all(test.holds(attributes.get(name)) for name, test in self.tests)


EVERYBODY = Condition()
