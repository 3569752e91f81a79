"""What many simulated runs say together: chances with their uncertainty, and how large things are in most runs."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from modelrollout.rehearsal.simulation.metrics import NOTHING, SAMPLES
from modelrollout.rehearsal.simulation.plan import Plan
from modelrollout.rehearsal.simulation.runs import Outcome, Simulated

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

_NORMAL = 1.959964  # standard normal quantile at 97.5 %


@dataclass(frozen=True, slots=True)
class Chance:
    """A share of runs, and the 95 % interval of the chance behind it."""

    share: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Spread:
    """How large a number is over runs: mean, median, and what 95 % of them stay below or at."""

    mean: float
    median: float
    most: float


@dataclass(frozen=True, slots=True)
class StepSummary:
    """What happens in one step.

    Attributes:
        weight: the candidate's share of the traffic, of 1000.
        reached: share of runs that came here.
        stopped: share of runs that were taken back here, for whatever reason.
        held: share of runs that wait for a person here.
        left: median seconds from the first traffic to leaving it onwards, None when no run did.
        waiting: of the runs that a deadline ended here: what they waited for, by the metric's name or "samples".
    """

    weight: int
    reached: float
    stopped: float
    held: float
    left: float | None
    waiting: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class BadAnswers:
    """Bad answers of the candidate that users get until the decision, as one metric counts them.

    Attributes:
        all: all of them.
        excess: how many more than stable would have given the same users.
    """

    all: Spread
    excess: Spread


@dataclass(frozen=True, slots=True)
class Summary:
    """What many runs of one candidate say.

    Attributes:
        runs: how many.
        outcomes: chance of each end.
        seconds: from the first traffic to the decision.
        answers: of the candidate until then.
        bad: by the metric's name.
        failures: chance that a guardrail failed (with rollback: Hold it waits then, else it is taken back).
        failed: share of runs that a guardrail ended, by its name.
        steps: in order.
    """

    runs: int
    outcomes: Mapping[Outcome, Chance]
    seconds: Spread
    answers: Spread
    bad: Mapping[str, BadAnswers]
    failures: Chance
    failed: Mapping[str, float]
    steps: tuple[StepSummary, ...]


def chance_of(which: Flags) -> Chance:
    """The chance of something that happened in these runs.

    Source: E. B. Wilson, "Probable inference, the law of succession, and statistical inference", J. Am. Stat. Assoc. 22
    (1927) 209-212, two-sided at 95 %.
    """
    runs, share, z2 = len(which), float(which.mean()), _NORMAL**2
    centre = share + z2 / (2 * runs)
    half = _NORMAL * math.sqrt(share * (1 - share) / runs + z2 / (4 * runs**2))
    low, high = (centre - half) / (1 + z2 / runs), (centre + half) / (1 + z2 / runs)
    return Chance(share, max(0.0, low if share > 0 else 0.0), min(1.0, high if share < 1 else 1.0))


def spread_of(values: Floats) -> Spread:
    """Mean, median and 95 % point of these runs."""
    median, most = np.quantile(values, [0.5, 0.95], method="higher")
    return Spread(float(values.mean()), float(median), float(most))


def summary_of(plan: Plan, simulated: Simulated) -> Summary:
    """Put the runs together."""
    outcome = simulated.outcome
    names = [metric.name for metric in plan.spec.metrics]
    return Summary(
        runs=len(outcome),
        outcomes={one: chance_of(outcome == one) for one in Outcome},
        seconds=spread_of(simulated.seconds),
        answers=spread_of(simulated.answers),
        bad={
            name: BadAnswers(spread_of(values), spread_of(simulated.excess[name]))
            for name, values in simulated.bad.items()
        },
        failures=chance_of(simulated.failed != NOTHING),
        failed={name: float((simulated.failed == place).mean()) for place, name in enumerate(names)},
        steps=tuple(_step(plan, simulated, number, names) for number in range(len(plan.steps))),
    )


def _step(plan: Plan, simulated: Simulated, number: int, names: list[str]) -> StepSummary:
    outcome, here = simulated.outcome, simulated.step == number
    back = here & ((outcome == Outcome.ROLLED_BACK) | (outcome == Outcome.NO_EVIDENCE))
    left = simulated.passed_step[number]
    left = left[np.isfinite(left)]
    late = here & (simulated.waiting != NOTHING)
    waiting = {
        "samples" if place == SAMPLES else names[place]: float((simulated.waiting[late] == place).mean())
        for place in np.unique(simulated.waiting[late]).tolist()
    }
    return StepSummary(
        weight=plan.steps[number].weight,
        reached=float((simulated.step >= number).mean()),
        stopped=float(back.mean()),
        held=float((here & (outcome == Outcome.HELD)).mean()),
        left=float(np.median(left)) if len(left) else None,
        waiting=waiting,
    )
