"""What identifies a unit, as it is written: `user`, or `[user, item]`."""

from typing import Annotated

from pydantic import BeforeValidator, Field

_Attribute = Annotated[str, Field(min_length=1, max_length=63)]

Unit = Annotated[
    list[_Attribute],
    Field(min_length=1, max_length=8),
    BeforeValidator(lambda value: [value] if isinstance(value, str) else value),
]
"""An attribute's name, or several."""
