"""Whether what was steady has become another, looked at for ever: sums of e-processes with a mean time to an alarm.

A test that begins once and must never err pays for every good day before the fault. Where somebody looks for years,
the promise that fits is a mean time between false alarms, and a sum of e-processes begun at every look keeps it:
``M_t = Σ_s Π_{s≤i≤t} E_i = (1 + M_{t-1})·E_t`` has ``E[M_t] ≤ t`` while nothing has changed, so an alarm at
``M ≥ looks`` comes after that many looks on average, or later, whatever the distribution.

Source: J. Shin, A. Ramdas, A. Rinaldo, "E-detectors: a nonparametric framework for sequential change detection",
arXiv:2203.03532; S. W. Roberts, "A comparison of some control chart procedures", Technometrics 8 (1966) 411-430.
"""

import math

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaincinv, logsumexp

from modelrollout.stats import bernoulli, drift
from modelrollout.stats.comparison import Floats
from modelrollout.stats.nulls import FACTORS, LOG_WEIGHTS
from modelrollout.stats.zone import Better

_MEMORY = 0.8  # weight of a look in the forecast of the next, per look
_SHRINK = (1.0, 0.5)  # alternatives: what the last looks showed, and half the way to it
_BETS = np.array([0.1, 0.2, 0.4, 0.8])  # parts of the largest bet that keeps a stake
_LEAST_FACTOR = 0.1  # no single answer may take more than nine tenths of the stake
_UPPER_LEVEL = 0.1  # the scatter is taken at the upper end of what so few looks allow


class Change:
    """A sum of e-processes over several alternatives."""

    def __init__(self, log_weights: Floats) -> None:
        """Begin without data.

        Args:
            log_weights: log prior weights of the alternatives, shape (J,).
        """
        self._log_weights = log_weights
        self._logs = np.full(len(log_weights), -np.inf)

    def _add(self, evidence: Floats, betting: NDArray[np.bool_]) -> None:
        """Take in a look's log evidence for each alternative, shape (J,).

        `betting`: where something is at stake in it, as was known before it. Elsewhere no process begins: a sum that
        grows by one each look without a bet would end in an alarm.
        """
        with np.errstate(divide="ignore"):
            self._logs = np.logaddexp(np.log(betting.astype(np.float64)), self._logs) + evidence

    @property
    def log_value(self) -> float:
        """Natural logarithm of the sum; an alarm is due when it reaches that of the looks that may pass without one."""
        return float(logsumexp(self._logs + self._log_weights))


class ShareChange(Change):
    """Whether a share of answers has become worse than a limit."""

    def __init__(self, better: Better, *, limit: float, dispersion: float) -> None:
        """Begin without data.

        Args:
            better: "Lower" if events are bad answers, "Higher" if they are good ones.
            limit: share of events, strictly between 0 and 1, that counts as no change.
            dispersion: at least 1; what log evidence is divided by.
        """
        super().__init__(LOG_WEIGHTS)
        self._flip = better == "Higher"
        self._slopes = bernoulli.slopes(1 - limit if self._flip else limit, FACTORS)
        self._dispersion = dispersion

    def update(self, events: float, total: float) -> None:
        """Take in a look: events and answers since the last one."""
        bad, good = (total - events, events) if self._flip else (events, total - events)
        evidence: Floats = self._slopes @ np.array([bad, good]) / self._dispersion
        self._add(evidence, np.ones(len(evidence), dtype=bool))


