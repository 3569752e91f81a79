"""Effects: how much worse or better a candidate's metric may be, relative to the stable version's."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from pydantic import Field

from modelrollout.api.base import Model
from modelrollout.api.rules import Rule, exactly_one
from modelrollout.api.values import Number

DEFAULT_FLOOR = 0.002
"""Share of bad answers below which nobody minds a ratio, where nothing else is said."""

_Ratio = Annotated[Number, Field(gt=0, le=100)]
_Difference = Annotated[Number, Field(ge=0, le=1e12)]
_Floor = Annotated[Number, Field(ge=0, le=1e12)]
_ONE_FORM = exactly_one(
    {"ratio": "ratio", "difference": "difference"}, "set exactly one of ratio (for example 1.5) and difference"
)


class Effect(Model):
    """A change of a share, a rate or a mean, as a ratio or as a difference."""

    RULES: ClassVar[tuple[Rule, ...]] = (_ONE_FORM,)

    ratio: _Ratio | None = Field(
        default=None,
        description=(
            "How many times as bad the candidate is: 1 is equal, 1.5 half as bad again, 0.5 half as bad. Of shares: "
            "its share of bad answers divided by stable's (bad ones are total minus good where good ones are counted). "
            "Of rates and means: its value divided by stable's, or stable's by its own where better is Higher."
        ),
    )
    difference: _Difference | None = Field(
        default=None,
        description=(
            "Difference of the two versions: how much worse in a margin or acceptable, how much better in a gain. Of "
            "shares, below 1, 0.01 being one percentage point; of means in the quantity's own unit. Rates have none."
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

    floor: _Floor | None = Field(
        default=None,
        description=(
            "Share of bad answers, below 0.1, below which nobody minds the ratio: a candidate passes with at most "
            "max(ratio x stable, floor). For a rate, events per unit of exposure. Default: 0.002 for proportion and "
            "latency with a ratio, else none."
        ),
    )


SHARE_MARGIN = Margin(ratio=1.5, floor=DEFAULT_FLOOR)
"""Margin of a share of answers where none is written."""

RATIO_MARGIN = Margin(ratio=1.5)
"""Margin where none is written and a floor would make no sense, or only its owner could know it."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The two limits between which a comparison is indifferent, with every default filled in.

    Attributes:
        acceptable: as bad as this is no failure.
        margin: the worst that may be promoted; for a goal, the least gain.
        floor: share of bad answers (of a rate: events per exposure) below which a ratio does not matter; 0 for none.
    """

    acceptable: Effect
    margin: Effect
    floor: float


def limits_of(acceptable: Effect | None, margin: Margin, floor: float = DEFAULT_FLOOR) -> Limits:
    """The limits of a guardrail or monitor; `floor` is the one of a ratio where none is written."""
    if margin.ratio is None:
        return Limits(acceptable or Effect(difference=0), Effect(difference=margin.difference), 0.0)
    return Limits(
        acceptable or Effect(ratio=1), Effect(ratio=margin.ratio), floor if margin.floor is None else margin.floor
    )
