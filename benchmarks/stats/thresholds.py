"""Fixed thresholds on the candidate alone, as users of Argo Rollouts and Flagger write them."""

import numpy as np

from benchmarks.stats.streams import Decisions, Floats, Stream, first_true

CHECK = 60.0
LIFETIME = 3600.0

ARGO_LIMIT = 0.03
ARGO_FAILURES = 3

FLAGGER_LIMIT = 0.05
FLAGGER_FAILURES = 5
FLAGGER_STEPS = 10


def argo(stream: Stream) -> Decisions:
    """`successCondition: result[0] < 0.03`, `interval: 1m`, `failureLimit: 3`: the fourth failed measurement fails.

    Each measurement asks for the error share of the last minute. A rollout that has not failed after an hour succeeds.

    Source: the analysis page of the Argo Rollouts documentation (failureLimit: the most failed runs that are allowed).
    """
    share, per_check = _checks(stream)
    failed = np.cumsum(share >= ARGO_LIMIT, axis=0)
    return Decisions(
        _at(first_true(failed > ARGO_FAILURES), per_check, stream), _end(stream, np.ones(stream.shape[1], dtype=bool))
    )


def flagger(stream: Stream) -> Decisions:
    """A check of the last minute, once a minute: under 5 % errors; the fifth failed check rolls back.

    Each good check moves the weight a step on; after ten steps the canary is promoted.

    Source: the metrics analysis and deployment strategies pages of the Flagger documentation (threshold, stepWeight).
    """
    share, per_check = _checks(stream)
    bad = np.cumsum(share > FLAGGER_LIMIT, axis=0)
    good = np.cumsum(share <= FLAGGER_LIMIT, axis=0)
    passed = _at(first_true(good >= FLAGGER_STEPS), per_check, stream)
    return Decisions(_at(first_true(bad >= FLAGGER_FAILURES), per_check, stream), passed)


def _checks(stream: Stream) -> tuple[Floats, int]:
    """Share of bad answers in each minute, NaN without answers; strata per check."""
    per_check = max(1, round(CHECK / stream.width))
    strata, runs = stream.shape
    checks = strata // per_check
    bad, total = (
        one[: checks * per_check].reshape(checks, per_check, runs).sum(axis=1)
        for one in (stream.counts.bad_c, stream.counts.total_c)
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        return bad / total, per_check


def _at(check: np.ndarray, per_check: int, stream: Stream) -> np.ndarray:
    """The stratum with which a check ends."""
    strata = stream.shape[0]
    return np.where(check < strata // per_check, check * per_check + per_check - 1, strata)


def _end(stream: Stream, flags: np.ndarray) -> np.ndarray:
    strata = stream.shape[0]
    return np.where(flags, min(strata, round(LIFETIME / stream.width)) - 1, strata)
