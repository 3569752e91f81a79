"""How much more the contrast of candidate and stable varies within a run than independent answers would let it.

History tells a version's dispersion from its processes, before a run; bursts may begin later, and where there was no
history the dispersion was assumed. The run itself shows it: from one five-minute block to the next the contrast of the
two versions should vary by its sampling error around the effect it had in the blocks before.
"""

import math
from collections.abc import Mapping
from typing import Any, Self

import numpy as np

from modelrollout.stats import state
from modelrollout.stats.dispersion import BLOCK, MINIMUM_BLOCKS, MINIMUM_EVENTS

# Weight of past blocks in the effect, per block: a fault that begins later is soon what is expected, and no scatter.
_MEMORY = 0.8
_ERRORS_BELOW = 1.5  # standard errors the estimate must lie above a dispersion to raise it

Counts = tuple[float, float]


def _spread(b: float, m: float, n: float, events: float) -> float:
    """Variance of the candidate's share in the events around its expectation b (J. Cornfield's approximation)."""
    return 1 / (1 / b + 1 / (m - b) + 1 / (events - b) + 1 / (n - events + b))


class Heterogeneity:
    """Dispersion of a contrast over blocks of five minutes on the grid of the epoch, of one comparison.

    Each block brings a score and its information: for a proportion the candidate's bad answers beyond the expected
    ones if both versions were equal, given how many there were in all, and the variance of that. Score over information
    estimates the effect (a log odds ratio, to first order). A block's score is compared with what the effect of the
    blocks before lets one expect; the square of the difference over its variance has mean 1 for independent answers,
    and the dispersion otherwise. A steady effect, large or small, is no dispersion.

    Another kind of comparison with additive scores (the mean of a quantity, say) can use `add` in place of `update`.

    Source: Cochran's Q in the form of recursive residuals. W. G. Cochran, Biometrics 10 (1954) 101-129; R. L. Brown,
    J. Durbin, J. M. Evans, J. R. Statist. Soc. B 37 (1975) 149-192; scores: S. Yusuf, R. Peto et al., Prog.
    Cardiovasc. Dis. 27 (1985) 335-371.
    """

    __slots__ = ("_block", "_events", "_information", "_past", "_raised", "_score", "_squares", "_variance", "blocks")

    def __init__(self) -> None:
        """Begin without data."""
        self.blocks = 0
        """Blocks that could be compared with those before them."""
        self._block = -math.inf
        self._events = self._score = self._information = self._variance = 0.0
        self._past = (0.0, 0.0, 0.0)  # score, information, and variance of that score, of the blocks so far
        self._squares = (0.0, 0.0)  # sums of the standardised squares and of their squares
        self._raised = 1.0

    def update(self, start: float, candidate: Counts, stable: Counts) -> None:
        """Take in one stratum.

        Args:
            start: when it starts, in seconds since the epoch; strata come in order of time.
            candidate: events and total of the candidate; which of the two outcomes the events are makes no difference.
            stable: events and total of stable. NaN or a side without answers is left out.
        """
        (b, m), (a, n) = candidate, stable
        everything, events = m + n, a + b
        if not (m > 0 and n > 0 and 0 < events < everything):
            self._enter(start)
            return
        share = m / everything
        information = share * (1 - share) * events * (everything - events) / max(everything - 1, 1)
        self._enter(start)
        expected = events * share
        # the variance if the past effect holds: answers split unequally scatter differently from equal ones
        shifted = expected + self._effect() * information
        least, most = max(0.0, events - n), min(m, events)  # beyond these stable would have an impossible number
        likely = min(max(shifted, expected - 0.9 * (expected - least)), expected + 0.9 * (most - expected))
        self.add(
            start,
            score=b - expected,
            information=information,
            variance=information * _spread(likely, m, n, events) / _spread(expected, m, n, events),
            events=min(events, everything - events),
        )

    def add(self, start: float, *, score: float, information: float, variance: float, events: float) -> None:
        """Take in what one stratum says of the effect.

        Args:
            start: when it starts, in seconds since the epoch.
            score: has the expectation effect times information.
            information: of the stratum, above 0.
            variance: of the score.
            events: what a block must have at least five of to be told from one by chance.
        """
        self._enter(start)
        self._score += score
        self._information += information
        self._variance += variance
        self._events += events

    def _effect(self) -> float:
        score, information, _ = self._past
        return score / information if information else 0.0

    def _enter(self, start: float) -> None:
        """Judge the block before, if this stratum starts in another one."""
        block = math.floor(start / BLOCK + 1e-9)
        if block == self._block:
            return
        if self._events >= MINIMUM_EVENTS and self._variance > 0:
            self._judge()
        self._block = block
        self._events = self._score = self._information = self._variance = 0.0

    def _judge(self) -> None:
        score, information, variance = self._past
        if information:
            surprise = self._score - self._effect() * self._information
            expected = self._variance + (self._information / information) ** 2 * variance
            square = surprise**2 / expected
            self._squares = (self._squares[0] + square, self._squares[1] + square**2)
            self.blocks += 1
            if self.blocks >= MINIMUM_BLOCKS:
                self._raised = max(self._raised, self.estimate - _ERRORS_BELOW * self._error())
        self._past = (
            _MEMORY * score + self._score,
            _MEMORY * information + self._information,
            _MEMORY**2 * variance + self._variance,
        )

    @property
    def estimate(self) -> float:
        """The dispersion that the closed blocks show, about 1 for independent answers; NaN before the second one."""
        return self._squares[0] / self.blocks if self.blocks else math.nan

    def _error(self) -> float:
        spread = self._squares[1] / self.blocks - self.estimate**2
        return math.sqrt(max(spread, 0.0) / self.blocks)

    @property
    def raise_to(self) -> float | None:
        """What a comparison's dispersion should be raised to; None while nothing says that it is above 1.

        It never falls, and is one and a half standard errors below the estimate: for what the run shows clearly. Three
        times the errors from the middle of a run on are no scatter, yet raise it to about 1.2 (weight 5 %, 20 requests
        a second) or 1.6 (25 %): by then the evidence against the candidate is long complete.
        """
        return self._raised if self._raised > 1 else None

    def state(self) -> dict[str, Any]:
        """All that is needed to go on, JSON-able."""
        current = (self._block, self._events, self._score, self._information, self._variance)
        numbers = np.array([*current, *self._past, *self._squares, self.blocks, self._raised])
        return state.pack("Heterogeneity", {}, (), [numbers])

    @classmethod
    def from_state(cls, stored: Mapping[str, Any]) -> Self:
        """Go on from `state()` as if nothing had come between.

        Raises:
            UnknownState: not a state of this class and version.
        """
        numbers = state.Reader(stored, "Heterogeneity").read(np.float64, 12).tolist()
        restored = cls()
        restored._block, restored._events, restored._score, restored._information, restored._variance = numbers[:5]
        restored._past = (numbers[5], numbers[6], numbers[7])
        restored._squares = (numbers[8], numbers[9])
        restored.blocks, restored._raised = int(numbers[10]), numbers[11]
        return restored
