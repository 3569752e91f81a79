"""How many answers a metric needs: of the sequential test over simulated data, and as expected on average."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from modelrollout.api import ModelRolloutSpec
from modelrollout.decisions.analysis.limits import alpha_of, comparison
from modelrollout.rehearsal.streams.stream import Standing, Stream, Verdict
from modelrollout.stats.planning import expected_exposures

Floats = NDArray[np.float64]

SHARES = (0.8, 0.95)
"""Parts of the runs for which the numbers are given."""

_FIRST, _GROWTH = 20.0, 0.03
_MOST_EVENTS = 900.0  # in one stratum: beyond it the exact sums of the tests take longer than they are worth here
_MOST_STRATA = 1500


@dataclass(frozen=True, slots=True)
class Power:
    """Exposures per arm, both arms of one size, until one metric decides; None: not within the most that was tried.

    Attributes:
        metric: its name.
        verdict: the one that the true values lead to; None where that cannot be said.
        needed: exposures after which that part of the runs has the verdict, by the part (0.8 and 0.95).
        expected: about the median, worked out without chance; None where that cannot be.
        fixed: the same parts of the runs, of a test with the same errors that looks once; None where unknown.
        wrong: share of runs with the opposite verdict by then.
        most: exposures per arm that were tried.
    """

    metric: str
    verdict: Verdict | None
    needed: dict[float, float | None]
    expected: float | None
    fixed: dict[float, float | None]
    wrong: float
    most: float


def power_of(
    spec: ModelRolloutSpec, stream: Stream, *, dispersion: float, runs: int, seed: int, most: float = 1_000_000.0
) -> Power:
    """Simulate one metric by itself at equal arms.

    The test is looked at after every stratum; strata grow by 3 %, so the numbers are at most that much too large.

    Args:
        spec: the plan, for the errors that are allowed.
        stream: what the versions truly are.
        dispersion: what the evidence is divided by.
        runs: how many.
        seed: of the randomness.
        most: exposures per arm after which to give up.
    """
    metric = stream.metric
    fails, passes = -math.log(alpha_of(spec, metric)), -math.log(spec.analysis.false_promotion)
    verdict = verdict_of(spec, stream, dispersion)
    test = comparison(spec, metric, dispersion, stream.frozen())
    chance, rows = np.random.default_rng(seed), np.arange(runs)
    first_pass, first_fail = np.full(runs, np.inf), np.full(runs, np.inf)
    have, whole = 0.0, np.ones(runs)
    for _ in range(_MOST_STRATA):
        more = np.full(runs, _stratum(stream, have))
        stream.update(test, stream.draw(chance, more, more, whole), rows, None)
        have += float(more[0])
        first_pass = np.where(np.isinf(first_pass) & (test.log_e_pass >= passes), have, first_pass)
        first_fail = np.where(np.isinf(first_fail) & (test.peak_log_e_fail >= fails), have, first_fail)
        wanted = first_fail if verdict == "Fail" else first_pass
        other = first_pass if verdict == "Fail" else first_fail
        # a run that failed stays failed; one that passed may still fail
        decided = np.where((verdict != "Fail") & (other <= wanted), np.inf, wanted)
        if have >= most or np.mean(np.isfinite(decided)) > SHARES[-1] + 0.01:
            break
    return Power(
        metric=metric.name,
        verdict=verdict,
        needed={part: _quantile(decided, part) for part in SHARES},
        expected=None if verdict is None else expected_by(spec, stream, dispersion, verdict),
        fixed={part: _fixed(spec, stream, dispersion, verdict, part) for part in SHARES},
        wrong=float(np.mean(other <= have)),
        most=have,
    )


def _stratum(stream: Stream, have: float) -> float:
    shares = stream.bad_shares()
    rarest = sum(min(one, 1 - one) for one in shares) if shares is not None else 0.0
    cap = _MOST_EVENTS / rarest if rarest else math.inf
    return float(np.rint(min(max(_FIRST, have * _GROWTH), cap)))


def _fixed(
    spec: ModelRolloutSpec, stream: Stream, dispersion: float, verdict: Verdict | None, part: float
) -> float | None:
    if verdict is None:
        return None
    error = spec.analysis.false_promotion if verdict == "Pass" else alpha_of(spec, stream.metric)
    alone = stream.fixed_horizon(verdict, part, error)
    return None if alone is None else alone * dispersion


def _quantile(decided: Floats, part: float) -> float | None:
    at = float(np.quantile(decided, part, method="higher"))
    return at if math.isfinite(at) else None


def expected_by(
    spec: ModelRolloutSpec, stream: Stream, dispersion: float, verdict: Verdict, weight: float = 0.5
) -> float | None:
    """The candidate's exposures after which a verdict is expected, None for never or where it cannot be worked out.

    Args:
        spec: the plan.
        stream: what the versions truly are.
        dispersion: what the evidence is divided by.
        verdict: "Pass" or "Fail".
        weight: the candidate's share of the traffic.
    """
    if not stream.averages:
        return None
    metric, per = stream.metric, (1 - weight) / weight
    row = np.zeros(1, dtype=np.intp)

    def feed(test: object, before: float, after: float) -> None:
        data = stream.average(np.array([before, before * per]), np.array([after, after * per]))
        stream.update(test, data, row, None)

    return expected_exposures(
        comparison(spec, metric, dispersion, stream.frozen()),
        feed,
        -math.log(spec.analysis.false_promotion if verdict == "Pass" else alpha_of(spec, metric)),
        verdict,
    )


def verdict_of(spec: ModelRolloutSpec, stream: Stream, dispersion: float, weight: float = 0.5) -> Verdict | None:
    """The verdict that the true values lead to; None where that cannot be said.

    Between the limits, where neither verdict is wrong, it is the one that is expected first.
    """
    known: dict[Standing, Verdict] = {"acceptable": "Pass", "beyond": "Fail"}
    standing = stream.standing()
    if standing in known:
        return known[standing]
    passes = expected_by(spec, stream, dispersion, "Pass", weight)
    fails = expected_by(spec, stream, dispersion, "Fail", weight)
    if passes is None and fails is None:
        return None
    return "Fail" if passes is None or (fails is not None and fails <= passes) else "Pass"


def powers_of(
    spec: ModelRolloutSpec, streams: Sequence[Stream], *, dispersion: float, runs: int, seed: int
) -> tuple[Power, ...]:
    """The same for every metric that learns from answers."""
    return tuple(
        power_of(spec, one, dispersion=dispersion, runs=runs, seed=seed) for one in streams if not one.by_strata
    )