class DistributionChange(Change):
    """Whether a distribution over buckets lies farther from a known one than is acceptable.

    For every discriminator D, ``E_p ln 2D + E_q ln 2(1 - D) ≤ 2·JS(p, q)`` (Goodfellow et al., arXiv:1406.2661,
    proposition 1). q is the reference, so its part is a number, and the answers bet that ``½·ln 2D`` has a larger mean
    than the limit leaves. D is the likelihood ratio where the way to what the last looks showed crosses the limit.
    """

    def __init__(self, reference: Floats, *, acceptable_distance: float, dispersion: float) -> None:
        """Begin without data.

        Args:
            reference: answers per bucket, shape (K,); an empty bucket counts half an answer.
            acceptable_distance: Jensen-Shannon distance, above 0 and below 1, that counts as no change.
            dispersion: at least 1; what log evidence is divided by.
        """
        super().__init__(np.log(np.full(len(_SHRINK), 1 / len(_SHRINK))))
        self._reference = _shares(reference)
        self._limit = acceptable_distance**2 * drift.BITS
        self._dispersion = dispersion
        self._recent = np.zeros(len(reference))

    def update(self, counts: Floats) -> None:
        """Take in a look: answers per bucket since the last one, shape (K,)."""
        shown = _shares(self._recent) if self._recent.sum() > 0 else self._reference
        alternatives = [self._reference + part * (shown - self._reference) for part in _SHRINK]
        betting = np.array([_divergence(one, self._reference) > self._limit for one in alternatives])
        told = [self._told(counts, one) if bet else 0.0 for one, bet in zip(alternatives, betting, strict=True)]
        self._recent = _MEMORY * self._recent + counts
        self._add(np.array(told) / self._dispersion, betting)

    @property
    def distance(self) -> float:
        """Jensen-Shannon distance of the last looks from the reference; NaN without any."""
        if not self._recent.sum():
            return math.nan
        return math.sqrt(_divergence(_shares(self._recent), self._reference) / drift.BITS)

    def _told(self, counts: Floats, alternative: Floats) -> float:
        q = self._reference
        low, high = 0.0, 1.0
        for _ in range(40):
            middle = (low + high) / 2
            low, high = (
                (low, middle) if _divergence(q + middle * (alternative - q), q) > self._limit else (middle, high)
            )
        near = q + low * (alternative - q)
        score = np.log(2 * near / (near + q)) / 2
        gain = score - (self._limit - (q * np.log(2 * q / (near + q))).sum() / 2)
        bets = _BETS * (1 - _LEAST_FACTOR) / max(-gain.min(), 1e-12)
        growths = np.log1p(np.outer(bets, gain))
        return float(growths[np.argmax(growths @ alternative)] @ counts)


def scatter_of_shares(events: Floats, totals: Floats) -> float:
    """By how much more a share varied between looks than independent answers would, at least 1.

    Pearson's χ² over its 10 % quantile instead of its degrees of freedom: few looks know little of how they scatter.
    """
    share = (events.sum() + 0.5) / (totals.sum() + 1)
    squares = (events - totals * share) ** 2 / np.maximum(totals * share * (1 - share), 1e-12)
    return _scatter(float(squares.sum()), int((totals > 0).sum()) - 1)


def scatter_of_distributions(counts: Floats) -> float:
    """The same of answers per bucket, shape (looks, K)."""
    counts = counts[:, counts.sum(axis=0) > 0]
    totals = counts.sum(axis=1, keepdims=True)
    expected = totals * counts.sum(axis=0) / max(counts.sum(), 1.0)
    used = totals[:, 0] > 0
    squares = (counts[used] - expected[used]) ** 2 / expected[used]
    return _scatter(float(squares.sum()), (int(used.sum()) - 1) * (counts.shape[1] - 1))


def _scatter(squares: float, freedoms: int) -> float:
    if freedoms <= 0:
        return 1.0
    quantile = 2 * float(gammaincinv(freedoms / 2, _UPPER_LEVEL))  # of χ²
    return max(1.0, squares / quantile)


def _shares(counts: Floats) -> Floats:
    filled: Floats = np.maximum(counts, 0.5)
    shares: Floats = filled / filled.sum()
    return shares


def _divergence(p: Floats, q: Floats) -> float:
    return float(drift.divergence(p[None], q[None])[0])
