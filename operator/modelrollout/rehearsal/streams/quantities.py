"""Quantities: means, and events per exposure."""

import math
from typing import Any

import numpy as np

from modelrollout.api import Better, MeanMetric, Metric, Role
from modelrollout.api.effects import Effect
from modelrollout.rehearsal.streams.stream import Data, Floats, InvalidValue, Side, Stream, Value, Verdict, between
from modelrollout.stats.power import exposures_for_means


class _Directed(Stream):
    """A quantity of which less, or more, is better."""

    def worse(self, value: Value) -> float:
        """The quantity itself, negative where more is better."""
        return -value.level if self.metric.better == Better.HIGHER else value.level

    def from_worse(self, worse: float) -> Value:
        """From the quantity."""
        return Value(-worse if self.metric.better == Better.HIGHER else worse, self.stable.spread)

    def limits(self) -> tuple[float, float]:
        """By ratio or difference, and the floor."""
        limits = self.metric.limits()
        if self.metric.role == Role.GOAL:
            gain = limits.margin
            least = self._limit(gain if gain.ratio is not None else Effect(difference=0)) - (gain.difference or 0.0)
            return least, least
        acceptable, margin = (self._limit(one) for one in (limits.acceptable, limits.margin))
        return (max(acceptable, limits.floor), max(margin, limits.floor)) if limits.floor else (acceptable, margin)

    def _limit(self, effect: Effect) -> float:
        higher, stable = self.metric.better == Better.HIGHER, self.stable.level
        if effect.ratio is None:
            return (-stable if higher else stable) + (effect.difference or 0.0)
        return -stable / effect.ratio if higher else stable * effect.ratio


class RateStream(_Directed):
    """`rate`: events come independently; every request brings one unit of exposure."""

    @classmethod
    def typical(cls, metric: Metric) -> Value:
        """One event in a thousand requests."""
        return Value(0.001)

    def checked(self, version: str, value: Value) -> Value:
        """At least 0."""
        if value.spread is not None or not 0 <= value.level < math.inf:
            raise InvalidValue(
                f"{self.metric.name} counts events: give the {version} version its events per request, "
                f"for example --{version} {self.metric.name}=0.01"
            )
        return value

    def draw(self, chance: np.random.Generator, candidate: Floats, stable: Floats, changed: Floats) -> Data:
        """Events and exposure."""
        level = self.stable.level + changed * (self.candidate.level - self.stable.level)
        events = chance.poisson(candidate * level).astype(np.float64)
        return Data((events, candidate), (chance.poisson(stable * self.stable.level).astype(np.float64), stable))

    def average(self, before: Floats, after: Floats) -> Data:
        """Events and exposure."""
        levels = self.candidate.level, self.stable.level
        candidate, stable = (
            (between(a, b, level), between(a, b, 1.0)) for a, b, level in zip(before, after, levels, strict=True)
        )
        return Data(candidate, stable)


class MeanStream(_Directed):
    """`mean`: values are normal; with `per`, every unit counts once in the denominator."""

    @classmethod
    def typical(cls, metric: Metric) -> Value:
        """There is no typical quantity."""
        raise InvalidValue(
            f"{metric.name} is a mean: say how large it is and how far single values scatter, "
            f"for example --stable {metric.name}=12.5:4 (mean:standard deviation)"
        )

    def checked(self, version: str, value: Value) -> Value:
        """Any number, with the standard deviation of single values."""
        if value.spread is None or not value.spread > 0 or not math.isfinite(value.level):
            raise InvalidValue(
                f"{self.metric.name} is a mean: give the {version} version its mean and the standard deviation of "
                f"single values, for example --{version} {self.metric.name}={value.level:g}:4"
            )
        return value

    def draw(self, chance: np.random.Generator, candidate: Floats, stable: Floats, changed: Floats) -> Data:
        """Sum, count, sum of squares; the tests take of it what the metric counts."""
        own, usual = self.candidate, self.stable
        spread = (own.spread or 0.0), (usual.spread or 0.0)
        changes = chance.binomial(candidate.astype(np.int64), changed).astype(np.float64)
        parts = _sums(chance, changes, own.level, spread[0]), _sums(chance, candidate - changes, usual.level, spread[1])
        mixed = tuple(a + b for a, b in zip(*parts, strict=True))
        return Data(mixed, _sums(chance, stable, usual.level, spread[1]))

    def __init__(self, metric: Metric, stable: Value, candidate: Value) -> None:
        """See `Stream`."""
        super().__init__(metric, stable, candidate)
        # without squares and bounds only the strata tell how far values scatter
        self.by_strata = self._of.sum_of_squares is None and self._of.min is None
        self.averages = not self.by_strata

    def average(self, before: Floats, after: Floats) -> Data:
        """Sum, count, sum of squares."""
        candidate, stable = (
            _average(float(b - a), value)
            for a, b, value in zip(before, after, (self.candidate, self.stable), strict=True)
        )
        return Data(candidate, stable)

    def fixed_horizon(self, verdict: Verdict, power: float, error: float) -> float | None:
        """By the distance of the means from the limit."""
        limit = self.from_worse(self.limits()[verdict == "Pass"])
        usual, own = self.stable.spread or 0.0, self.candidate.spread
        try:
            return exposures_for_means(
                self.candidate.level - limit.level, usual, candidate_deviation=own, power=power, alpha=error, sides=1
            )
        except ValueError:  # just at the limit
            return None

    def arguments(self, side: Side) -> Any:  # noqa: ANN401 - as many sums as the metric has
        """The sums that the metric counts."""
        total, count, squares = side
        of = self._of
        if of.per is not None:
            return total, count, squares, count, count, total
        if of.sum_of_squares is not None:
            return side
        if of.min is not None and of.max is not None:
            total = np.clip(total, of.min * count, of.max * count)
        return total, count

    @property
    def _of(self) -> MeanMetric:
        assert self.metric.mean is not None  # noqa: S101 - streams are made by kind
        return self.metric.mean


def _average(count: float, value: Value) -> Side:
    count = float(np.rint(count))
    squares = count * ((value.spread or 0.0) ** 2 + value.level**2)
    return np.array([count * value.level]), np.array([count]), np.array([squares])


def _sums(chance: np.random.Generator, count: Floats, mean: float, spread: float) -> Side:
    """Sum, count and sum of squares of so many normal values, drawn together."""
    total = count * mean + np.sqrt(count) * spread * chance.standard_normal(len(count))
    scatter = spread**2 * 2 * chance.standard_gamma(np.maximum(count - 1, 0) / 2)
    return total, count, scatter + total**2 / np.maximum(count, 1)
