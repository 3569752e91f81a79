"""The shape that all sequential comparisons share, whatever they compare."""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple, Protocol, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Value = float | Floats  # a number for one comparison, else an array of the comparisons' shape

Verdict = Literal["Pass", "Fail", "Inconclusive"]
EffectKind = Literal["ratio", "difference", "distance", "share"]

Stratum = TypeVar("Stratum", contravariant=True)


class Interval(NamedTuple):
    """An estimate and the ends of its confidence sequence, each a number or an array of the comparisons' shape."""

    estimate: Value
    low: Value
    high: Value


class Comparison(Protocol):
    """A sequential test of a candidate: evidence, and the effect behind it, both valid whenever one looks.

    Evidence is kept as natural logarithms of e-processes: under the hypothesis it speaks against, such a process
    exceeds 1/alpha at any time with probability at most alpha (J. Ville, "Étude critique de la notion de collectif",
    1939). Every result is a number, or an array of the shape that `update` was given: each element is a comparison of
    its own. What is shown (effect, estimates) points the way the events themselves do.
    """

    @property
    def alpha(self) -> float:
        """Chance that an acceptable candidate ever fails."""

    @property
    def beta(self) -> float:
        """Chance that a candidate at the margin ever passes."""

    @property
    def dispersion(self) -> float:
        """What log evidence is divided by, at least 1."""

    @property
    def log_e_fail(self) -> Value:
        """Log evidence that the candidate is worse than acceptable (after a first Pass: than the margin)."""

    @property
    def log_e_pass(self) -> Value:
        """Log evidence that the candidate is better than the margin."""

    @property
    def peak_log_e_fail(self) -> Value:
        """The largest `log_e_fail` so far, at least 0; exp(-peak) is a p-value that may be looked at at any time.

        Short of a Fail, raising the dispersion lowers it to what is left of the evidence.
        """

    @property
    def verdict(self) -> str | NDArray[np.str_]:
        """Of a single test at its own alpha and beta: "Pass", "Fail" or "Inconclusive", elementwise."""

    @property
    def effect_kind(self) -> EffectKind:
        """What `effect` is: candidate over stable, candidate minus stable, how far apart, or a share by itself."""

    @property
    def effect(self) -> Value:
        """Point estimate of the effect; NaN without data."""

    @property
    def low(self) -> Value:
        """Lower end of the effect's 95 % confidence sequence."""

    @property
    def high(self) -> Value:
        """Upper end of the effect's 95 % confidence sequence."""

    @property
    def step_effect(self) -> Value:
        """Point estimate from the present step alone; NaN without data."""

    @property
    def estimates(self) -> tuple[Value, Value | None]:
        """Candidate's and stable's value as people read it (a share, a mean, events per exposure); None: no stable."""

    @property
    def exposures(self) -> tuple[Value, Value | None]:
        """How much data of candidate and stable there is, in the unit of the total; None where there is no stable."""

    @property
    def step_estimates(self) -> tuple[Value, Value | None]:
        """`estimates` from the present step alone."""

    @property
    def step_exposures(self) -> tuple[Value, Value | None]:
        """`exposures` from the present step alone."""

    def interval(self, level: float = 0.95) -> Interval:
        """The effect with its confidence sequence at this level."""

    def restart(self, at: float | None = None) -> None:
        """A step begins at this time, in seconds on the clock of `update`'s `start`."""

    def raise_dispersion(self, dispersion: float) -> None:
        """Use a larger dispersion from here on and for the past; a smaller one changes nothing."""

    def state(self) -> dict[str, Any]:
        """All that is needed to go on, JSON-able, at most 1 KiB for one comparison."""

    @classmethod
    def from_state(cls, stored: Mapping[str, Any]) -> Self:
        """Go on from `state()` as if nothing had come between.

        Raises:
            UnknownState: not a state of this class and version.
        """


class TwoSided(Comparison, Protocol[Stratum]):
    """A comparison that is fed by candidate and stable; `Stratum` is what one side brings per stratum."""

    def update(self, candidate: Stratum, stable: Stratum, *, start: float | None = None) -> None:
        """Take in one stratum.

        Args:
            candidate: what the candidate showed in this stratum, numbers or arrays of one shape.
            stable: the same of stable. NaN or an empty side carries no evidence.
            start: when the stratum starts, in seconds; it times the restarts for late faults within a step.
        """


class OneSided(Comparison, Protocol[Stratum]):
    """A comparison with a limit, fed by one version alone."""

    def update(self, counts: Stratum, *, start: float | None = None) -> None:
        """Take in one stratum; as for `TwoSided`."""
