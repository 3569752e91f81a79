"""Whether traffic is split as it was meant to be."""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import gammaln

from modelrollout.stats.alarm import Alarm
from modelrollout.stats.comparison import Floats

LEVEL = 0.001
# Answers' worth of belief that the split is the intended one: a vague and a firm prior, for large and small deviations.
_FIRMNESS = np.array([10.0, 1000.0])


class SampleRatio(Alarm):
    """Sequential test of the intended split over two or more arms, against any other split.

    The Bayes factor of a Dirichlet-multinomial model against the intended shares is an e-process, so the running
    minimum of its inverse is a p-value that may be looked at any time. The intended split may change from stratum to
    stratum: what is learnt is by how much each arm gets more or less than its share. While the split stays the same
    this is the test of M. Lindon, A. Malek, "Anytime-valid inference for multinomial count data", arXiv:2011.03567.

    A mismatch says that something between the intended weights and the counts is broken (a route, a cache, an arm that
    loses answers or telemetry); what is compared between the arms is then in doubt. The verdict is "Mismatch" or
    "Healthy". A state takes at most 1 KiB for up to 32 arms.
    """

    _found = "Mismatch"
    _log_weights = np.full(len(_FIRMNESS), -math.log(len(_FIRMNESS)))

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
        if arms < 2:
            raise ValueError("a split has at least 2 arms")
        self._arms = arms
        super().__init__({"arms": arms, "level": level}, level=level, dispersion=dispersion)

    def _begin(self, size: int) -> None:
        self._counts = np.zeros((size, self._arms))
        self._expected = np.zeros((size, self._arms))

    def _kept(self) -> list[NDArray[np.float64]]:
        return [self._counts, self._expected]

    def _restore(self, kept: list[NDArray[np.float64]]) -> None:
        self._counts, self._expected = kept

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
        self._begin_with(given.shape[:-1])
        intended = intended / intended.sum(axis=1, keepdims=True)
        self._gain(self._log_factor(answers, intended))
        self._counts += answers
        self._expected += answers.sum(axis=1, keepdims=True) * intended

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
