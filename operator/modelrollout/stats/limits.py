"""Limits on a candidate's rate of bad answers against stable's."""

import math
from dataclasses import dataclass
from typing import Literal

from modelrollout.stats.two_by_two import Kind

RARE = 0.1  # up to this baseline a limit on the ratio of rates is tested as the odds ratio it implies


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit on the candidate's rate of bad answers.

    Attributes:
        kind: "ratio" (candidate over stable) or "difference" (candidate minus stable).
        value: the limit; above 1, or above 0, allows the candidate to be worse.
    """

    kind: Kind
    value: float

    @property
    def is_equality(self) -> bool:
        """Whether the limit is "as good as stable": then ratio, difference and odds ratio are the same limit."""
        return self.value == (1.0 if self.kind == "ratio" else 0.0)

    def odds_ratio(self, side: Literal["above", "below"]) -> float | None:
        """The odds ratio beyond which the limit is certainly passed on this side, for baselines up to `RARE`.

        None where no odds ratio says so.
        """
        if self.is_equality:
            return 1.0
        if self.kind == "difference":
            return None
        if (self.value > 1) == (side == "below"):
            return self.value  # the odds ratio is further from 1 than the ratio at every baseline
        rest = 1 - self.value * RARE  # what is left of the answers at the rare baseline, times the limit
        return self.value * (1 - RARE) / rest if rest > 0 else None


def one_limit(
    name: str,
    ratio: float | None,
    difference: float | None,
    gain_ratio: float | None = None,
    gain_difference: float | None = None,
) -> Limit | None:
    """The limit that was set, None where none was.

    Args:
        name: what to call it in a message.
        ratio: of bad shares.
        difference: of bad shares.
        gain_ratio: a ratio of at most 1.
        gain_difference: how much better, at least 0.

    Raises:
        ValueError: more than one, or out of range.
    """
    given = [x for x in (ratio, difference, gain_ratio, gain_difference) if x is not None]
    if len(given) > 1:
        raise ValueError(f"only one {name} limit may be set")
    if not given:
        return None
    if gain_ratio is not None and not 0 < gain_ratio <= 1:
        raise ValueError("a gain as a ratio of bad shares lies above 0 and at most at 1")
    if gain_difference is not None and not 0 <= gain_difference < 1:
        raise ValueError("a gain as a difference lies between 0 and 1")
    as_ratio = ratio if ratio is not None else gain_ratio
    if as_ratio is not None:
        if not 0 < as_ratio < math.inf:
            raise ValueError("a ratio is above 0")
        return Limit("ratio", as_ratio)
    as_difference = difference if difference is not None else -(gain_difference or 0.0)
    if not -1 < as_difference < 1:
        raise ValueError("a difference lies between -1 and 1")
    return Limit("difference", as_difference)
