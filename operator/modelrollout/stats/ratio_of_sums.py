"""A ratio of two sums (clicks per request, tokens per answer) of two versions, with the user as the unit."""

import numpy as np
from numpy.typing import ArrayLike

from modelrollout.stats.comparison import Floats
from modelrollout.stats.normal_comparison import NormalComparison, quotient
from modelrollout.stats.scores import Moments, Scores, possible_squares, two_samples
from modelrollout.stats.zone import Better, Zone

Sums = tuple[ArrayLike, ArrayLike, ArrayLike, ArrayLike, ArrayLike, ArrayLike]


class RatioOfSums(NormalComparison):
    """Sequential comparison of Σy/Σx of candidate and stable, where y and x are totals of one user.

    Requests of one user resemble each other, and a sticky user stays with one version; so the user is what was
    randomised, and the only thing that may be taken as independent. The variance of the ratio comes from the users'
    totals by the delta method (see `scores`). What is promised is asymptotic in the number of users; nothing is said
    before `BURN_IN` of them, and heavy users are kept honest by the variance that is used (see `NormalEvidence`).

    What must be delivered: a user enters *once*, in one stratum, with totals y and x over a time that was fixed
    beforehand (say, the first hour after the user was first seen), when that time is over. Counters are cumulative over
    users, so a user who came back in a later stratum would count as another, independent one; the variance would be too
    small by up to the number of returns, and equal candidates would fail. The same happens if x or y grow after the
    user was counted. A user must also never be counted for both versions, and who enters must not depend on the version
    (a version that drives users away before they are mature would hide it).

    Limits are those of `Mean`. The same exposure for every user makes it the mean per user: use `Mean` then.

    Every argument of `update` and every result is a number, or an array of one shape: each element is a comparison of
    its own.
    """

    _plain = 6

    def __init__(
        self,
        better: Better = "Lower",
        *,
        acceptable_ratio: float | None = None,
        acceptable_difference: float | None = None,
        margin_ratio: float | None = None,
        margin_difference: float | None = None,
        gain_ratio: float | None = None,
        gain_difference: float | None = None,
        alpha: float = 0.01,
        beta: float = 0.05,
        dispersion: float = 1.0,
        late_faults: bool = False,
    ) -> None:
        """Set the limits.

        Args:
            better: the direction that is good.
            acceptable_ratio: how many times as bad may not be failed; default 1.
            acceptable_difference: how much worse may not be failed, in the unit of Σy/Σx; default 0.
            margin_ratio: how many times as bad may pass; exactly one of margin and gain is needed.
            margin_difference: how much worse may pass.
            gain_ratio: at most 1; to pass, the candidate must be at most this many times as bad.
            gain_difference: at least 0; to pass, the candidate must be better by more than this.
            alpha: chance that an acceptable candidate ever fails.
            beta: chance that a candidate at the margin ever passes.
            dispersion: at least 1; factor on the variance, for users who depend on each other.
            late_faults: keep part of the stake for restarts, so that hours of good users do not hide a late fault.

        Raises:
            ValueError: limits that exclude or contradict each other, or are out of range.
        """
        config = {key: value for key, value in locals().items() if key not in ("self", "__class__")}
        super().__init__(config, Zone.among(config))

    def update(self, candidate: Sums, stable: Sums, *, start: float | None = None) -> None:
        """Take in one stratum.

        Args:
            candidate: over the users that became mature in this stratum: Σy, their count, Σy², Σx, Σx², Σxy; x is at
                least 0.
            stable: the same of stable.
            start: when the stratum starts, in seconds; with `late_faults` it times the restarts within a step.

        Elements where a side has no users or no exposure, or a number is NaN, carry no evidence.

        Raises:
            ValueError: negative counts or exposures, sums that cannot be, or arrays of another shape than before.
        """
        self._take((*candidate, *stable), start)

    def _checked(self, values: Floats) -> Floats:
        sides = values.reshape(2, 6, -1)
        count, exposure = np.rint(sides[:, 1]), sides[:, 3]
        if (count < 0).any() or (exposure < 0).any():
            raise ValueError("counts and exposures are at least 0")
        usable = np.isfinite(values).all(axis=0) & (count > 0).all(axis=0) & (exposure > 0).all(axis=0)
        sides[:, 1] = count
        sides = np.where(usable, sides, 0.0)
        sides[:, 2] = possible_squares(sides[:, 0], sides[:, 1], sides[:, 2])
        sides[:, 4] = possible_squares(sides[:, 3], sides[:, 1], sides[:, 4])
        return sides.reshape(12, -1)

    def _scores(self, values: Floats) -> Scores:
        candidate, stable = (Moments(*side) for side in values.reshape(2, 6, -1))
        return two_samples(candidate, stable, kind=self._kind)

    def _plain_sums(self, values: Floats) -> Floats:
        return values.reshape(2, 6, -1)[:, [0, 3, 1]].reshape(6, -1)

    def _estimates_of(self, sums: Floats) -> tuple[Floats, Floats]:
        return quotient(sums[2], sums[3]), quotient(sums[5], sums[6])

    def _exposures_of(self, sums: Floats) -> tuple[Floats, Floats]:
        return sums[4], sums[7]
