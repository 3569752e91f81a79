"""Effects: how much worse or better a candidate's metric may be, relative to the stable version's."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from pydantic import Field

from modelrollout.api.base import Model
from modelrollout.api.rules import Rule, exactly_one
from modelrollout.api.values import Number, Share

DEFAULT_FLOOR = 0.002
"""Share of bad answers below which nobody minds a ratio, where nothing else is said."""

_Ratio = Annotated[Number, Field(gt=0, le=100)]
_Difference = Annotated[Number, Field(ge=0, lt=1)]
_ONE_FORM = exactly_one(
    {"ratio": "ratio", "difference": "difference"}, "set exactly one of ratio (for example 1.5) and difference"
)


class Effect(Model):
    """A change of a share, as a ratio or as a difference."""

    RULES: ClassVar[tuple[Rule, ...]] = (_ONE_FORM,)

    ratio: _Ratio | None = Field(
        default=None,
        description=(
            "The candidate's share of bad answers divided by that of stable: 1 is equal, 1.5 half as many again, 0.5 "
            "half as many. Where good answers are counted, the bad ones are total minus good."
        ),
    )
    difference: _Difference | None = Field(
        default=None,
        description=(
            "Difference of the two versions' shares, 0.01 being one percentage point: how much worse in a margin or "
            "acceptable, how much better in a gain."
        ),
    )


class Margin(Effect):
    """The worst change that may be promoted."""

    RULES = (
        _ONE_FORM,
        Rule(
            "!has(self.floor) || has(self.ratio)",
            "a floor goes with a ratio: leave it out together with difference",
            lambda self: self.floor is None or self.ratio is not None,
            "floor",
        ),
    )

    floor: Share | None = Field(
        default=None,
        description=(
            "Share of bad answers below which nobody minds the ratio: a candidate passes with at most "
            "max(ratio x stable, floor). Default: 0.002 with a ratio."
        ),
    )


DEFAULT_MARGIN = Margin(ratio=1.5, floor=DEFAULT_FLOOR)
"""Margin of a guardrail where none is written."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The two limits between which a comparison is indifferent, with every default filled in.

    Attributes:
        acceptable: as bad as this is no failure.
        margin: the worst that may be promoted; for a goal, the least gain.
        floor: share of bad answers below which a ratio does not matter; 0 without one.
    """

    acceptable: Effect
    margin: Effect
    floor: float


def limits_of(acceptable: Effect | None, margin: Margin | None) -> Limits:
    """The limits of a guardrail or monitor with every default filled in."""
    chosen = margin or DEFAULT_MARGIN
    if chosen.ratio is None:
        return Limits(acceptable or Effect(difference=0), Effect(difference=chosen.difference), 0.0)
    floor = DEFAULT_FLOOR if chosen.floor is None else chosen.floor
    return Limits(acceptable or Effect(ratio=1), Effect(ratio=chosen.ratio), floor)
