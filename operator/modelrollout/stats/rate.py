"""Events per exposure of two versions compared stratum by stratum."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from modelrollout.stats import floor as floors
from modelrollout.stats.comparison import EffectKind, Floats
from modelrollout.stats.events import EventsEvidence, slopes
from modelrollout.stats.evidence import Evidence
from modelrollout.stats.normal_comparison import quotient
from modelrollout.stats.sequential import Sequential
from modelrollout.stats.zone import Better, Zone

Counts = tuple[ArrayLike, ArrayLike]


class Rate(Sequential):
    """Sequential comparison of events per exposure (out-of-memory kills a GPU hour, refusals per million tokens).

    The evidence is exact for Poisson events: alternatives and weights are those of `Proportion`, and a baseline that
    moves or a weight that changes cancels. Events that come in bursts need a `dispersion`.

    A ratio is how many times as bad: candidate over stable where lower is better, stable over candidate where higher
    is. What is shown is candidate over stable. With a `floor`, a candidate with fewer events per exposure is not worse
    than the margin and is not failed, whatever stable does; without one, a service without events could never be
    promoted (with one it is after an exposure of about 4.7/floor).

    Every argument of `update` and every result is a number, or an array of one shape: each element is a comparison of
    its own.
    """

    _rows = 6  # events and exposure of both sides, Mantel-Haenszel weighted events of both

    def __init__(
        self,
        better: Better = "Lower",
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
            better: "Lower" if the events are bad, "Higher" if they are good.
            acceptable_ratio: how many times as bad may not be failed; default 1.
            margin_ratio: how many times as bad may pass; exactly one of margin and gain is needed.
            gain_ratio: at most 1; to pass, the candidate must be at most this many times as bad.
            floor: events per unit of exposure below which nobody minds a ratio; only with `margin_ratio` and bad
                events, None for none.
            alpha: chance that an acceptable candidate ever fails.
            beta: chance that a candidate at the margin ever passes.
            dispersion: at least 1; how much more the counts vary than independent events would.
            late_faults: keep part of the stake for restarts, so that quiet hours do not hide a late fault.

        Raises:
            ValueError: limits that exclude or contradict each other, or are out of range.
        """
        config = {key: value for key, value in locals().items() if key not in ("self", "__class__")}
        zone = Zone.among(config)
        if floor is not None and not (0 < floor < np.inf and margin_ratio is not None and better == "Lower"):
            raise ValueError("a floor is above 0, and goes with a margin on bad events")
        self._sign = 1.0 if better == "Lower" else -1.0
        acceptable, margin = zone.acceptable.value**self._sign, zone.margin.value**self._sign
        self._limits = acceptable, margin
        self._slopes = None if floor is None else slopes(floor, floors.FACTORS)
        super().__init__(config)

    def update(self, candidate: Counts, stable: Counts, *, start: float | None = None) -> None:
        """Take in one stratum.

        Args:
            candidate: events, rounded to whole ones, and exposure of the candidate in this stratum.
            stable: the same of stable.
            start: when the stratum starts, in seconds; with `late_faults` it times the restarts within a step.

        Elements where a side has no exposure, or a number is NaN, carry no evidence.

        Raises:
            ValueError: negative numbers, or arrays of another shape than before.
        """
        self._take((*candidate, *stable), start)

    def _new_evidence(self, size: int, processes: int, dispersion: float) -> Evidence:
        self._events = EventsEvidence(size, processes, limits=self._limits, sign=self._sign, dispersion=dispersion)
        if self._slopes is None:
            return self._events
        self._floored = floors.FlooredEvidence(self._events, size, processes, self._slopes)
        return self._floored

    def _checked(self, values: Floats) -> Floats:
        if (values < 0).any():
            raise ValueError("events and exposure are at least 0")
        usable = np.isfinite(values).all(axis=0) & (values[1] > 0) & (values[3] > 0)
        values = np.where(usable, values, 0.0)
        values[0::2] = np.rint(values[0::2])
        return values

    def _add(self, values: Floats, passed: NDArray[np.bool_]) -> Floats:
        events_c, exposure_c, events_s, exposure_s = values
        self._events.add_events(values, passed)
        if self._slopes is not None:
            self._floored.add_alone(values[:2])
        both = exposure_c + exposure_s
        share = exposure_c / np.where(both > 0, both, 1.0)
        return np.stack([*values, events_c * (1 - share), events_s * share])

    @property
    def effect_kind(self) -> EffectKind:
        """Candidate over stable."""
        return "ratio"

    def _effect_of(self, sums: Floats) -> Floats:
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            result: Floats = sums[4] / sums[5]  # Mantel-Haenszel; infinite where only the candidate had events
        return result

    def _bounds(self, level: float) -> tuple[Floats, Floats]:
        return self._events.bounds(level)

    def _estimates_of(self, sums: Floats) -> tuple[Floats, Floats]:
        return quotient(sums[0], sums[1]), quotient(sums[2], sums[3])

    def _exposures_of(self, sums: Floats) -> tuple[Floats, Floats]:
        return sums[1], sums[3]
