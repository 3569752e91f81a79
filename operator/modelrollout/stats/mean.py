"""A mean of two versions compared stratum by stratum."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from modelrollout.stats.bounded import BoundedEvidence
from modelrollout.stats.comparison import Floats
from modelrollout.stats.fixed_horizon import Sample
from modelrollout.stats.normal_comparison import NormalComparison, ScoreEvidence, quotient
from modelrollout.stats.scatter import ScatterEvidence
from modelrollout.stats.scores import Moments, Scores, possible_squares, two_samples
from modelrollout.stats.zone import Better, Zone

Sums = tuple[ArrayLike, ArrayLike] | tuple[ArrayLike, ArrayLike, ArrayLike]

_WITH_SQUARES = 6  # numbers of both sides in a stratum
_ROUNDING = 1e-6


class Mean(NormalComparison):
    """Sequential comparison of the mean of a quantity (order value, seconds, tokens) of candidate and stable.

    How far single values scatter must come from somewhere, and `update` is given what there is:

    - *Sum, count and sum of squares*: the variance of every stratum is known. Best by far. What is promised is
      asymptotic: the error is alpha once sums are nearly normal. Nothing is said before `BURN_IN` values, and heavy
      tails are kept honest by the variance that is used (see `NormalEvidence`). No such promise is possible where the
      candidate has a heavy tail that stable does not have, and most of its mean comes from values too rare to have
      come up: compare the share of large values then (`Proportion`), too.
    - *Sum and count, with bounds*: exact at any sample size, also where the mean drifts; several times the samples.
    - *Sum and count, without bounds*: the strata's differences are the observations, and how far they scatter tells
      the variance. Nothing is said before `BURN_IN_STRATA` strata; the promise is asymptotic in their number.

    The values of a stratum are taken as independent; where one user brings many, the user is the unit: give sums over
    users, each user once, or use `RatioOfSums`.

    Limits are "more is worse": a ratio is how many times as bad, which is candidate over stable where lower is better
    and stable over candidate where higher is; a difference is how much worse, in the quantity's own unit. What is
    shown points the quantity's own way: `effect` is candidate over stable, or candidate minus stable.

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
        minimum: float | None = None,
        maximum: float | None = None,
        alpha: float = 0.01,
        beta: float = 0.05,
        dispersion: float = 1.0,
        late_faults: bool = False,
    ) -> None:
        """Set the limits.

        Args:
            better: the direction that is good.
            acceptable_ratio: how many times as bad may not be failed; default 1.
            acceptable_difference: how much worse may not be failed, in the quantity's unit; default 0.
            margin_ratio: how many times as bad may pass; exactly one of margin and gain is needed.
            margin_difference: how much worse may pass.
            gain_ratio: at most 1; to pass, the candidate must be at most this many times as bad.
            gain_difference: at least 0; to pass, the candidate must be better by more than this.
            minimum: smallest single value there can be; goes with `maximum`.
            maximum: largest single value there can be.
            alpha: chance that an acceptable candidate ever fails.
            beta: chance that a candidate at the margin ever passes.
            dispersion: at least 1; factor on the variance, for values that depend on each other within minutes.
            late_faults: keep part of the stake for restarts, so that hours of good values do not hide a late fault.

        Raises:
            ValueError: limits or bounds that exclude or contradict each other, or are out of range.
        """
        config = {key: value for key, value in locals().items() if key not in ("self", "__class__")}
        zone = Zone.among(config)
        if (minimum is None) != (maximum is None):
            raise ValueError("the smallest and the largest value go together")
        if minimum is not None and maximum is not None:
            if not (np.isfinite(minimum) and np.isfinite(maximum) and minimum < maximum):
                raise ValueError("the smallest value lies below the largest, and both are finite")
            if zone.margin.kind == "ratio" and minimum < 0:
                raise ValueError("a quantity that may be negative has no ratio: set a difference")
        # a ratio stays one only if the quantity is not shifted
        self._lowest = 0.0 if zone.margin.kind == "ratio" else minimum or 0.0
        self._span = 0.0 if maximum is None else maximum - self._lowest  # 0: without bounds
        super().__init__(config, zone)

    def update(self, candidate: Sums, stable: Sums, *, start: float | None = None) -> None:
        """Take in one stratum.

        Args:
            candidate: sum of the values in this stratum, their count, and where known the sum of their squares.
            stable: the same of stable.
            start: when the stratum starts, in seconds; with `late_faults` it times the restarts within a step.

        Elements where a side has no values, or a number is NaN, carry no evidence.

        Raises:
            ValueError: negative counts, sums that cannot be, squares once given and once not, or arrays of another
                shape than before.
        """
        if len(candidate) != len(stable):
            raise ValueError("sums of squares are given for both sides or for none")
        self._take((*candidate, *stable), start)

    def _new_evidence(self, size: int, processes: int, dispersion: float) -> ScoreEvidence:
        if self._columns in (0, _WITH_SQUARES):
            return super()._new_evidence(size, processes, dispersion)
        if not self._span:
            return ScatterEvidence(
                size, processes, kind=self._kind, limits=self._limits, sign=self._sign, dispersion=dispersion
            )
        acceptable, margin = self._limits
        scale = self._span if self._kind == "difference" else 1.0
        limits = acceptable / scale, margin / scale
        return BoundedEvidence(size, processes, kind=self._kind, limits=limits, sign=self._sign, dispersion=dispersion)

    def _checked(self, values: Floats) -> Floats:
        sides = values.reshape(2, -1, values.shape[1])
        counts = np.rint(sides[:, 1])
        usable = np.isfinite(values).all(axis=0) & (counts > 0).all(axis=0)
        if (counts[np.isfinite(counts)] < 0).any():
            raise ValueError("counts are at least 0")
        sides = np.where(usable, sides, 0.0)
        sides[:, 1] = np.where(usable, counts, 0.0)
        if len(values) == _WITH_SQUARES:
            sides[:, 2] = possible_squares(sides[:, 0], sides[:, 1], sides[:, 2])
        elif self._span > 0:
            ends = sides[:, 1] * self._lowest, sides[:, 1] * (self._lowest + self._span)
            slack = _ROUNDING * np.maximum(np.abs(ends[0]), np.abs(ends[1]))
            if (sides[:, 0] < ends[0] - slack).any() or (sides[:, 0] > ends[1] + slack).any():
                raise ValueError("a sum lies between count times the smallest and count times the largest value")
            sides[:, 0] = np.clip(sides[:, 0], *ends)
        return sides.reshape(values.shape)

    def _scores(self, values: Floats) -> Scores:
        candidate, stable = (
            Moments(side[0], side[1], side[-1] if len(values) == _WITH_SQUARES else side[0], side[1], side[1], side[0])
            for side in values.reshape(2, -1, values.shape[1])
        )
        return two_samples(candidate, stable, kind=self._kind)

    def _weigh(self, values: Floats, stratum: Scores, passed: NDArray[np.bool_]) -> None:
        if isinstance(self._evidence, BoundedEvidence):
            sides = values.reshape(2, 2, -1)
            shares = (sides[:, 0] - sides[:, 1] * self._lowest) / self._span
            self._evidence.add_sums((shares[0], sides[0, 1], shares[1], sides[1, 1]), passed)
        elif isinstance(self._evidence, ScatterEvidence):
            self._evidence.add_sums(values, stratum, passed)
        else:
            super()._weigh(values, stratum, passed)

    def _plain_sums(self, values: Floats) -> Floats:
        sides = values.reshape(2, -1, values.shape[1])
        squares = sides[:, 2] if len(values) == _WITH_SQUARES else np.zeros_like(sides[:, 0])
        return np.concatenate([sides[:, :2].reshape(4, -1), squares])

    def _bounds(self, level: float) -> tuple[Floats, Floats]:
        low, high = super()._bounds(level)
        scaled = isinstance(self._evidence, BoundedEvidence) and self._kind == "difference"
        return (low * self._span, high * self._span) if scaled else (low, high)

    def _estimates_of(self, sums: Floats) -> tuple[Floats, Floats]:
        return quotient(sums[2], sums[3]), quotient(sums[4], sums[5])

    def _exposures_of(self, sums: Floats) -> tuple[Floats, Floats]:
        return sums[3], sums[5]

    def samples(self, place: int = 0) -> tuple[Sample, Sample] | None:
        """Candidate and stable as mean, deviation and size over all strata.

        None where sums of squares were not given, or a side has fewer than two values. Strata are pooled: for
        description, and for tests in which the shares of the traffic stayed the same.

        Args:
            place: which comparison, of several in a row.
        """
        if self._columns != _WITH_SQUARES:
            return None
        candidate, stable = (_sample(*self._sums[rows, place]) for rows in ([2, 3, 6], [4, 5, 7]))
        return None if candidate is None or stable is None else (candidate, stable)


def _sample(total: float, count: float, squares: float) -> Sample | None:
    if count < 2:
        return None
    variance = max(0.0, (squares - total**2 / count) / (count - 1))
    return Sample(float(total / count), float(variance**0.5), float(count))
