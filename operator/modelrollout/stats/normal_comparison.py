"""What comparisons of means and of ratios of sums have in common: limits, scores, effect and interval."""

from abc import abstractmethod
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from modelrollout.stats.comparison import EffectKind, Floats
from modelrollout.stats.evidence import Evidence
from modelrollout.stats.normal_evidence import NormalEvidence
from modelrollout.stats.scores import Scores
from modelrollout.stats.sequential import Sequential
from modelrollout.stats.zone import Zone

BURN_IN = (30.0, 200.0)
"""How many units must have been seen to say that the candidate is larger, and that it is smaller: n units of one side
and m of the other count as n·m/(n+m), about as many as the smaller side has."""


class ScoreEvidence(Evidence, Protocol):
    """Evidence that has a confidence sequence, too."""

    def bounds(self, level: float) -> tuple[Floats, Floats]:
        """All limits that are not rejected at any time: their ends, shape (N,) each."""


class NormalComparison(Sequential):
    """A comparison whose evidence is a nearly normal sum of scores.

    Attributes of a subclass:
        _plain: how many sums besides the scores are kept for what people see.
    """

    _plain: int
    _burn_in = BURN_IN
    _evidence: ScoreEvidence

    def __init__(self, config: dict[str, Any], zone: Zone) -> None:
        """Begin without data; the arguments are those of `Sequential`, and the limits."""
        self._kind = zone.margin.kind
        lower = config.get("better", "Lower") == "Lower"
        self._sign = 1.0 if lower else -1.0
        self._limits = (self._inside(zone.acceptable.value), self._inside(zone.margin.value))
        self._rows = 2 + self._plain
        super().__init__(config)

    def _inside(self, limit: float) -> float:
        """A limit on how much worse, as candidate over stable or candidate minus stable."""
        if self._sign > 0:
            return limit
        return 1 / limit if self._kind == "ratio" else -limit

    def _new_evidence(self, size: int, processes: int, dispersion: float) -> ScoreEvidence:
        return NormalEvidence(
            size, processes, limits=self._limits, sign=self._sign, burn_in=self._burn_in, dispersion=dispersion
        )

    @abstractmethod
    def _scores(self, values: Floats) -> Scores:
        """What a stratum says, from its checked values (K, N)."""

    @abstractmethod
    def _plain_sums(self, values: Floats) -> Floats:
        """The sums for what people see, shape (plain, N)."""

    def _add(self, values: Floats, passed: NDArray[np.bool_]) -> Floats:
        stratum = self._scores(values)
        self._weigh(values, stratum, passed)
        return np.concatenate([stratum.score, self._plain_sums(values)])

    def _weigh(self, values: Floats, stratum: Scores, passed: NDArray[np.bool_]) -> None:
        if isinstance(self._evidence, NormalEvidence):
            self._evidence.add(stratum, passed)

    @property
    def effect_kind(self) -> EffectKind:
        """Candidate over stable, or candidate minus stable."""
        return self._kind

    def _effect_of(self, sums: Floats) -> Floats:
        estimate: Floats = quotient(sums[0], -sums[1])
        return np.where(sums[1] < 0, estimate, np.nan)

    def _bounds(self, level: float) -> tuple[Floats, Floats]:
        low, high = self._evidence.bounds(level)
        return (np.maximum(low, 0.0) if self._kind == "ratio" else low), high


def quotient(above: Floats, below: Floats) -> Floats:
    """Elementwise quotient; NaN where nothing is below."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        result: Floats = np.where(below != 0, above / below, np.nan)
    return result
