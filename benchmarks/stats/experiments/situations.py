"""Situations in which several versions are compared by the share of good answers, and what is true in each."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

STRATA, MINUTES, ANSWERS = 96, 5, 3000
"""Looks of an experiment, minutes between two of them, and answers of all versions together in that time."""

BASE, CLEAR, CLOSE = 0.10, 0.13, 0.11


@dataclass(frozen=True, slots=True)
class Situation:
    """One situation.

    Attributes:
        name: its key in the results.
        title: one line for people.
        shares: of good answers, of stable and of each candidate.
        wave: how far all shares swing up and down together, as a part of themselves; 0: not at all.
        planned: the better share that the size of a fixed horizon is planned for.
        most_runs: as many as time allows.
    """

    name: str
    title: str
    shares: tuple[float, ...]
    wave: float = 0.0
    planned: float = CLEAR
    most_runs: int = 10**9

    @property
    def names(self) -> tuple[str, ...]:
        """Of the versions: stable first."""
        return tuple(f"v{7 + place}" for place in range(len(self.shares)))

    @property
    def best(self) -> int | None:
        """Place of the candidate that is better than every other version; None where nobody must win."""
        most = max(self.shares)
        places = [place for place, share in enumerate(self.shares) if share == most]
        return places[0] if len(places) == 1 and places[0] else None

    def rates(self, strata: int = STRATA) -> Floats:
        """Shares in each stratum, shape (S, K); the wave goes through twice."""
        swing = 1 + self.wave * np.sin(4 * math.pi * (np.arange(strata) + 0.5) / strata)
        result: Floats = swing[:, None] * np.array(self.shares)
        return result


FEW = 100
"""Runs of what takes long: many versions, and nobody who wins before the end."""


def _several(versions: int) -> tuple[Situation, ...]:
    """One candidate is clearly better, hardly better, or like all others, among so many versions."""
    rest, most = (BASE,) * (versions - 2), FEW if versions > 3 else 10**9
    others = "" if not rest else f"; the other {len(rest) if len(rest) > 1 else 'one'} like stable"
    return (
        Situation(
            f"{versions}-clear", f"{versions} versions, one with 13 % against 10 %{others}", (BASE, *rest, CLEAR)
        ),
        Situation(
            f"{versions}-close",
            f"{versions} versions, one with 11 % against 10 %{others}",
            (BASE, *rest, CLOSE),
            planned=CLOSE,
            most_runs=most,
        ),
        Situation(
            f"{versions}-equal",
            f"{versions} versions, all equal",
            (BASE, *rest, BASE),
            planned=CLOSE,
            most_runs=most,
        ),
    )


SITUATIONS: Mapping[str, Situation] = {
    one.name: one
    for one in (
        *_several(2),
        *_several(3),
        *_several(5),
        Situation("3-twins", "3 versions, both candidates with 13 % against 10 %", (BASE, CLEAR, CLEAR), most_runs=FEW),
        Situation("3-worse", "3 versions, both candidates worse: 9 % and 7 % against 10 %", (BASE, 0.09, 0.07)),
        Situation("5-ladder", "5 versions, 10 %, 10.5 %, 11 %, 11.5 % and 13 %", (BASE, 0.105, 0.11, 0.115, CLEAR)),
        Situation(
            "3-equal-wave", "3 equal versions, all swing between 5 % and 15 % twice", (BASE,) * 3, 0.5, planned=CLOSE
        ),
    )
}
