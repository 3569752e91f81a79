"""Proportions on the same requests: pairs in which only one of the versions was bad."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from modelrollout.stats import bernoulli
from modelrollout.stats import floor as floors
from modelrollout.stats.comparison import EffectKind, Floats
from modelrollout.stats.discordant import DiscordantEvidence, odds_to_chance
from modelrollout.stats.evidence import Evidence
from modelrollout.stats.normal_comparison import quotient
from modelrollout.stats.sequential import Sequential
from modelrollout.stats.zone import Zone

Counts = tuple[ArrayLike, ArrayLike] | tuple[ArrayLike, ArrayLike, ArrayLike]

_WITH_PAIRS = 3


class PairedProportion(Sequential):
    """Sequential test on requests that both versions answered, counting pairs in which only one of them was bad.

    Pairs in which both were good or both bad say nothing about which version is better. A ratio is the number of pairs
    in which only the candidate was bad over those in which only stable was; 1 is equality, and a limit of r is a limit
    of r/(1+r) on the candidate's share of the discordant pairs. It is further from 1 than the ratio of bad shares, of
    which bad pairs in common are part. The evidence is exact for independent pairs.

    With a `floor`, a candidate that alone is bad in a smaller share of all pairs is not worse than the margin and is
    not failed, and the number of all pairs is needed; without one, two versions that always agree could never pass.

    Every argument of `update` and every result is a number, or an array of one shape: each element is a test of its
    own.
    """

    _rows = 3  # pairs: only the candidate bad, only stable bad, all (without them: the discordant ones)

    def __init__(
        self,
        *,
        acceptable_ratio: float | None = None,
        margin_ratio: float | None = None,
        gain_ratio: float | None = None,
        floor: float | None = None,
        alpha: float = 0.01,
        beta: float = 0.05,
        dispersion: float = 1.0,
        late_faults: bool = False,
    ) -> None:
        """Set the limits.

        Args:
            acceptable_ratio: ratio of discordant pairs, candidate over stable, that may not be failed; default 1.
            margin_ratio: ratio that may pass; exactly one of margin and gain is needed.
            gain_ratio: at most 1; to pass, the ratio must be below.
            floor: share of all pairs in which only the candidate may be bad whatever the ratio is; only with
                `margin_ratio`, None for none.
            alpha: chance that an acceptable candidate ever fails.
            beta: chance that a candidate at the margin ever passes.
            dispersion: at least 1; how much more the counts vary than independent pairs would.
            late_faults: keep part of the stake for restarts, so that hours of good pairs do not hide a late fault.

        Raises:
            ValueError: limits that exclude or contradict each other, or are out of range.
        """
        config = {key: value for key, value in locals().items() if key not in ("self", "__class__")}
        zone = Zone.among(config)
        if floor is not None and not (0 < floor < 1 and margin_ratio is not None):
            raise ValueError("a floor lies between 0 and 1, and goes with a margin")
        self._limits = odds_to_chance(zone.acceptable.value), odds_to_chance(zone.margin.value)
        self._slopes = None if floor is None else bernoulli.slopes(floor, floors.FACTORS)
        super().__init__(config)

    def update(self, counts: Counts, *, start: float | None = None) -> None:
        """Take in one stratum.

        Args:
            counts: pairs in which only the candidate was bad, pairs in which only stable was, and with a `floor` all
                pairs; fractions are rounded.
            start: when the stratum starts, in seconds; with `late_faults` it times the restarts within a step.

        Elements where a number is NaN carry no evidence.

        Raises:
            ValueError: negative numbers, more discordant pairs than pairs, pairs missing that a floor needs, or arrays
                of another shape than before.
        """
        if self._slopes is not None and len(counts) != _WITH_PAIRS:
            raise ValueError("with a floor, give the number of all pairs, too")
        self._take(counts, start)

    def _new_evidence(self, size: int, processes: int, dispersion: float) -> Evidence:
        self._discordant = DiscordantEvidence(size, processes, limits=self._limits, dispersion=dispersion)
        if self._slopes is None:
            return self._discordant
        self._floored = floors.FlooredEvidence(self._discordant, size, processes, self._slopes)
        return self._floored

    def _checked(self, values: Floats) -> Floats:
        if (values < 0).any():
            raise ValueError("numbers of pairs are at least 0")
        values = np.rint(np.where(np.isfinite(values).all(axis=0), values, 0.0))
        if len(values) == _WITH_PAIRS and (values[0] + values[1] > values[2]).any():
            raise ValueError("there are at least as many pairs as discordant ones")
        return values

    def _add(self, values: Floats, passed: NDArray[np.bool_]) -> Floats:
        self._discordant.add(values[:2])
        alone = values[0]
        pairs = values[2] if len(values) == _WITH_PAIRS else values[0] + values[1]
        if self._slopes is not None:
            self._floored.add_alone(np.stack([alone, pairs - alone]))
        return np.stack([alone, values[1], pairs])

    @property
    def effect_kind(self) -> EffectKind:
        """Pairs in which only the candidate was bad over pairs in which only stable was."""
        return "ratio"

    def _effect_of(self, sums: Floats) -> Floats:
        with np.errstate(divide="ignore", invalid="ignore"):
            result: Floats = sums[0] / sums[1]  # infinite where only the candidate was ever bad
        return result

    def _bounds(self, level: float) -> tuple[Floats, Floats]:
        return self._discordant.bounds(level)

    def _estimates_of(self, sums: Floats) -> tuple[Floats, Floats]:
        return quotient(sums[0], sums[2]), quotient(sums[1], sums[2])

    def _exposures_of(self, sums: Floats) -> tuple[Floats, Floats]:
        return sums[2], sums[2]
