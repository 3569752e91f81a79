"""The mean difference of pairs: what both versions made of the same requests."""

import numpy as np
from numpy.typing import ArrayLike

from modelrollout.stats.comparison import Floats
from modelrollout.stats.normal_comparison import NormalComparison, quotient
from modelrollout.stats.scores import Scores, one_sample, possible_squares
from modelrollout.stats.zone import Better, Zone


class PairedMean(NormalComparison):
    """Sequential test of the mean of differences, candidate minus stable, on requests that both versions answered.

    In a shadow every request goes to both versions. What is easy or hard about a request then cancels, and a
    difference needs far fewer requests than two samples would. Only the differences are known, so limits are
    differences, in the quantity's own unit.

    The variance is the sum of squares around the null. Where the differences are as likely up as down (two equal
    versions), the evidence is exact at any sample size; otherwise what is promised is asymptotic. Nothing is said
    before 30 pairs. Pairs are taken as independent.

    Source of exactness under symmetry: V. H. de la Peña, "A general class of exponential inequalities for martingales
    and ratios", Ann. Probab. 27 (1999) 537-564.

    Every argument of `update` and every result is a number, or an array of one shape: each element is a test of its
    own.
    """

    _plain = 2
    _burn_in = (30.0, 30.0)  # a difference of two like quantities has no longer tail on one side

    def __init__(
        self,
        better: Better = "Lower",
        *,
        acceptable_difference: float | None = None,
        margin_difference: float | None = None,
        gain_difference: float | None = None,
        alpha: float = 0.01,
        beta: float = 0.05,
        dispersion: float = 1.0,
        late_faults: bool = False,
    ) -> None:
        """Set the limits.

        Args:
            better: the direction that is good.
            acceptable_difference: how much worse may not be failed; default 0.
            margin_difference: how much worse may pass; exactly one of margin and gain is needed.
            gain_difference: at least 0; to pass, the candidate must be better by more than this.
            alpha: chance that an acceptable candidate ever fails.
            beta: chance that a candidate at the margin ever passes.
            dispersion: at least 1; factor on the variance, for pairs that depend on each other.
            late_faults: keep part of the stake for restarts, so that hours of good pairs do not hide a late fault.

        Raises:
            ValueError: limits that exclude or contradict each other, or are out of range.
        """
        config = {key: value for key, value in locals().items() if key not in ("self", "__class__")}
        super().__init__(config, Zone.among(config))

    def update(self, counts: tuple[ArrayLike, ArrayLike, ArrayLike], *, start: float | None = None) -> None:
        """Take in one stratum.

        Args:
            counts: sum of the differences candidate minus stable, number of pairs, sum of the squared differences.
            start: when the stratum starts, in seconds; with `late_faults` it times the restarts within a step.

        Elements without pairs, or where a number is NaN, carry no evidence.

        Raises:
            ValueError: negative counts, sums that cannot be, or arrays of another shape than before.
        """
        self._take(counts, start)

    def _checked(self, values: Floats) -> Floats:
        count = np.rint(values[1])
        if (count < 0).any():
            raise ValueError("counts are at least 0")
        usable = np.isfinite(values).all(axis=0) & (count > 0)
        values = np.where(usable, values, 0.0)
        values[1] = np.where(usable, count, 0.0)
        values[2] = possible_squares(*values)
        return values

    def _scores(self, values: Floats) -> Scores:
        return one_sample(values[0], values[1], values[2])

    def _plain_sums(self, values: Floats) -> Floats:
        return values[:2]

    def _estimates_of(self, sums: Floats) -> tuple[Floats, None]:
        return quotient(sums[2], sums[3]), None

    def _exposures_of(self, sums: Floats) -> tuple[Floats, None]:
        return sums[3], None
