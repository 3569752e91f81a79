"""Evidence in discordant pairs: of requests that both versions answered, those on which only one of them was bad.

Of n discordant pairs, c are the candidate's; with independent pairs c is binomial. The likelihood ratio against a
chance p0 is averaged over all chances above it, uniformly:
E = B(c+1, n-c+1)·P(Beta(c+1, n-c+1) > p0) / ((1-p0)·p0^c·(1-p0)^(n-c)), which for p0 = ½ is
2·2^n·B(c+1, n-c+1)·P(Beta > ½).

Sources: Q. McNemar, Psychometrika 12 (1947) 153-157 (why only discordant pairs count); H. Robbins, Ann. Math. Statist.
41 (1970) 1397-1409 (the mixture).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc, betaln, expit

from modelrollout.stats import restarts
from modelrollout.stats.comparison import Floats

_REACH = 40.0  # log odds at which a chance is as good as 0 or 1
_HALVINGS = 60
_LEAST = 1e-290


class DiscordantEvidence:
    """Counts of the discordant pairs since the start, and for every process against failing since its own.

    The evidence is a function of the counts; its logarithm is divided by the dispersion.
    """

    def __init__(self, size: int, processes: int, *, limits: tuple[float, float], dispersion: float) -> None:
        """Begin without data.

        Args:
            size: how many comparisons, N.
            processes: how many against failing, R.
            limits: the acceptable limit and the margin, as chances that a discordant pair is the candidate's.
            dispersion: what log evidence is divided by.
        """
        self.dispersion = dispersion
        self._margin = limits[1]
        self._limit = np.full(size, limits[0])
        self._counts = np.zeros((2, size))  # the candidate's and stable's
        self._processes = np.zeros((processes, 2, size))

    def add(self, counts: Floats) -> None:
        """Take in pairs in which only the candidate was bad, and in which only stable was, shape (2, N)."""
        self._counts = self._counts + counts
        self._processes = self._processes + counts

    def log_fail(self) -> Floats:
        """As `Evidence` says."""
        return _log_above(self._processes[:, 0], self._processes[:, 1], self._limit) / self.dispersion

    def log_pass(self) -> Floats:
        """As `Evidence` says."""
        return _log_above(self._counts[1], self._counts[0], np.array(1 - self._margin)) / self.dispersion

    def bounds(self, level: float) -> tuple[Floats, Floats]:
        """Odds that a discordant pair is the candidate's which are not rejected at any time, their ends, (N,) each.

        0 and infinity mean "no bound yet".
        """
        theirs, ours = self._counts[1], self._counts[0]
        centre = np.clip(np.log((ours + 1e-9) / (theirs + 1e-9)), -_REACH, _REACH)
        ends = []
        for side in (-_REACH, _REACH):
            inner, outer = centre, np.full_like(centre, side)
            never = ~self._rejects(outer, level)
            for _ in range(_HALVINGS):  # the evidence grows outwards, for the likelihood has one top
                middle = (inner + outer) / 2
                rejected = self._rejects(middle, level)
                inner, outer = np.where(rejected, inner, middle), np.where(rejected, middle, outer)
            ends.append(np.where(never, 0.0 if side < 0 else np.inf, np.exp(outer)))
        return ends[0], ends[1]

    def _rejects(self, log_odds: Floats, level: float) -> NDArray[np.bool_]:
        ours, theirs = self._counts
        likelihood = -ours * np.logaddexp(0.0, -log_odds) - theirs * np.logaddexp(0.0, log_odds)
        evidence = (betaln(ours + 1, theirs + 1) - likelihood) / self.dispersion
        result: NDArray[np.bool_] = evidence >= -np.log1p(-level)
        return result

    def begin_anew(self, where: NDArray[np.bool_]) -> None:
        """As `Evidence` says; from here on the margin is the limit."""
        self._limit = np.where(where, self._margin, self._limit)
        self._processes = np.where(where, 0.0, self._processes)

    def restart(self) -> None:
        """As `Evidence` says."""
        self._processes = restarts.with_restart(self._processes)

    def raise_dispersion(self, dispersion: float) -> None:
        """As `Evidence` says."""
        self.dispersion = dispersion

    def arrays(self) -> list[NDArray[Any]]:
        """As `Evidence` says."""
        return [self._limit, self._counts, self._processes]

    def restore(self, arrays: list[NDArray[Any]]) -> None:
        """As `Evidence` says."""
        self._limit, self._counts, self._processes = arrays


def _log_above(ours: Floats, theirs: Floats, limit: Floats) -> Floats:
    """Log evidence that the chance of `ours` lies above the limit."""
    mass = betainc(theirs + 1, ours + 1, 1 - limit)  # of the chances above it, once the counts are known
    mixture = betaln(ours + 1, theirs + 1) + np.log(np.maximum(mass, _LEAST)) - np.log1p(-limit)
    evidence = mixture - ours * np.log(limit) - theirs * np.log1p(-limit)
    # with next to no mass the sum is one of huge numbers, and Laplace's approximation at the limit as good as exact
    slope = theirs / (1 - limit) - ours / limit
    result: Floats = np.where(mass > _LEAST, evidence, -np.log(np.maximum(slope, 1.0)) - np.log1p(-limit))
    return result


def odds_to_chance(odds: float) -> float:
    """The chance that has these odds."""
    return float(expit(np.log(odds)))
