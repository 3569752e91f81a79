"""The judge of Kayenta, Spinnaker's canary analysis: Mann-Whitney on one value a minute.

Written anew from what the judge does; the rule's source is the repository spinnaker/spinnaker, folder kayenta
(NetflixACAJudge, MannWhitneyClassifier, MannWhitney, WeightedSumScorer), and Spinnaker's page "How canary judgment
works".
"""

import math
from typing import Literal

import numpy as np
from scipy.special import ndtri

from benchmarks.stats.streams import Decisions, Floats, Stream
from benchmarks.stats.thresholds import LIFETIME

STEP = 60.0  # seconds between two values, the usual step of a canary stage; finer ones are mostly 0 at a small weight
CONFIDENCE = 0.98
TOLERANCE = 0.25
PASS_SCORE, MARGINAL_SCORE = 95.0, 75.0

Class = Literal["Pass", "High", "Low", "Nodata"]
Direction = Literal["increase", "decrease", "either"]

_Z = float(-ndtri((1 - CONFIDENCE) / 2))


def standardised_rank_sum(candidate: Floats, stable: Floats) -> float:
    """Mann-Whitney's z of the candidate's values, with mid-ranks, continuity correction and the variance for ties."""
    z, _ = _rank_sum(candidate, stable)
    return z


def _rank_sum(candidate: Floats, stable: Floats) -> tuple[float, float]:
    """z, and the rank sum's distance from its expectation."""
    n, m = len(candidate), len(stable)
    theirs = np.sort(stable)
    below, upto = (np.searchsorted(theirs, candidate, side) for side in ("left", "right"))
    distance = float((below + upto).sum()) / 2 - n * m / 2
    everything = np.sort(np.concatenate([candidate, stable]))
    ends = np.flatnonzero(np.append(everything[1:] != everything[:-1], True))
    ties = np.diff(ends, prepend=-1).astype(float)
    both = n + m
    variance = n * m / 12 * (both + 1 - float((ties**3 - ties).sum()) / (both * (both - 1)))
    if variance <= 0 or len(ties) == 1:
        return 0.0, distance
    return (distance - math.copysign(0.5, distance) * (distance != 0)) / math.sqrt(variance), distance


def shift(candidate: Floats, stable: Floats) -> float:
    """Hodges and Lehmann's estimate: the shift that makes the two samples look alike."""
    low, high = float(candidate.min() - stable.max()), float(candidate.max() - stable.min())
    for _ in range(40):
        middle = (low + high) / 2
        if _rank_sum(candidate - middle, stable)[1] > 0:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def classify(candidate: Floats, stable: Floats, direction: Direction = "increase") -> Class:
    """One metric's class: High or Low where the 98 % interval of the shift lies beyond a quarter of its estimate.

    The interval's end lies beyond a bound exactly where the test rejects that bound as the shift. The effect size
    (ratio of the means) must not lie on the other side of its default threshold of 1.
    """
    candidate, stable = candidate[np.isfinite(candidate)], stable[np.isfinite(stable)]
    if not len(candidate) or not len(stable):
        return "Nodata"
    z = standardised_rank_sum(candidate, stable)
    with np.errstate(divide="ignore", invalid="ignore"):
        effect = float(np.divide(candidate.mean(), stable.mean()))
    if direction != "decrease" and z > _Z and not effect < 1:
        tolerated = TOLERANCE * abs(shift(candidate, stable))
        return "High" if standardised_rank_sum(candidate - tolerated, stable) > _Z else "Pass"
    if direction != "increase" and z < -_Z and not effect > 1:
        tolerated = TOLERANCE * abs(shift(candidate, stable))
        return "Low" if standardised_rank_sum(candidate + tolerated, stable) < -_Z else "Pass"
    return "Pass"


def score(classes: list[Class]) -> float:
    """Share of the metrics with data that pass, in percent; 0 where none has data."""
    known = [one for one in classes if one != "Nodata"]
    return 100 * sum(one == "Pass" for one in known) / len(known) if known else 0.0


def kayenta(
    metrics: list[tuple[Floats, Floats]],
    every: float,
    direction: Direction = "increase",
    *,
    per_value: int,
    strata: int,
) -> Decisions:
    """Looks at everything since the start once every so many seconds.

    A score under the marginal one fails at once; a last look at or above the pass score promotes, after an hour or at
    the scenario's end. Without data in any metric it waits.

    Args:
        metrics: values of the candidate and of stable, each of shape (V, R), NaN without any.
        every: seconds between two looks.
        direction: in which direction a change is bad.
        per_value: strata that make one value.
        strata: of the stream; decisions are in strata.
    """
    values, runs = metrics[0][0].shape
    step, seconds = round(every / STEP), STEP / per_value
    last = min(strata, round(LIFETIME / seconds)) // per_value
    fail, passed = np.full(runs, strata), np.full(runs, strata)
    for run in range(runs):
        for end in range(step, values + 1, step):
            if not any(np.isfinite(c[:end, run]).any() for c, _ in metrics):
                continue
            found = score([classify(c[:end, run], s[:end, run], direction) for c, s in metrics])
            if end <= last < end + step and found >= PASS_SCORE:
                passed[run] = end * per_value - 1
            if found < MARGINAL_SCORE:
                fail[run] = end * per_value - 1
                break
    return Decisions(fail, passed)


def error_shares(stream: Stream) -> tuple[list[tuple[Floats, Floats]], int]:
    """The values that are compared: shares of bad answers, one a step; and strata per value."""
    strata, runs = stream.shape
    per_value = max(1, round(STEP / stream.width))
    values = strata // per_value
    b, m, a, n = (one[: values * per_value].reshape(values, per_value, runs).sum(axis=1) for one in stream.counts)
    with np.errstate(divide="ignore", invalid="ignore"):
        return [(b / m, a / n)], per_value
