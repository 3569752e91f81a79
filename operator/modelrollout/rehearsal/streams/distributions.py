"""Distributions: answers fall into buckets."""

from typing import Any

import numpy as np
from scipy.special import rel_entr

from modelrollout.api import Metric
from modelrollout.rehearsal.streams.stream import Data, Floats, InvalidValue, Side, Stream, Value

_BUCKETS = 10
_FARTHEST = 0.7
_POSITIONS = np.linspace(-1, 1, _BUCKETS)
_STEEPEST = 40.0
_HALVINGS = 60


class DistributionStream(Stream):
    """`distribution`: ten buckets, of which stable fills each alike; the candidate's answers drift to one end.

    The value is the Jensen-Shannon distance between the two versions (square root of the divergence in bits).
    """

    needs_stable = False
    averages = False

    def __init__(self, metric: Metric, stable: Value, candidate: Value) -> None:
        """Find the shares of the buckets; the arguments are those of every stream."""
        super().__init__(metric, stable, candidate)
        self._usual = _tilted(0.0)
        self._own = _at_distance(self.candidate.level)

    @classmethod
    def typical(cls, metric: Metric) -> Value:
        """No distance at all."""
        return Value(0.0)

    def checked(self, version: str, value: Value) -> Value:
        """A distance."""
        if value.spread is not None or not 0 <= value.level <= _FARTHEST:
            raise InvalidValue(
                f"{self.metric.name} is a distance between the versions' distributions: give the candidate one number "
                f"from 0 to {_FARTHEST}, for example --candidate {self.metric.name}=0.1"
            )
        return value

    def draw(self, chance: np.random.Generator, candidate: Floats, stable: Floats, changed: Floats) -> Data:
        """Answers in each bucket."""
        shares = self._usual + changed[:, None] * (self._own - self._usual)
        own = chance.multinomial(candidate.astype(np.int64), shares).astype(np.float64)
        return Data((own,), (chance.multinomial(stable.astype(np.int64), self._usual).astype(np.float64),))

    def average(self, before: Floats, after: Floats) -> Data:
        """Answers in each bucket."""
        candidate, stable = (
            np.rint(b * shares)[None] - np.rint(a * shares)[None]
            for a, b, shares in zip(before, after, (self._own, self._usual), strict=True)
        )
        return Data((candidate,), (stable,))

    def arguments(self, side: Side) -> Any:  # noqa: ANN401 - the test takes one array
        """The array of buckets."""
        return side[0]

    def worse(self, value: Value) -> float:
        """The distance."""
        return value.level

    def from_worse(self, worse: float) -> Value:
        """The distance."""
        return Value(worse)

    def limits(self) -> tuple[float, float]:
        """Half the margin is acceptable, as the test has it."""
        margin = self.metric.distribution.margin.jensen_shannon if self.metric.distribution is not None else 0.0
        return margin / 2, margin


def _tilted(steepness: float) -> Floats:
    weights = np.exp(steepness * _POSITIONS - abs(steepness))
    shares: Floats = weights / weights.sum()
    return shares


def _distance(own: Floats, usual: Floats) -> float:
    middle = (own + usual) / 2
    return float(np.sqrt(max(0.0, (rel_entr(own, middle) + rel_entr(usual, middle)).sum() / 2 / np.log(2))))


def _at_distance(distance: float) -> Floats:
    low, high = 0.0, _STEEPEST
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if _distance(_tilted(middle), _tilted(0.0)) >= distance else (middle, high)
    return _tilted(high if distance else 0.0)
