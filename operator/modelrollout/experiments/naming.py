"""Names in an experiment file, and how it is refused."""

from typing import Annotated

from pydantic import Field
from pydantic_core import PydanticCustomError

Name = Annotated[str, Field(min_length=1, max_length=253, pattern=r"^[A-Za-z0-9]([-A-Za-z0-9_./]*[A-Za-z0-9])?$")]


def refuse(message: str, field: str = "") -> PydanticCustomError:
    """What a validator raises: what is wrong and what to do, and the field that it is about."""
    return PydanticCustomError("rule", "{message}", {"message": message, "field": field})
