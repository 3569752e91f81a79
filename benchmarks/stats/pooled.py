"""Rules on the sums since the start, as dashboards and most experiment platforms keep them."""

import math

import numpy as np
from scipy.special import ndtri

from benchmarks.stats.oracle import ALPHA, BETA
from benchmarks.stats.streams import Counts, Decisions, Design, Floats, Stream, cumulated, first_true

TUNED_FOR = 5000.0


def z_worse(sums: Counts) -> Floats:
    """Two-proportion z of "the candidate is worse", pooled variance."""
    b, m, a, n = sums
    with np.errstate(divide="ignore", invalid="ignore"):
        both = (a + b) / (m + n)
        z = (b / m - a / n) / np.sqrt(both * (1 - both) * (1 / m + 1 / n))
    return _finite(z)


def z_better(sums: Counts, margin: float) -> Floats:
    """The z of "the candidate is better than margin times stable", each side's own variance."""
    b, m, a, n = sums
    with np.errstate(divide="ignore", invalid="ignore"):
        p, q = b / m, a / n
        z = (margin * q - p) / np.sqrt(p * (1 - p) / m + margin**2 * q * (1 - q) / n)
    return _finite(z)


def _finite(z: Floats) -> Floats:
    """0 where there is nothing to compare yet."""
    result: Floats = np.nan_to_num(z, nan=0.0, posinf=0.0, neginf=0.0)
    return result


def sample_size(design: Design) -> float:
    """Answers of the candidate that a fixed-horizon z test at 1 % (one-sided) needs to find the effect in 95 %.

    Source: J. L. Fleiss, B. Levin, M. C. Paik, "Statistical Methods for Rates and Proportions", 3rd ed., section 4.2.
    """
    p, q, ratio = design.effect, design.base, (1 - design.weight) / design.weight
    mean = design.weight * p + (1 - design.weight) * q
    null = math.sqrt(mean * (1 - mean) * (1 + 1 / ratio))
    own = math.sqrt(p * (1 - p) + q * (1 - q) / ratio)
    return float((-ndtri(ALPHA) * null - ndtri(BETA) * own) / (p - q)) ** 2


def fixed(stream: Stream, design: Design) -> Decisions:
    """One look, when the planned sample is there; what is not proven worse is promoted."""
    sums = cumulated(stream.counts)
    looks = first_true(sums.total_c >= sample_size(design))
    strata = len(sums.total_c)
    at = np.minimum(looks, strata - 1)
    worse = np.take_along_axis(z_worse(sums), at[None], axis=0)[0] > -ndtri(ALPHA)
    looked = looks < strata
    return Decisions(np.where(looked & worse, looks, strata), np.where(looked & ~worse, looks, strata))


def peeked(stream: Stream, margin: float) -> Decisions:
    """The same z test, looked at after every scrape and believed as soon as it says something."""
    sums = cumulated(stream.counts)
    return Decisions(first_true(z_worse(sums) > -ndtri(ALPHA)), first_true(z_better(sums, margin) > -ndtri(BETA)))


def confidence_sequence(stream: Stream, margin: float) -> Decisions:
    """A pooled asymptotic confidence sequence for the difference of two means.

    Source: I. Waudby-Smith et al., arXiv:2103.06476, in the form that GrowthBook's documentation gives for its
    sequential testing (tuned for 5,000 answers); the two-sided level is twice the one-sided one.
    """
    b, m, a, n = cumulated(stream.counts)
    number = m + n
    with np.errstate(divide="ignore", invalid="ignore"):
        p, q = b / m, a / n
        fails = p - q - _radius(p * (1 - p) / m + q * (1 - q) / n, number, 2 * ALPHA) > 0
        spread = p * (1 - p) / m + margin**2 * q * (1 - q) / n
        passes = p - margin * q + _radius(spread, number, 2 * BETA) < 0
    enough = (a + b) >= 5  # the variance estimate is 0 without events, and so would the width be
    return Decisions(first_true(fails & enough), first_true(passes & enough))


def _radius(variance: Floats, number: Floats, level: float) -> Floats:
    rho2 = (-2 * math.log(level) + math.log(-2 * math.log(level) + 1)) / TUNED_FOR
    grown = number * rho2 + 1
    result: Floats = np.sqrt(variance * number) * np.sqrt(
        2 * grown / (number**2 * rho2) * np.log(np.sqrt(grown) / level)
    )
    return result
