"""Shares of answers: proportions, latencies, agreement, and what lies beyond a quantile."""

import math
from typing import Any

import numpy as np

from modelrollout.api import Better, Metric, Role
from modelrollout.rehearsal.streams.stream import Data, Floats, InvalidValue, Side, Stream, Value, Verdict, between
from modelrollout.stats.power import exposures_for_non_inferiority, exposures_for_proportions

TYPICAL_BAD = 0.001


class ShareStream(Stream):
    """`proportion` and `latency`: every request is an event or is not, independently."""

    @classmethod
    def typical(cls, metric: Metric) -> Value:
        """One bad answer in a thousand."""
        return Value(1 - TYPICAL_BAD if metric.better == Better.HIGHER else TYPICAL_BAD)

    def checked(self, version: str, value: Value) -> Value:
        """A share between 0 and 1."""
        if value.spread is not None or not 0 <= value.level <= 1:
            example = self.typical(self.metric).level
            raise InvalidValue(
                f"{self.metric.name} is a share of answers: give the {version} version one number from 0 to 1, "
                f"for example --{version} {self.metric.name}={example:g}"
            )
        return value

    def draw(self, chance: np.random.Generator, candidate: Floats, stable: Floats, changed: Floats) -> Data:
        """Events and totals."""
        level = self.stable.level + changed * (self.candidate.level - self.stable.level)
        events = chance.binomial(candidate.astype(np.int64), level).astype(np.float64)
        usual = chance.binomial(stable.astype(np.int64), self.stable.level).astype(np.float64)
        return Data((events, candidate), (usual, stable))

    def average(self, before: Floats, after: Floats) -> Data:
        """Events and totals."""
        levels = self.candidate.level, self.stable.level
        candidate, stable = (_events(a, b, level) for a, b, level in zip(before, after, levels, strict=True))
        return Data(candidate, stable)

    def worse(self, value: Value) -> float:
        """The bad share."""
        return 1 - value.level if self.metric.better == Better.HIGHER else value.level

    def from_worse(self, worse: float) -> Value:
        """From the bad share."""
        bad = min(1.0, max(0.0, worse))
        return Value(1 - bad if self.metric.better == Better.HIGHER else bad)

    def limits(self) -> tuple[float, float]:
        """By ratio or difference, and the floor."""
        limits, stable = self.metric.limits(), self.worse(self.stable)
        if self.metric.role == Role.GOAL:
            gain = limits.margin
            least = stable * gain.ratio if gain.ratio is not None else stable - (gain.difference or 0.0)
            return least, least
        acceptable, margin = (
            max(one.ratio * stable, limits.floor) if one.ratio is not None else stable + (one.difference or 0.0)
            for one in (limits.acceptable, limits.margin)
        )
        return acceptable, margin

    def fixed_horizon(self, verdict: Verdict, power: float, error: float) -> float | None:
        """Non-inferiority by a difference for Pass, two proportions for Fail."""
        (candidate, stable), (acceptable, margin) = self.bad_shares(), self.limits()
        try:
            if verdict == "Fail":
                return exposures_for_proportions(acceptable, candidate, power=power, alpha=error, sides=1)
            return exposures_for_non_inferiority(stable, margin - stable, candidate=candidate, power=power, alpha=error)
        except ValueError:  # without bad answers, or for a gain, the normal approximation says nothing
            return None

    def bad_shares(self) -> tuple[float, float]:
        """Bad shares of candidate and stable."""
        return self.worse(self.candidate), self.worse(self.stable)

    def bad(self, data: Data) -> Floats:
        """Bad answers of the candidate."""
        events, total = data.candidate
        return total - events if self.metric.better == Better.HIGHER else events


