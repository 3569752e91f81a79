"""A quantile (the slowest hundredth, say), compared by the share of answers beyond stable's own."""

import itertools
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from modelrollout.stats.buckets import bounds_around, quantile_of, whole_counts
from modelrollout.stats.comparison import Floats
from modelrollout.stats.effects import Effects, stratum_sums
from modelrollout.stats.quantile_evidence import QuantileEvidence
from modelrollout.stats.two_shares import TwoShares
from modelrollout.stats.zone import Better, Zone

# Of the histogram's bounds, so many around the tested ones are kept for what people see. A ratio's interval takes more
# of the kibibyte than a difference's.
_SHOWN = {"difference": 8, "ratio": 5}


class Quantile(TwoShares):
    """Sequential comparison of a quantile of candidate and stable, from histograms.

    A quantile has no sum that could be compared from scrape to scrape, but the share of answers beyond a fixed bound
    has. The bounds are fixed before the first stratum, from stable's history: the bound of a bucket that is nearest to
    stable's quantile, and its two neighbours (`Quantile.around`). The shares beyond are compared as `Proportion` does
    it, and the limits are on the share beyond the middle bound: with the quantile 0.99 and a margin of 0.005 as a
    difference, 1 % of answers beyond may become 1.5 %.

    Whether the candidate is worse *at all* is asked at all three bounds: evidence of that is averaged over them, with
    weights that the strata before have set. Every other limit is asked at the middle bound alone, for half a point of
    1 % is something else than half a point of the neighbours' shares. So a Fail says that at one or more of the bounds
    the share beyond is larger than stable's (or, after a Pass or with an acceptable limit, that the share beyond the
    middle one is too large), a Pass that beyond the middle bound it is smaller than the margin.

    The quantiles themselves are shown, in the bounds' unit; nothing is decided by them, and of a single step they are
    not known. Effect and interval are those of the share beyond the middle bound.
    """

    _evidence: QuantileEvidence

    def __init__(
        self,
        better: Better = "Lower",
        *,
        quantile: float,
        bounds: Sequence[float],
        tested: Sequence[float],
        left_out: Sequence[int] = (0, 0),
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
        """Set bounds and limits.

        Args:
            better: "Lower" if a smaller quantile is better (it is the share beyond that is bad), else "Higher".
            quantile: above 0 and below 1; what is shown.
            bounds: finite upper bounds of the histogram's buckets, ascending.
            tested: three neighbours among them, or one, fixed before the first stratum (`bounds_around`).
            left_out: how many of the histogram's bounds lie below and above those in `bounds`.
            acceptable_ratio: a candidate up to this ratio of bad shares may not be failed; default equal.
            acceptable_difference: the same as a difference of shares.
            margin_ratio: the worst ratio of bad shares that may pass; exactly one of margin and gain is needed.
            margin_difference: the same as a difference of shares.
            gain_ratio: at most 1; to pass, the bad share must be below this times stable's.
            gain_difference: at least 0; to pass, the share must be better by more than this.
            alpha: chance that an acceptable candidate ever fails.
            beta: chance that a candidate at the margin ever passes.
            dispersion: at least 1; how much more the counts vary than independent answers would.
            late_faults: keep part of the stake for restarts, so that hours of good answers do not hide a late fault.

        Raises:
            ValueError: bounds or limits that make no sense.
        """
        config = {key: value for key, value in locals().items() if key not in ("self", "__class__")}
        zone = Zone.among(config)
        if not 0 < quantile < 1:
            raise ValueError("a quantile lies between 0 and 1")
        if any(one >= next_one for one, next_one in itertools.pairwise(bounds)):
            raise ValueError("the bounds of a histogram's buckets ascend")
        if len(tested) not in (1, 3) or not set(tested) <= set(bounds):
            raise ValueError("three of the histogram's bounds are tested, or one")
        most = _SHOWN[zone.margin.kind]
        first = max(0, min(list(bounds).index(tested[0]) - (most - 3) // 2, len(bounds) - most))
        shown = [float(bound) for bound in bounds[first : first + most]]
        config["bounds"], config["tested"] = shown, [float(bound) for bound in tested]
        config["left_out"] = [left_out[0] + first, left_out[1] + len(bounds) - first - len(shown)]
        self._shown, self._left_out, self._quantile = shown, config["left_out"], quantile
        self._tested = [shown.index(float(bound)) for bound in tested]
        self._neighbours = zone.acceptable.is_equality
        super().__init__(config, zone)

    @classmethod
    def around(
        cls,
        history: ArrayLike,
        bounds: Sequence[float],
        quantile: float,
        **limits: Any,  # noqa: ANN401 - the constructor's
    ) -> Self:
        """A comparison at the bounds around stable's quantile.

        Args:
            history: stable's answers per bucket (not cumulative) before the run, the last one unbounded, shape (K,).
            bounds: finite upper bounds, ascending, shape (K - 1,).
            quantile: above 0 and below 1.
            limits: the constructor's other arguments.

        Raises:
            ValueError: an empty history, or bounds or limits that make no sense.
        """
        tested = bounds_around(history, bounds, quantile)
        return cls(quantile=quantile, bounds=bounds, tested=tested, **limits)

    @property
    def tested(self) -> tuple[float, ...]:
        """The bounds at which the shares beyond are compared."""
        return tuple(self._shown[at] for at in self._tested)

    # --- input -------------------------------------------------------------------------------------------------

    def update(self, candidate: ArrayLike, stable: ArrayLike, *, start: float | None = None) -> None:
        """Take in one stratum.

        Args:
            candidate: the candidate's answers per bucket (not cumulative), the buckets on the last axis, the one
                without bound last, the comparisons on those before; fractions are rounded.
            stable: the same of stable.
            start: when the stratum starts, in seconds; with `late_faults` it times the restarts within a step.

        A comparison where a side has no answers, or a count is NaN, gets no evidence.

        Raises:
            ValueError: negative counts, another number of buckets than bounds, or another shape than before.
        """
        sides = [np.asarray(side, dtype=np.float64) for side in (candidate, stable)]
        buckets = sum(self._left_out) + len(self._shown) + 1
        if any(not side.shape or side.shape[-1] != buckets for side in sides):
            raise ValueError(f"this histogram has {buckets} buckets, on the last axis")
        below, above = self._left_out[0], self._left_out[0] + len(self._shown)
        columns = []
        for side in sides:
            columns += [side[..., : below + 1].sum(axis=-1), *np.moveaxis(side[..., below + 1 : above], -1, 0)]
            columns.append(side[..., above:].sum(axis=-1))
        self._take(columns, start)

    def _checked(self, values: Floats) -> Floats:
        return whole_counts(values)

    def _new_evidence(self, size: int, processes: int, dispersion: float) -> QuantileEvidence:
        return QuantileEvidence(
            size,
            processes,
            dispersion,
            self._hypotheses,
            tested=len(self._tested) if self._neighbours else 1,
            shown=len(self._shown) + 1,
            kind=self._kind,
        )

    def _add(self, values: Floats, passed: NDArray[np.bool_]) -> Floats:
        sides = values.reshape(2, -1, values.shape[1])
        bounds = self._tested if self._neighbours else self._tested[len(self._tested) // 2 :][:1]
        totals = np.repeat(sides.sum(axis=1)[:, None], len(bounds), axis=1)
        beyond = np.stack([sides[:, at + 1 :].sum(axis=1) for at in bounds], axis=1)
        bad = totals - beyond if self._flip else beyond
        counts = np.stack([bad[0], totals[0], bad[1], totals[1]])
        self._evidence.add_histograms(counts, self._sums, sides, passed)
        return stratum_sums(counts[:, len(bounds) // 2])

    # --- what people see ---------------------------------------------------------------------------------------

    def _effects(self) -> Effects:
        return self._evidence.effects

    def _estimates_of(self, sums: Floats) -> tuple[Floats, Floats]:
        """The quantiles of candidate and stable since the start; those of a step are not kept."""
        nothing = np.full(sums.shape[1], np.nan)
        if sums is not self._sums:
            return nothing, nothing
        counts = np.moveaxis(self._evidence.histograms.astype(np.float64), 1, -1)
        lowest = self._shown[0] if self._left_out[0] else None
        quantiles = quantile_of(counts, self._shown, self._quantile, lowest=lowest)
        return quantiles[0], quantiles[1]
