"""The two limits between which a comparison is indifferent."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from modelrollout.stats.limits import Limit

Better = Literal["Lower", "Higher"]


@dataclass(frozen=True, slots=True)
class Zone:
    """Both limits of one comparison; more is worse.

    Attributes:
        acceptable: a candidate up to this may not be failed.
        margin: the worst that may pass; for a goal the least gain, and the same as `acceptable`.
    """

    acceptable: Limit
    margin: Limit

    @classmethod
    def of(
        cls,
        *,
        acceptable_ratio: float | None = None,
        acceptable_difference: float | None = None,
        margin_ratio: float | None = None,
        margin_difference: float | None = None,
        gain_ratio: float | None = None,
        gain_difference: float | None = None,
        mixed: bool = False,
    ) -> "Zone":
        """The zone that these limits leave; `acceptable` is "as good as stable" where it is not given.

        Args:
            acceptable_ratio: how many times as bad as stable is no failure.
            acceptable_difference: how much worse is no failure, in the quantity's own unit.
            margin_ratio: how many times as bad may pass; exactly one of the margins and gains is needed.
            margin_difference: how much worse may pass.
            gain_ratio: at most 1; to pass, the candidate must be at most this many times as bad.
            gain_difference: at least 0; to pass, the candidate must be better by more than this.
            mixed: whether one limit may be a ratio and the other a difference.

        Raises:
            ValueError: limits that are missing, exclude or contradict each other, or are out of range.
        """
        margins = (margin_ratio, margin_difference, gain_ratio, gain_difference)
        if sum(value is not None for value in margins) != 1:
            raise ValueError("exactly one margin or gain is needed, as a ratio or as a difference")
        if acceptable_ratio is not None and acceptable_difference is not None:
            raise ValueError("only one acceptable limit may be set")
        if gain_ratio is not None and not 0 < gain_ratio <= 1:
            raise ValueError("a gain as a ratio lies above 0 and at most at 1")
        if gain_difference is not None and not gain_difference >= 0:
            raise ValueError("a gain as a difference is at least 0")
        if gain_ratio is not None or gain_difference is not None:
            if acceptable_ratio is not None or acceptable_difference is not None:
                raise ValueError("a gain is the acceptable limit, too: leave acceptable out")
            gain = _limit(gain_ratio, None if gain_difference is None else -gain_difference)
            return cls(gain, gain)
        margin = _limit(margin_ratio, margin_difference)
        equal = Limit("ratio", 1.0) if margin.kind == "ratio" else Limit("difference", 0.0)
        given = acceptable_ratio is not None or acceptable_difference is not None
        acceptable = _limit(acceptable_ratio, acceptable_difference) if given else equal
        if acceptable.kind != margin.kind and not mixed:
            raise ValueError("acceptable and margin are both a ratio or both a difference")
        if acceptable.kind == margin.kind and acceptable.value > margin.value:
            raise ValueError("the acceptable limit must not lie beyond the margin")
        return cls(acceptable, margin)

    @classmethod
    def among(cls, arguments: Mapping[str, Any], *, mixed: bool = False) -> "Zone":
        """The zone of a comparison, its limits picked from the arguments of its constructor; as `of`."""
        limits = {name: arguments[name] for name in _NAMES if name in arguments}
        return cls.of(**limits, mixed=mixed)


_NAMES = [f"{limit}_{kind}" for limit in ("acceptable", "margin", "gain") for kind in ("ratio", "difference")]


def _limit(ratio: float | None, difference: float | None) -> Limit:
    if ratio is not None:
        if not 0 < ratio < math.inf:
            raise ValueError("a ratio is above 0")
        return Limit("ratio", ratio)
    if difference is None or not math.isfinite(difference):
        raise ValueError("a difference is a finite number")
    return Limit("difference", difference)


def check(better: str, alpha: float, beta: float, dispersion: float) -> None:
    """Refuse what no comparison can work with.

    Raises:
        ValueError: a direction that does not exist, or a number out of range.
    """
    if better not in ("Lower", "Higher"):
        raise ValueError(f"better must be Lower or Higher, not {better}")
    if not (0 < alpha < 1 and 0 < beta < 1 and dispersion >= 1):
        raise ValueError("alpha and beta lie between 0 and 1, dispersion is at least 1")
