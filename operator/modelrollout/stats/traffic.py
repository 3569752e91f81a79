"""Whether a version answers the share of traffic it was given."""

from collections.abc import Mapping
from typing import Any, Self

import numpy as np

from modelrollout.stats import state

MINIMUM_SHARE = 0.5
MINIMUM_EXPECTED = 20.0
STRATA_IN_A_ROW = 3


class AnsweredShare:
    """Notices that the candidate's answers went missing: fewer than half of what its weight should bring.

    Judged once 20 answers of the candidate are expected; slow traffic is put together over several strata until they
    are. At 20 expected answers a healthy candidate has fewer than half with probability 0.005 (Poisson), three times in
    a row with 10⁻⁷.
    """

    def __init__(self) -> None:
        self._answered = 0.0
        self._expected = 0.0
        self._short = 0
        self._judged = 0
        self._ever = 0.0

    def update(self, candidate: float, stable: float, weight: float | None) -> None:
        """Take in one closed stratum.

        Args:
            candidate: the candidate's answers; 0 when it has none, also where none of its pods could be scraped.
            stable: stable's answers.
            weight: the candidate's share of the traffic, 0 to 1; None when it changed within the stratum, which is then
                left out.

        Raises:
            ValueError: a negative count or a weight beyond 0 and 1.
        """
        if candidate < 0 or stable < 0 or not 0 <= (weight or 0.0) <= 1:
            raise ValueError("counts are at least 0, a weight lies between 0 and 1")
        if not weight:
            return
        expected = weight * (candidate + stable)
        self._answered += candidate
        self._expected += expected
        self._ever += expected
        if self._expected < MINIMUM_EXPECTED:
            return
        self._short = self._short + 1 if self._answered < MINIMUM_SHARE * self._expected else 0
        self._judged += 1
        self._answered = self._expected = 0.0

    @property
    def expected(self) -> float:
        """Answers of the candidate that its weight should have brought so far."""
        return self._ever

    @property
    def lost(self) -> bool:
        """Whether the last three judgements were all short."""
        return self._short >= STRATA_IN_A_ROW

    @property
    def verdict(self) -> str:
        """Of the share: "Fail" if lost, "Inconclusive" before the first judgement, else "Pass"."""
        if self.lost:
            return "Fail"
        return "Pass" if self._judged and not self._short else "Inconclusive"

    def state(self) -> dict[str, Any]:
        """All that is needed to go on, JSON-able."""
        numbers = np.array([self._answered, self._expected, self._short, self._judged, self._ever])
        return state.pack("AnsweredShare", {}, (), [numbers])

    @classmethod
    def from_state(cls, stored: Mapping[str, Any]) -> Self:
        """Go on from `state()`.

        Raises:
            UnknownState: not a state of this class and version.
        """
        restored = cls()
        answered, expected, short, judged, ever = state.Reader(stored, "AnsweredShare").read(np.float64, 5)
        restored._answered, restored._expected = float(answered), float(expected)
        restored._short, restored._judged, restored._ever = int(short), int(judged), float(ever)
        return restored
