"""Limits on a candidate's rate of bad answers against stable's."""

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
