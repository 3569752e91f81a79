"""Agreement: the share of answers in which candidate and stable say the same, against a least share."""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betaln, xlog1py, xlogy

from modelrollout.stats import bernoulli
from modelrollout.stats.comparison import EffectKind, Floats
from modelrollout.stats.mixture_evidence import MixtureEvidence
from modelrollout.stats.nulls import ALTERNATIVES, FACTORS
from modelrollout.stats.sequential import Sequential

_HALVINGS = 40


class Agreement(Sequential):
    """Sequential test of a share of the candidate's answers (those equal to stable's) against a least share.

    Where requests are mirrored, both versions answer the same one, and the pair counts once. *Fail*: the evidence that
    the share lies below the least one reaches 1/alpha. *Pass*: the evidence that it lies above reaches 1/beta. There
    is no zone of indifference: a share exactly at the limit is left undecided. The evidence is that of `AgainstLimit`,
    a mixture of likelihood ratios (A. Wald, Ann. Math. Statist. 16 (1945) 117-186), and holds also where the share
    changes with the hour.

    The confidence sequence is a mixture, too, over a flat prior (H. Robbins, Ann. Math. Statist. 41 (1970) 1397-1409);
    it is meant for a share that stays the same.
    """

    _rows = 2

    def __init__(
        self,
        *,
        min: float,  # noqa: A002 - as `Threshold` and the API have it
        alpha: float = 0.01,
        beta: float = 0.05,
        dispersion: float = 1.0,
        late_faults: bool = False,
    ) -> None:
        """Set the least share.

        Args:
            min: the least share of equal answers that may be promoted, above 0 and below 1.
            alpha: chance that a candidate at the least share ever fails.
            beta: chance that a candidate at the least share ever passes.
            dispersion: at least 1; how much more the counts vary than independent answers would.
            late_faults: keep part of the stake for restarts, so that hours of good answers do not hide a late fault.

        Raises:
            ValueError: a value out of range.
        """
        config = {key: value for key, value in locals().items() if key not in ("self", "__class__")}
        if not 0 < min < 1:
            raise ValueError("the least share of equal answers lies between 0 and 1")
        self._slopes = bernoulli.slopes(1 - min, np.concatenate([FACTORS, 1 / FACTORS]))
        super().__init__(config)

    def update(self, counts: tuple[ArrayLike, ArrayLike], *, start: float | None = None) -> None:
        """Take in one stratum.

        Args:
            counts: equal answers and all answers that were compared, numbers or arrays of one shape; fractions are
                rounded, NaN carries no evidence.
            start: when the stratum starts, in seconds; with `late_faults` it times the restarts within a step.

        Raises:
            ValueError: negative counts, more equal answers than answers, or arrays of another shape than before.
        """
        self._take(counts, start)

    def _checked(self, values: Floats) -> Floats:
        counts = np.rint(values)
        counts = np.where(np.isfinite(counts).all(axis=0), counts, 0.0)
        if (counts < 0).any() or (counts[0] > counts[1]).any():
            raise ValueError("counts are at least 0, and equal answers at most all answers")
        return counts

    def _new_evidence(self, size: int, processes: int, dispersion: float) -> MixtureEvidence:
        return MixtureEvidence(size, processes, dispersion)

    def _add(self, values: Floats, passed: NDArray[np.bool_]) -> Floats:
        told = self._slopes @ np.stack([values[1] - values[0], values[0]])
        if not isinstance(self._evidence, MixtureEvidence):
            raise TypeError("an agreement's evidence is a mixture")
        self._evidence.add(told[:ALTERNATIVES], told[ALTERNATIVES:])
        return values

    @property
    def effect_kind(self) -> EffectKind:
        """A share by itself."""
        return "share"

    def _effect_of(self, sums: Floats) -> Floats:
        shares: Floats = sums[0] / np.where(sums[1] > 0, sums[1], np.nan)
        return shares

    def _estimates_of(self, sums: Floats) -> tuple[Floats, None]:
        return self._effect_of(sums), None

    def _exposures_of(self, sums: Floats) -> tuple[Floats, None]:
        return sums[1], None

    def _bounds(self, level: float) -> tuple[Floats, Floats]:
        """Shares against which the mixture over all shares has not gathered 1/(1 - level), by bisection."""
        agreed, other = self._sums[0] / self.dispersion, (self._sums[1] - self._sums[0]) / self.dispersion
        mixture = betaln(agreed + 1, other + 1)
        found = agreed / np.maximum(agreed + other, 1e-300)

        def kept(share: Floats) -> NDArray[np.bool_]:
            inside: NDArray[np.bool_] = mixture - xlogy(agreed, share) - xlog1py(other, -share) < -math.log(1 - level)
            return inside

        ends = []
        for outer in (0.0, 1.0):
            inside, outside = found.copy(), np.full_like(found, outer)
            for _ in range(_HALVINGS):
                middle = (inside + outside) / 2
                here = kept(middle)
                inside, outside = np.where(here, middle, inside), np.where(here, outside, middle)
            ends.append(np.where(kept(np.full_like(found, outer)), outer, outside))
        return np.where(self._sums[1] > 0, ends[0], 0.0), np.where(self._sums[1] > 0, ends[1], 1.0)