class AgreementStream(Stream):
    """`agreement`: the candidate's answers that equal stable's."""

    needs_stable = False

    @classmethod
    def typical(cls, metric: Metric) -> Value:
        """Half of the difference that is allowed."""
        least = metric.agreement.min if metric.agreement is not None else 0.0
        return Value((1 + least) / 2)

    def checked(self, version: str, value: Value) -> Value:
        """A share between 0 and 1."""
        if value.spread is not None or not 0 <= value.level <= 1:
            raise InvalidValue(
                f"{self.metric.name} is a share of equal answers: give one number from 0 to 1, for example "
                f"--candidate {self.metric.name}=0.99"
            )
        return value

    def draw(self, chance: np.random.Generator, candidate: Floats, stable: Floats, changed: Floats) -> Data:
        """Agreed and total of the candidate."""
        level = self.stable.level + changed * (self.candidate.level - self.stable.level)
        agreed = chance.binomial(candidate.astype(np.int64), level).astype(np.float64)
        return Data((agreed, candidate), ())

    def average(self, before: Floats, after: Floats) -> Data:
        """Agreed and total."""
        return Data(_events(float(before[0]), float(after[0]), self.candidate.level), ())

    def worse(self, value: Value) -> float:
        """The share of other answers."""
        return 1 - value.level

    def from_worse(self, worse: float) -> Value:
        """From the share of other answers."""
        return Value(1 - worse)

    def limits(self) -> tuple[float, float]:
        """The one limit there is."""
        most = 1 - (self.metric.agreement.min if self.metric.agreement is not None else 0.0)
        return most, most


class QuantileStream(ShareStream):
    """`quantile`: requests beyond stable's own quantile, and half and twice as many beyond its two neighbours."""

    needs_stable = False

    @classmethod
    def typical(cls, metric: Metric) -> Value:
        """What lies beyond a quantile by definition."""
        return Value(1 - (metric.quantile.quantile if metric.quantile is not None else 0.5))

    def checked(self, version: str, value: Value) -> Value:
        """A share of requests; stable's is known."""
        usual = self.typical(self.metric)
        if value.spread is not None or not 0 <= value.level <= 0.5 or (version == "stable" and value != usual):
            raise InvalidValue(
                f"{self.metric.name} is judged by the share of requests beyond stable's own quantile, which is "
                f"{usual.level:.3g} for stable: give the candidate's, at most 0.5, for example "
                f"--candidate {self.metric.name}={2 * usual.level:.3g}"
            )
        return value

    def frozen(self) -> tuple[float, ...]:
        """Three bounds, all of them tested."""
        return (3.0, *_BOUNDS, *_BOUNDS, math.inf)

    def draw(self, chance: np.random.Generator, candidate: Floats, stable: Floats, changed: Floats) -> Data:
        """Requests in each bucket."""
        level = self.stable.level + changed * (self.candidate.level - self.stable.level)
        own = chance.multinomial(candidate.astype(np.int64), _buckets(level)).astype(np.float64)
        usual = chance.multinomial(stable.astype(np.int64), _buckets(np.array(self.stable.level))).astype(np.float64)
        return Data((own,), (usual,))

    def average(self, before: Floats, after: Floats) -> Data:
        """Requests in each bucket."""
        levels = self.candidate.level, self.stable.level
        candidate, stable = (
            np.rint(b * _buckets(np.array([level]))) - np.rint(a * _buckets(np.array([level])))
            for a, b, level in zip(before, after, levels, strict=True)
        )
        return Data((candidate,), (stable,))

    def arguments(self, side: Side) -> Any:  # noqa: ANN401 - the test takes one array
        """The array of buckets."""
        return side[0]

    def bad(self, data: Data) -> Floats:
        """Requests on the bad side of the middle bound."""
        beyond: Floats = data.candidate[0][:, 2:].sum(axis=1)
        return data.candidate[0].sum(axis=1) - beyond if self.metric.better == Better.HIGHER else beyond


def _events(before: float, after: float, level: float) -> Side:
    """Events and total between two running totals; the two are rounded apart, but no event is without its answer."""
    total = between(before, after, 1.0)
    return np.minimum(between(before, after, level), total), total


_BOUNDS = (1.0, 2.0, 3.0)


def _buckets(beyond: Floats) -> Floats:
    """Shares of the four buckets where so much lies beyond the middle bound, on a new last axis."""
    above = np.stack([np.ones_like(beyond), np.minimum(2 * beyond, 1.0), beyond, beyond / 2], axis=-1)
    shares: Floats = -np.diff(above, axis=-1, append=0.0)
    return shares
