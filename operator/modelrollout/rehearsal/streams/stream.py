"""What versions truly are, and the samples that such versions give."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from modelrollout.api import Metric, Role
from modelrollout.decisions.kinds import Kind, kind_of
from modelrollout.errors import ModelRolloutError

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Rows = NDArray[np.intp]
Side = tuple[Floats, ...]
"""What one version shows in a stratum, column by column; the first axis of each array is the run."""

Standing = Literal["acceptable", "between", "beyond"]
"""Where the candidate truly stands: may not be failed, may go either way, or must not be promoted."""

Verdict = Literal["Pass", "Fail"]

TINY = 1e-12  # limits belong to their good side, whatever the last digit of a product says


class CannotSimulate(ModelRolloutError):  # noqa: N818 - named for what is wrong, as all leaves
    """The plan and what was said of it cannot be simulated; the message says what to do."""


class InvalidValue(CannotSimulate):
    """A value that a metric of this kind cannot have; the message says what to write."""


@dataclass(frozen=True, slots=True)
class Value:
    """A metric's true value of one version: a share, events per exposure, a mean and its spread, a distance."""

    level: float
    spread: float | None = None


@dataclass(frozen=True, slots=True)
class Data:
    """What both versions show in one stratum, in all runs."""

    candidate: Side
    stable: Side

    def only(self, present: Flags) -> "Data":
        """The same with nothing to see where `present` is not."""
        return Data(_masked(self.candidate, present), _masked(self.stable, present))


def between(before: float, after: float, level: float) -> Floats:
    """Events of that level between two running totals, as an array of one run."""
    return np.array([np.rint(after * level) - np.rint(before * level)])


def _masked(side: Side, present: Flags) -> Side:
    return tuple(np.where(present.reshape(-1, *(1,) * (one.ndim - 1)), one, np.nan) for one in side)


class Stream(ABC):
    """The samples of one metric that is judged by counters, for given true values.

    Attributes:
        needs_stable: whether stable's value must be known for the candidate's to mean something.
        averages: whether what comes on average tells when the test decides; else only chance does.
        by_strata: the test learns from the number of strata, and not from that of the answers.
        metric: the metric.
        kind: what the operator makes of it.
        stable, candidate: true values.
    """

    needs_stable = True
    averages = True
    by_strata = False

    def __init__(self, metric: Metric, stable: Value, candidate: Value) -> None:
        """Check the values.

        Raises:
            InvalidValue: a value that this kind of metric cannot have.
        """
        kind = kind_of(metric)
        if kind is None:
            raise InvalidValue(f"{metric.name} is of a kind that cannot be simulated")
        self.metric, self.kind = metric, kind
        self.stable = self.checked("stable", stable)
        self.candidate = self.checked("candidate", candidate)

    kind: Kind

    @classmethod
    @abstractmethod
    def typical(cls, metric: Metric) -> Value:
        """What both versions are taken to be where nothing is said.

        Raises:
            InvalidValue: for this kind of metric something must be said.
        """

    @abstractmethod
    def checked(self, version: str, value: Value) -> Value:
        """The value, if this kind of metric can have it.

        Raises:
            InvalidValue: it cannot.
        """

    @abstractmethod
    def draw(self, chance: np.random.Generator, candidate: Floats, stable: Floats, changed: Floats) -> Data:
        """One stratum.

        Args:
            chance: source of randomness.
            candidate: requests to the candidate, whole numbers, shape (runs,).
            stable: requests to stable.
            changed: part of the candidate's requests for which its own value holds; before it is like stable.
        """

    @abstractmethod
    def average(self, before: Floats, after: Floats) -> Data:
        """What both versions show on average, one run, from some requests (candidate, stable) up to others.

        Whole numbers are rounded as running totals, so that rare events are not lost.
        """

    @abstractmethod
    def worse(self, value: Value) -> float:
        """The value as a number that is larger the worse it is, in the terms of the metric's limits."""

    @abstractmethod
    def limits(self) -> tuple[float, float]:
        """The worst that is acceptable and the worst that may be promoted, as `worse` counts."""

    @abstractmethod
    def from_worse(self, worse: float) -> Value:
        """The candidate's value that `worse` turns into this number."""

    def frozen(self) -> tuple[float, ...]:
        """What the operator would have fixed before the first stratum."""
        return ()

    def standing(self) -> Standing:
        """Where the candidate stands against the metric's limits."""
        acceptable, margin = self.limits()
        worse = self.worse(self.candidate)
        if worse > margin + TINY or (self.metric.role == Role.GOAL and worse >= margin - TINY):
            return "beyond"  # a gain must be exceeded
        return "acceptable" if worse <= acceptable + TINY or self.metric.role == Role.GOAL else "between"

    def at_margin(self) -> Value:
        """A candidate that is just as bad as may be promoted."""
        return self.from_worse(self.limits()[1])

    def bad(self, data: Data) -> Floats | None:
        """Bad answers of the candidate; None where the metric does not tell bad answers from good ones."""
        return None

    def bad_shares(self) -> tuple[float, float] | None:
        """True shares of bad answers of candidate and stable; None where the metric knows no bad answers."""
        return None

    def fixed_horizon(self, verdict: Verdict, power: float, error: float) -> float | None:
        """Exposures per arm with which a test that looks once, at the end, would come to a verdict.

        Args:
            verdict: "Pass": inside the margin; "Fail": worse than acceptable.
            power: chance to come to it.
            error: chance of a wrong verdict, one side.

        Returns:
            Of independent answers; None where no such number is known.
        """
        return None

    def empty(self, runs: int) -> Data:
        """Data in which nobody shows anything."""
        nothing = np.zeros(runs)
        data = self.draw(np.random.default_rng(0), nothing, nothing, nothing)
        return data.only(np.zeros(runs, dtype=bool))

    def update(self, test: Any, data: Data, rows: Rows, start: float | None) -> None:  # noqa: ANN401 - any test
        """Feed a test with the data of some runs."""
        candidate, stable = (self.arguments(tuple(one[rows] for one in side)) for side in (data.candidate, data.stable))
        if self.kind.one_sided:
            test.update(candidate, start=start)
        else:
            test.update(candidate=candidate, stable=stable, start=start)

    def arguments(self, side: Side) -> Any:  # noqa: ANN401 - as the test takes it
        """One side as the test's `update` wants it."""
        return side

    def inside(self, test: Any) -> list[bool]:  # noqa: ANN401 - any test
        """Whether the step's own data lie inside the margin, comparison by comparison, as the operator asks it."""
        seen = np.atleast_1d(test.step_exposures[0]) > 0
        each: list[Any] = [_OneOfMany(test, number) for number in range(len(seen))]
        return [not some or self.kind.inside(self.metric, one) for some, one in zip(seen, each, strict=True)]


class _OneOfMany:
    """One element of a vectorised test, with plain numbers."""

    def __init__(self, test: Any, number: int) -> None:  # noqa: ANN401 - any test
        self._test, self._number = test, number

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - as the test has it
        value = getattr(self._test, name)
        if isinstance(value, tuple):
            return tuple(None if one is None else float(one[self._number]) for one in value)
        return float(value[self._number]) if isinstance(value, np.ndarray) else value
