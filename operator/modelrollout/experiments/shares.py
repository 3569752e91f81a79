"""Percentages of slots, and what they were before."""

from collections.abc import Mapping, Sequence
from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from modelrollout.assignment import SLOTS, Split

_PER_PERCENT = SLOTS // 100


def _whole_slots(percent: float) -> float:
    if abs(percent * _PER_PERCENT - round(percent * _PER_PERCENT)) > 1e-6:
        raise PydanticCustomError("share", "a share has at most two decimals: write 33.33")
    return percent


def _not_above_all(shares: dict[str, float]) -> dict[str, float]:
    if sum(map(slots, shares.values())) > SLOTS:
        raise PydanticCustomError("share", "the shares are more than 100 together: take some away")
    return shares


def _all(shares: dict[str, float]) -> dict[str, float]:
    if sum(map(slots, shares.values())) != SLOTS:
        raise PydanticCustomError(
            "share", "the shares of a split must be 100 together, for example 33.34, 33.33 and 33.33"
        )
    return shares


Share = Annotated[float, Field(ge=0, le=100), AfterValidator(_whole_slots)]
"""A percentage with at most two decimals, which is a whole number of slots."""

Shares = Annotated[dict[str, Share], Field(min_length=1, max_length=100), AfterValidator(_not_above_all)]
"""Percentages that need not be all; nobody has the rest."""

WholeShares = Annotated[dict[str, Share], Field(min_length=1, max_length=100), AfterValidator(_all)]
"""Percentages that are 100 together."""


def slots(percent: float) -> int:
    """The slots that a percentage stands for."""
    return round(percent * _PER_PERCENT)


def split(shares: Mapping[str, float], before: Sequence[Mapping[str, float]]) -> Split:
    """Percentages as `assignment` knows them."""
    return Split(_in_slots(shares), tuple(map(_in_slots, before)))


def _in_slots(shares: Mapping[str, float]) -> dict[str, int]:
    return {name: slots(percent) for name, percent in shares.items()}
