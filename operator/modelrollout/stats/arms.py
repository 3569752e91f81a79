"""Several arms against a baseline: which are still in the race, and whether one has won it."""

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from typing import Any, Protocol, Self

from modelrollout.stats.comparison import Value
from modelrollout.stats.state import UnknownState

Beats = Callable[[str, str], bool]
"""Whether the first of two arms is proven to be better than the second."""


def unbeaten(names: Sequence[str], beats: Beats) -> tuple[str, ...]:
    """The arms that nobody has beaten; all of them if evidence should ever contradict itself."""
    left = tuple(a for a in names if not any(beats(b, a) for b in names if b != a))
    return left or tuple(names)


def winner(names: Sequence[str], baseline: str, beats: Beats) -> str | None:
    """The arm that beats the baseline and every other one of `names`; None while there is none. Never the baseline."""
    for name in names:
        if name != baseline and all(beats(name, other) for other in names if other != name):
            return name
    return None


class Duel(Protocol):
    """A two-sided comparison of a pair: `Proportion`, `Mean` and their like with a gain of nothing."""

    @property
    def log_e_fail(self) -> Value:
        """Log evidence that the first of the pair is worse than the second."""

    @property
    def log_e_pass(self) -> Value:
        """Log evidence that the first of the pair is better than the second."""

    def update(self, candidate: Any, stable: Any, *, start: float | None = None) -> None:  # noqa: ANN401
        """Take in one stratum of the pair."""

    def raise_dispersion(self, dispersion: float) -> None:
        """Use a larger dispersion."""

    def state(self) -> dict[str, Any]:
        """All that is needed to go on."""


class Arms:
    """Every arm against every other, stratum by stratum.

    One arm *beats* another once the evidence that it is better reaches (K - 1)/alpha at any time, for K arms with the
    baseline. An arm that is not the best would have to beat the best one, which has K - 1 rivals: so the chance that
    the best arm ever leaves the race, and with it the chance of a wrong winner, is at most alpha, however often one
    looks. Among equally good arms nobody wins.

    The *winner* beats the baseline and every other arm. Until there is one, the race is open between the arms that
    nobody has beaten; between those the data do not tell.
    """

    def __init__(
        self,
        names: Sequence[str],
        *,
        baseline: str,
        duel: Callable[[float], Duel],
        alpha: float = 0.01,
    ) -> None:
        """Begin the race.

        Args:
            names: all arms, the baseline among them.
            baseline: the arm that serves now.
            duel: makes the comparison of one pair, at the level alpha/(K - 1) that it is given, with a gain of nothing
                and a beta so small that it never passes (a Pass would begin the evidence of the other side anew):
                ``lambda level: Proportion("Higher", gain_difference=0, alpha=level, beta=1e-300)``.
            alpha: chance of a wrong winner.

        Raises:
            ValueError: fewer than two different arms, a baseline that is none of them, or a level out of range.
        """
        if len(names) < 2 or len(set(names)) != len(names) or baseline not in names:
            raise ValueError("two or more arms with different names are needed, the baseline among them")
        if not 0 < alpha < 1:
            raise ValueError("alpha lies between 0 and 1")
        self.names, self.baseline, self.alpha = tuple(names), baseline, alpha
        self._pairs = tuple(combinations(self.names, 2))
        self._duels = {pair: duel(self.level) for pair in self._pairs}
        self._peaks = dict.fromkeys(self._pairs, (0.0, 0.0))

    @property
    def level(self) -> float:
        """The level of each comparison: alpha over the number of rivals an arm has."""
        return self.alpha / (len(self.names) - 1)

    def update(self, strata: Mapping[str, Any], *, start: float | None = None) -> None:
        """Take in one stratum.

        Args:
            strata: by arm what the comparison's `update` takes for one side; pairs with an arm that is missing here
                get no evidence.
            start: when the stratum starts, in seconds.

        Raises:
            ValueError: an arm that is none, or what the comparison refuses.
        """
        if unknown := set(strata) - set(self.names):
            raise ValueError(f"there is no arm {', '.join(sorted(unknown))}; the arms are {', '.join(self.names)}")
        for pair in self._pairs:
            if pair[0] in strata and pair[1] in strata:
                self._duels[pair].update(strata[pair[0]], strata[pair[1]], start=start)
                self._note_peak(pair)

    def _note_peak(self, pair: tuple[str, str]) -> None:
        first, second = self._peaks[pair]
        duel = self._duels[pair]
        self._peaks[pair] = max(first, float(duel.log_e_pass)), max(second, float(duel.log_e_fail))

    def raise_dispersion(self, dispersion: float) -> None:
        """Use a larger dispersion in every comparison; who has been beaten before stays beaten."""
        for duel in self._duels.values():
            duel.raise_dispersion(dispersion)

    def log_e(self, better: str, worse: str) -> float:
        """The largest log evidence so far that one arm is better than another."""
        pair = (better, worse)
        return self._peaks[pair][0] if pair in self._peaks else self._peaks[worse, better][1]

    def beats(self, better: str, worse: str) -> bool:
        """Whether the evidence has ever sufficed that one arm is better than another."""
        return self.log_e(better, worse) >= -math.log(self.level)

    @property
    def in_race(self) -> tuple[str, ...]:
        """The arms that nobody has beaten; all of them if evidence should ever contradict itself."""
        return unbeaten(self.names, self.beats)

    @property
    def winner(self) -> str | None:
        """The arm that beats the baseline and every other one; None while the race is open. Never the baseline."""
        return winner(self.names, self.baseline, self.beats)

    def duel(self, first: str, second: str) -> Duel:
        """The comparison of a pair, named in the order of `names`; for its effect and interval.

        Raises:
            KeyError: no such pair, or in the other order.
        """
        return self._duels[first, second]

    def state(self) -> dict[str, Any]:
        """All that is needed to go on, JSON-able; one comparison's state and a few bytes for each pair."""
        return {
            "v": 1,
            "kind": "Arms",
            "names": list(self.names),
            "baseline": self.baseline,
            "alpha": self.alpha,
            "peaks": [list(self._peaks[pair]) for pair in self._pairs],
            "duels": [self._duels[pair].state() for pair in self._pairs],
        }

    @classmethod
    def from_state(cls, stored: Mapping[str, Any], *, restore: Callable[[Mapping[str, Any]], Duel]) -> Self:
        """Go on from `state()`: every later result is the same as without the interruption.

        Args:
            stored: the state.
            restore: restores one comparison: ``Proportion.from_state``.

        Raises:
            UnknownState: not a state of this class and version.
        """
        if stored.get("v") != 1 or stored.get("kind") != "Arms":
            raise UnknownState(f"not a state of Arms of version 1: {stored.get('kind')} {stored.get('v')}")
        try:
            duels = iter([restore(state) for state in stored["duels"]])
            restored = cls(
                stored["names"], baseline=stored["baseline"], alpha=stored["alpha"], duel=lambda _: next(duels)
            )
            peaks = [(float(first), float(second)) for first, second in stored["peaks"]]
            restored._peaks = dict(zip(restored._pairs, peaks, strict=True))
        except (KeyError, TypeError, StopIteration) as error:
            raise UnknownState(f"the state of Arms cannot be read: {error}") from error
        return restored
