"""Whether labels cover both versions' answers alike."""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from modelrollout.stats.alarm import Alarm
from modelrollout.stats.comparison import Floats, Value
from modelrollout.stats.conditional import conditional_likelihood
from modelrollout.stats.effects import difference_bounds

LEVEL = 0.001
_FACTORS = np.array([1.05, 1.15, 1.3, 1.5, 2.0, 3.0, 5.0, 10.0, 50.0])
_THETAS = np.concatenate([-np.log(_FACTORS[::-1]), [0.0], np.log(_FACTORS)])
_SCALE = 40.0  # in labels; where the confidence sequence of the lead is tightest


class Coverage(Alarm):
    """Sequential test of equal label coverage: is the same share of both versions' answers labelled?

    Where labels come for one version's answers more often than for the other's, the labelled ones are no fair sample,
    and what is compared on them is biased. Given how many answers of a stratum are labelled in all, their split
    between the versions has Fisher's noncentral hypergeometric distribution with odds ratio 1 if coverage is equal,
    whatever it is and however it changes; the evidence is a mixture over odds ratios on both sides
    (J. ter Schure et al., arXiv:2011.06931). The nearest alternative is 1.05, so odds that differ by less than about
    2 % never count as unequal, however many answers there are. The verdict is "Biased" or "Healthy".
    """

    _found = "Biased"
    _log_weights = np.full(2 * len(_FACTORS), -math.log(2 * len(_FACTORS)))

    def __init__(self, *, level: float = LEVEL, dispersion: float = 1.0) -> None:
        """Set the level.

        Args:
            level: chance that equal coverage is ever called biased.
            dispersion: at least 1; how much more the counts vary than independent labels would.

        Raises:
            ValueError: a value out of range.
        """
        super().__init__({"level": level}, level=level, dispersion=dispersion)

    def _begin(self, size: int) -> None:
        self._sums = np.zeros((4, size))
        self._lead = np.zeros((3, size))  # weighted difference of coverage, its weight, and its variance

    def _kept(self) -> list[NDArray[np.float64]]:
        return [self._sums, self._lead]

    def _restore(self, kept: list[NDArray[np.float64]]) -> None:
        self._sums, self._lead = kept

    def update(self, candidate: tuple[ArrayLike, ArrayLike], stable: tuple[ArrayLike, ArrayLike]) -> None:
        """Take in one stratum of answers that are old enough to have their label.

        Args:
            candidate: labelled answers and all answers of the candidate, numbers or arrays of one shape; fractions
                are rounded.
            stable: the same of stable. NaN, or a side without answers, carries no evidence.

        Raises:
            ValueError: negative counts, more labels than answers, or arrays of another shape than before.
        """
        given = np.broadcast_arrays(*candidate, *stable)
        shape = given[0].shape
        self._check_shape(shape)
        counts = np.rint(np.array(given, dtype=np.float64).reshape(4, -1))
        counts = np.where(np.isfinite(counts).all(axis=0) & (counts[1] > 0) & (counts[3] > 0), counts, 0.0)
        if (counts < 0).any() or (counts[0] > counts[1]).any() or (counts[2] > counts[3]).any():
            raise ValueError("counts are at least 0, and labels at most as many as answers")
        self._begin_with(shape)
        likelihood = conditional_likelihood(tuple(_THETAS)).at(*counts)
        middle = len(_FACTORS)
        evidence = np.delete(likelihood - likelihood[:, [middle]], middle, axis=1).T
        self._gain(evidence)
        self._sums += counts
        self._add_lead(counts)

    def _add_lead(self, counts: Floats) -> None:
        labelled_c, answers_c, labelled_s, answers_s = counts
        both = np.maximum(answers_c + answers_s, 1.0)
        share_c, share_s = ((self._sums[at] + 0.5) / (self._sums[at + 1] + 1.0) for at in (0, 2))
        spread = answers_s * share_c * (1 - share_c) + answers_c * share_s * (1 - share_s)
        difference = (labelled_c * answers_s - labelled_s * answers_c) / both
        variance = self._dispersion * answers_c * answers_s * spread / both**2
        self._lead += np.stack([difference, answers_c * answers_s / both, variance])

    def lead(self, level: float) -> tuple[Value, Value]:
        """Confidence sequence of the candidate's labelled share minus stable's, over the strata; asymptotic.

        Args:
            level: chance that the difference lies within at every look.
        """
        low, high = difference_bounds(*self._lead, scale=_SCALE, level=level)
        return self._out(low), self._out(high)

    def raise_dispersion(self, dispersion: float) -> None:
        """Use a larger dispersion from here on, and for what was collected so far; a smaller one changes nothing."""
        self._lead[2] *= max(1.0, dispersion / self.dispersion)
        super().raise_dispersion(dispersion)

    @property
    def shares(self) -> tuple[Value, Value]:
        """Labelled share of the candidate's and of stable's answers so far; NaN without answers."""
        with np.errstate(invalid="ignore"):
            return self._out(self._sums[0] / self._sums[1]), self._out(self._sums[2] / self._sums[3])
