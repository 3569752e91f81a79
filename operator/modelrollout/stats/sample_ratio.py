"""Whether traffic is split as it was meant to be."""

import math
from collections.abc import Mapping
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import gammaln

from modelrollout.stats import restarts, state
from modelrollout.stats.comparison import Floats, Value

Split = Literal["Healthy", "Mismatch"]

LEVEL = 0.001
# Answers' worth of belief that the split is the intended one: a vague and a firm prior, for large and small deviations.
_FIRMNESS = np.array([10.0, 1000.0])


class SampleRatio:
    """Sequential test of the intended split over two or more arms, against any other split.

    The Bayes factor of a Dirichlet-multinomial model against the intended shares is an e-process, so the running
    minimum of its inverse is a p-value that may be looked at any time. The intended split may change from stratum to
    stratum: what is learnt is by how much each arm gets more or less than its share. While the split stays the same
    this is the test of M. Lindon, A. Malek, "Anytime-valid inference for multinomial count data", arXiv:2011.03567.

    A mismatch says that something between the intended weights and the counts is broken (a route, a cache, an arm that
    loses answers or telemetry); what is compared between the arms is then in doubt.
    """

    def __init__(self, *, arms: int = 2, level: float = LEVEL, dispersion: float = 1.0) -> None:
        """Set the level.

        Args:
            arms: how many versions share the traffic, at least 2.
            level: chance that a split as intended is ever called a mismatch.
            dispersion: at least 1; how much more the counts vary than independent choices would (users or connections
                that stay with an arm bring several requests at once).

        Raises:
            ValueError: a value out of range.
        """
        if not (arms >= 2 and 0 < level < 1 and dispersion >= 1):
            raise ValueError("a split has at least 2 arms, the level lies between 0 and 1, dispersion is at least 1")
        self._config = {"arms": arms, "level": level}
        self.level = level
        self._arms = arms
        self._dispersion = dispersion
        self._shape: tuple[int, ...] | None = None
        self._allocate(1)

    def _allocate(self, size: int) -> None:
        self._logs = np.zeros((len(_FIRMNESS), size), dtype=np.float32)
        self._peak = np.zeros(size, dtype=np.float32)
        self._counts = np.zeros((size, self._arms))
        self._expected = np.zeros((size, self._arms))

    def update(self, counts: ArrayLike, split: ArrayLike) -> None:
        """Take in one stratum.

        Args:
            counts: answers of each arm, the arms on the last axis, independent tests on those before; fractions are
                rounded. A stratum with NaN carries no evidence.
            split: the intended share of each arm, above 0 for all, in any unit (it is scaled to 1). Leave out strata
                in which it changed.

        Raises:
            ValueError: another number of arms, another shape than before, negative counts, or a share that is not
                above 0.
        """
        given = np.asarray(counts, dtype=np.float64)
        if (
            not given.shape
            or given.shape[-1] != self._arms
            or (self._shape is not None and given.shape[:-1] != self._shape)
        ):
            raise ValueError(f"the counts of {self._arms} arms are needed on the last axis, of one shape")
        intended = np.broadcast_to(np.asarray(split, dtype=np.float64), given.shape).reshape(-1, self._arms)
        answers = np.rint(given).reshape(-1, self._arms)
        answers = np.where(np.isfinite(answers).all(axis=1, keepdims=True), answers, 0.0)
        if (answers < 0).any() or not (intended > 0).all():
            raise ValueError("counts are at least 0, and every arm has a share above 0")
        if self._shape is None:
            self._shape = given.shape[:-1]
            self._allocate(len(answers))
        intended = intended / intended.sum(axis=1, keepdims=True)
        self._logs = restarts.add(self._logs, self._log_factor(answers, intended) / self._dispersion)
        self._counts += answers
        self._expected += answers.sum(axis=1, keepdims=True) * intended
        self._peak = np.maximum(self._peak, self._log_e().astype(np.float32))

    def _log_factor(self, answers: Floats, intended: Floats) -> Floats:
        """Log Bayes factor of the stratum under either prior, given all strata before, shape (2, N)."""
        firmness = _FIRMNESS[:, None, None]
        tilt = (self._counts + firmness * intended) / (self._expected + firmness * intended)
        share = intended * tilt
        share = share / share.sum(axis=2, keepdims=True)
        belief = share * (firmness + self._counts.sum(axis=1)[:, None] / self._dispersion)
        total, size = belief.sum(axis=2), answers.sum(axis=1)
        predicted = gammaln(total) - gammaln(total + size) + (gammaln(belief + answers) - gammaln(belief)).sum(axis=2)
        result: Floats = predicted - (answers * np.log(intended)).sum(axis=1)
        return result

    def raise_dispersion(self, dispersion: float) -> None:
        """Use a larger dispersion from here on, and for what was collected so far; a smaller one changes nothing."""
        old = self._dispersion
        if dispersion > old:
            self._dispersion = dispersion
            self._logs = restarts.raise_dispersion(self._logs, old, dispersion)

    def _log_e(self) -> Floats:
        result: Floats = np.logaddexp.reduce(self._logs.astype(np.float64), axis=0) - math.log(len(_FIRMNESS))
        return result

    @property
    def dispersion(self) -> float:
        """The dispersion in use."""
        return self._dispersion

    @property
    def log_e(self) -> Value:
        """Natural logarithm of the Bayes factor: the evidence that the split is not the intended one."""
        return self._out(self._log_e())

    @property
    def p_value(self) -> Value:
        """The running minimum of the inverse Bayes factor: a p-value that may be looked at any time."""
        return self._out(np.exp(-self._peak.astype(np.float64)))

    @property
    def verdict(self) -> Split | NDArray[np.str_]:
        """Once the p-value is at most the level "Mismatch", for good; else "Healthy"."""
        found = self._peak >= -math.log(self.level)
        if self._shape:
            return np.where(found, "Mismatch", "Healthy").reshape(self._shape)
        return "Mismatch" if found[0] else "Healthy"

    @property
    def counts(self) -> Floats:
        """Answers of each arm so far, arms on the last axis."""
        return self._counts.reshape(*(self._shape or ()), self._arms)

    @property
    def shares(self) -> tuple[Floats, Floats]:
        """Shares of the arms so far, as they were and as they were meant to be; NaN without answers."""
        with np.errstate(invalid="ignore"):
            total = self._counts.sum(axis=1, keepdims=True)
            found, meant = self._counts / total, self._expected / total
        shape = (*(self._shape or ()), self._arms)
        return found.reshape(shape), meant.reshape(shape)

    def _out(self, values: Floats) -> Value:
        return values.reshape(self._shape) if self._shape else float(values[0])

    def state(self) -> dict[str, Any]:
        """All that is needed to go on, JSON-able, at most 1 KiB for one test of up to 32 arms."""
        head = np.array([self._shape is not None, self._dispersion], dtype=np.float64)
        arrays: list[NDArray[Any]] = [head, self._logs, self._peak, self._counts, self._expected]
        return state.pack("SampleRatio", self._config, self._shape or (), arrays)

    @classmethod
    def from_state(cls, stored: Mapping[str, Any]) -> Self:
        """Go on from `state()`: every later result is the same as without the interruption.

        Raises:
            UnknownState: not a state of this class and version.
        """
        reader = state.Reader(stored, "SampleRatio")
        restored = cls(**reader.config)
        begun, dispersion = reader.read(np.float64, 2)
        restored._dispersion = float(dispersion)
        restored._shape = reader.shape if begun else None
        size = math.prod(reader.shape)
        restored._logs = reader.read(np.float32, len(_FIRMNESS), size)
        restored._peak = reader.read(np.float32, size)
        restored._counts = reader.read(np.float64, size, restored._arms)
        restored._expected = reader.read(np.float64, size, restored._arms)
        return restored
