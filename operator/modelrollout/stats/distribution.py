"""Drift: how far the candidate's distribution (of scores, say) lies from stable's, stratum by stratum."""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from modelrollout.stats import drift
from modelrollout.stats.buckets import whole_counts
from modelrollout.stats.comparison import EffectKind, Floats, Value
from modelrollout.stats.drift_evidence import RUN, STEP, DriftEvidence
from modelrollout.stats.sequential import Sequential

MOST_BUCKETS = 64

# Prior of the distance, for its confidence sequence: half-Cauchy tails around 0.05.
_GRID = np.linspace(0, 1, 401) ** 2
_LOG_PRIOR = np.log(np.gradient(_GRID) / (1 + (_GRID / 0.05) ** 2))
_LOG_PRIOR -= np.log(np.exp(_LOG_PRIOR).sum())


class Distribution(Sequential):
    """Sequential comparison of two versions' distributions over the same buckets.

    The effect is the Jensen-Shannon distance (the square root of the divergence in bits, 0 to 1). Two distances leave
    a zone of indifference between them. *Fail*: the evidence that the distance is larger than `acceptable_distance`
    reaches 1/alpha (from the first Pass on: larger than the margin). *Pass*: the evidence that it is smaller than the
    margin reaches 1/beta. Two versions of a model are never exactly alike, and with enough answers any trifle would be
    proved; so what is acceptable is half the margin unless it is set, and 0 (equality) only on request.

    Fail is valid at whatever time one looks, for any counts, baselines and weights that change: every stratum's
    evidence is a bet fixed before it (`drift.log_evidence`), and speaks against "no further apart than acceptable in
    every stratum". Pass rests on the normal approximation to the weighted sums over the strata
    (`drift.log_likelihood`) and speaks of the distance between the two versions' averages; drifts that point in
    opposite directions at different times cancel in it.

    Buckets that nobody has fallen into carry no evidence and count neither for nor against. A state takes at
    most 380 bytes and 30 for each bucket: up to 1 KiB for 21 buckets, 2.3 KiB for 64.
    """

    _rows = 2
    _evidence: DriftEvidence

    def __init__(
        self,
        *,
        margin_distance: float,
        acceptable_distance: float | None = None,
        alpha: float = 0.01,
        beta: float = 0.05,
        dispersion: float = 1.0,
        late_faults: bool = False,
    ) -> None:
        """Set the limits.

        Args:
            margin_distance: the largest Jensen-Shannon distance that may pass, above 0 and below 1.
            acceptable_distance: a candidate up to this distance may not be failed; default half the margin.
            alpha: chance that an acceptable candidate ever fails.
            beta: chance that a candidate at the margin ever passes.
            dispersion: at least 1; how much more the counts vary than independent answers would.
            late_faults: keep part of the stake for restarts, so that hours of good answers do not hide a late fault.

        Raises:
            ValueError: limits out of range or out of order.
        """
        config = {key: value for key, value in locals().items() if key not in ("self", "__class__")}
        acceptable = margin_distance / 2 if acceptable_distance is None else acceptable_distance
        if not 0 < margin_distance < 1 or not 0 <= acceptable <= margin_distance:
            raise ValueError("the margin lies between 0 and 1, and what is acceptable between 0 and the margin")
        self._acceptable, self._margin = acceptable**2 * drift.BITS, margin_distance**2 * drift.BITS
        super().__init__(config)

    # --- input -------------------------------------------------------------------------------------------------

    def update(self, candidate: ArrayLike, stable: ArrayLike, *, start: float | None = None) -> None:
        """Take in one stratum.

        Args:
            candidate: the candidate's answers per bucket (not cumulative), the buckets on the last axis, the
                comparisons on those before; fractions are rounded.
            stable: the same of stable.
            start: when the stratum starts, in seconds; with `late_faults` it times the restarts within a step.

        A comparison where a side has no answers, or a count is NaN, gets no evidence.

        Raises:
            ValueError: negative counts, fewer than 2 or more than 64 buckets, or another shape than before.
        """
        sides = [np.asarray(side, dtype=np.float64) for side in (candidate, stable)]
        if sides[0].shape != sides[1].shape or not sides[0].shape or not 2 <= sides[0].shape[-1] <= MOST_BUCKETS:
            raise ValueError(
                f"a distribution has 2 to {MOST_BUCKETS} buckets, the same of both sides, on the last axis"
            )
        buckets = sides[0].shape[-1]
        if self._columns not in (0, 2 * buckets):
            raise ValueError(f"this comparison has the shape (..., {self._columns // 2}), not (..., {buckets})")
        self._take([column for side in sides for column in np.moveaxis(side, -1, 0)], start)

    def _checked(self, values: Floats) -> Floats:
        return whole_counts(values)

    def _new_evidence(self, size: int, processes: int, dispersion: float) -> DriftEvidence:
        return DriftEvidence(
            size,
            processes,
            self._columns // 2,
            acceptable=self._acceptable,
            margin=self._margin,
            dispersion=dispersion,
        )

    def _add(self, values: Floats, passed: NDArray[np.bool_]) -> Floats:
        b, a = values.reshape(2, -1, values.shape[1]).transpose(0, 2, 1)
        self._evidence.add_answers(b, a, passed)
        return np.stack([b.sum(axis=1), a.sum(axis=1)])

    def restart(self, at: float | None = None) -> None:
        """As for every comparison: a step begins."""
        self._evidence.begin_step()
        super().restart(at)

    # --- what people see ---------------------------------------------------------------------------------------

    @property
    def effect_kind(self) -> EffectKind:
        """How far apart the distributions are."""
        return "distance"

    def _effect_of(self, sums: Floats) -> Floats:
        """The distance, corrected for what noise alone would give, since the start or since the step began."""
        return self._evidence.distance(RUN if sums is self._sums else STEP)

    def _estimates_of(self, sums: Floats) -> tuple[Floats, None]:
        """The distance: it belongs to both versions, so there is no second value."""
        return self._effect_of(sums), None

    def _exposures_of(self, sums: Floats) -> tuple[Floats, Floats]:
        return sums[0], sums[1]

    def _bounds(self, level: float) -> tuple[Floats, Floats]:
        """All distances that a mixture over all others does not reject at any time; as asymptotic as Pass is."""
        evidence = self._evidence
        curve = evidence.log_likelihood(_GRID**2 * drift.BITS)
        weighted = curve + _LOG_PRIOR[:, None]
        top = weighted.max(axis=0)
        kept = np.log(np.exp(weighted - top).sum(axis=0)) + top - curve < math.log(1 / (1 - level))
        kept |= ~evidence.burnt_in()
        first = np.argmax(kept, axis=0)
        last = len(_GRID) - 1 - np.argmax(kept[::-1], axis=0)
        # one grid step outwards: the true end lies between the last kept and the first dropped point
        return _GRID[np.maximum(first - 1, 0)], _GRID[np.minimum(last + 1, len(_GRID) - 1)]

    @property
    def stability_index(self) -> Value:
        """Population stability index, as it is usually computed; empty buckets get half an answer. NaN without data."""
        return self._out(self._evidence.stability_index())
