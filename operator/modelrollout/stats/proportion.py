"""A proportion of two versions compared stratum by stratum: evidence that may be looked at after every scrape."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from modelrollout.stats import bernoulli
from modelrollout.stats import floor as floors
from modelrollout.stats.comparison import Floats, Interval
from modelrollout.stats.effects import Effects, difference_estimate, ratio_estimate, stratum_sums
from modelrollout.stats.evidence import Evidence
from modelrollout.stats.shares_evidence import SharesEvidence
from modelrollout.stats.two_shares import TwoShares
from modelrollout.stats.zone import Better, Zone

Counts = tuple[ArrayLike, ArrayLike]

DEFAULT_FLOOR = 0.002


class Proportion(TwoShares):
    """Sequential comparison of a proportion (errors, slow answers, correct answers) of candidate and stable.

    Everything is judged on the share of *bad* answers: with ``better="Higher"`` the events are good ones and are turned
    round. A ratio is the ratio of bad shares, candidate over stable; a difference is the candidate's bad share minus
    stable's; so for every limit more is worse.

    Two limits leave a zone of indifference between them. *Fail*: the evidence that the candidate is worse than
    `acceptable` reaches 1/alpha (from the first Pass on: that it is worse than the margin). *Pass*: the evidence that
    it is better than the margin reaches 1/beta. Both hold at whatever time one looks. For a goal, `gain` takes the
    place of both limits: Pass means better by more than the gain, Fail that the gain is not there.

    With a ratio, a candidate below `floor` is not worse than the margin and is not failed, whatever stable does;
    without one, a service without errors could never be promoted (with one it is after about 4.7/floor answers).

    Every argument of `update` and every result is a number, or an array of one shape: each element is a comparison of
    its own.

    Sources: the conditional mixture, J. ter Schure et al., arXiv:2011.06931; the two-by-two e-variable, R. J. Turner
    and P. D. Grünwald, arXiv:2302.11401; divided log evidence stays that of an e-process by Jensen's inequality.
    """

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
        floor: float | None = DEFAULT_FLOOR,
        alpha: float = 0.01,
        beta: float = 0.05,
        dispersion: float = 1.0,
        late_faults: bool = False,
    ) -> None:
        """Set the limits.

        Args:
            better: "Lower" if the events are bad answers, "Higher" if they are good ones.
            acceptable_ratio: a candidate up to this ratio may not be failed; default 1 (as good as stable).
            acceptable_difference: the same as a difference of shares.
            margin_ratio: the worst ratio that may pass; exactly one of margin and gain is needed.
            margin_difference: the same as a difference of shares (0.02: two points worse).
            gain_ratio: at most 1; to pass, the bad share must be below this times stable's.
            gain_difference: at least 0; to pass, the candidate must be better by more than this.
            floor: bad share below which nobody minds a ratio; only with `margin_ratio`, None for none.
            alpha: chance that an acceptable candidate ever fails.
            beta: chance that a candidate at the margin ever passes.
            dispersion: at least 1; how much more the counts vary than independent answers would.
            late_faults: keep part of the stake for restarts, so that hours of good answers do not hide a late fault.

        Raises:
            ValueError: limits that exclude or contradict each other, or are out of range.
        """
        config = {key: value for key, value in locals().items() if key not in ("self", "__class__")}
        if floor is not None and not 0 < floor < 0.1:
            raise ValueError("the floor lies between 0 and 0.1")
        given = floor if margin_ratio is not None else None
        self._slopes = None if given is None else bernoulli.slopes(given, floors.FACTORS)
        super().__init__(config, Zone.among(config, mixed=True))

    def update(self, candidate: Counts, stable: Counts, *, start: float | None = None) -> None:
        """Take in one stratum.

        Args:
            candidate: events and total of the candidate in this stratum; fractions are rounded.
            stable: events and total of stable.
            start: when the stratum starts, in seconds; with `late_faults` it times the restarts within a step.

        Elements where a side has no answers, or a count is NaN, carry no evidence.

        Raises:
            ValueError: negative counts, more events than answers, or arrays of another shape than before.
        """
        self._take((*candidate, *stable), start)

    def _checked(self, values: Floats) -> Floats:
        counts = np.rint(values)
        # without both sides there is nothing to compare, and NaN is no count
        missing = ~((counts[1] > 0) & (counts[3] > 0) & np.isfinite(counts).all(axis=0))
        if missing.any():
            counts[:, missing] = 0.0
        if counts.min(initial=0) < 0 or (counts[0::2] > counts[1::2]).any():
            raise ValueError("counts are at least 0, and events at most total")
        if self._flip:
            counts[0::2] = counts[1::2] - counts[0::2]
        return counts

    def _new_evidence(self, size: int, processes: int, dispersion: float) -> Evidence:
        self._shares = SharesEvidence(size, processes, dispersion, self._hypotheses, ("ratio", "difference"))
        if self._slopes is None:
            return self._shares
        self._floored = floors.FlooredEvidence(self._shares, size, processes, self._slopes)
        return self._floored

    def _add(self, values: Floats, passed: NDArray[np.bool_]) -> Floats:
        self._shares.add(*self._shares.told(values, self._sums, passed))
        if self._slopes is not None:
            self._floored.add_alone(np.stack([values[0], values[1] - values[0]]))
        return stratum_sums(values)

    # --- what people see ---------------------------------------------------------------------------------------

    def _effects(self) -> Effects:
        return self._shares.effects

    def ratio(self, level: float = 0.95) -> Interval:
        """Ratio of the bad shares, candidate over stable, with its confidence sequence at this level."""
        low, high = self._effects().ratio_bounds(self._sums, level)
        return Interval(self._out(ratio_estimate(self._sums)), self._out(low), self._out(high))

    def difference(self, level: float = 0.95) -> Interval:
        """Difference of the events' shares as given, candidate minus stable, with its confidence sequence."""
        low, high = self._difference_bounds(level)
        estimate = self._as_given(difference_estimate(self._sums))
        return Interval(self._out(estimate), self._out(low), self._out(high))

    def _estimates_of(self, sums: Floats) -> tuple[Floats, Floats]:
        with np.errstate(invalid="ignore"):
            bad_c, bad_s = sums[0] / sums[1], sums[2] / sums[3]
        return (1 - bad_c, 1 - bad_s) if self._flip else (bad_c, bad_s)
