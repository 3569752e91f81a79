"""What a simulation is about: the plan under test, the traffic, and when the operator looks."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from modelrollout.api import DeadlinePolicy, Metric, ModelRolloutSpec, Requirement, RollbackPolicy
from modelrollout.decisions.analysis.limits import ASSUMED_DISPERSION, dispersion_of
from modelrollout.decisions.analysis.strata import SETTLE, Grid, grid_of
from modelrollout.decisions.gate import counts_answers
from modelrollout.decisions.steps import PlannedStep
from modelrollout.decisions.strategies import compile_steps
from modelrollout.rehearsal.streams.stream import CannotSimulate
from modelrollout.stats import CounterSeries

Floats = NDArray[np.float64]

TYPICAL_SCRAPE = 15.0
"""Seconds between two scrapes, where nothing is said."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """What comes in, and how it is counted.

    Attributes:
        rate: requests per second to both versions together.
        scrape: seconds between two scrapes of a process.
        dispersion: what the evidence is divided by where the spec says Auto; None: as with too little history.
        bad_after: seconds of traffic after which the candidate becomes what it is; until then it is like stable.
    """

    rate: float
    scrape: float = TYPICAL_SCRAPE
    dispersion: float | None = None
    bad_after: float = 0.0


@dataclass(frozen=True, slots=True)
class Plan:
    """A spec as the simulation walks through it.

    Attributes:
        spec: the plan.
        traffic: see there.
        steps: in order; an approval is taken to come at once.
        weights: the candidate's share of the traffic by step, 0 to 1.
        holds: seconds, by step.
        limits: seconds after which onDeadline decides, by step.
        samples: answers of the candidate needed, by step.
        must_pass: whether the step needs Pass.
        dispersion: what the evidence is divided by.
        interval: seconds between two looks.
        grid: width of the strata.
        phase: where in an interval the looks fall, 0 to 1. Every rollout has a place of its own; none is better.
    """

    spec: ModelRolloutSpec
    traffic: Traffic
    steps: tuple[PlannedStep, ...]
    weights: Floats
    holds: Floats
    limits: Floats
    samples: Floats
    must_pass: NDArray[np.bool_]
    dispersion: float
    interval: float
    grid: Grid
    phase: float = 0.5

    def settle(self, metric: Metric) -> float:
        """Seconds after a stratum's end until it is counted."""
        delay = metric.label_delay.total_seconds() if metric.label_delay is not None else 0.0
        return self.grid.scrape + SETTLE + delay

    @property
    def rolls_back_on_failure(self) -> bool:
        """Whether a failed guardrail gives the traffic back by itself."""
        return self.spec.rollback is not RollbackPolicy.HOLD

    @property
    def rolls_back_on_deadline(self) -> bool:
        """Whether a deadline gives the traffic back by itself."""
        return self.spec.on_deadline is DeadlinePolicy.ROLLBACK and self.rolls_back_on_failure


def plan_of(spec: ModelRolloutSpec, traffic: Traffic) -> Plan:
    """The plan that a spec stands for.

    Raises:
        InvalidSpec: a strategy that cannot be compiled.
        CannotSimulate: nobody's requests reach the candidate.
        ValueError: traffic that makes no sense.
    """
    if not traffic.rate > 0 or not traffic.scrape > 0 or traffic.bad_after < 0:
        raise ValueError("the rate and the scrape interval are above 0, and time does not run backwards")
    if spec.strategy.experiment:
        raise CannotSimulate(
            "an experiment is not simulated: one candidate is played against stable. Simulate a canary with each "
            "candidate as target, or ask with --power how many answers it takes to tell two versions apart"
        )
    steps = compile_steps(spec)
    if any(step.preview for step in steps):
        raise CannotSimulate(
            "a preview gets no users' requests, so there is nothing to simulate: name a canary's weights instead"
        )
    if any(step.mirror for step in steps):
        raise CannotSimulate(
            "what comes of copied requests cannot be simulated: try its metrics with a canary's weights instead"
        )
    if any(step.audience for step in steps):
        raise CannotSimulate(
            "how many requests an audience brings is not known, and its steps give no evidence: simulate the steps "
            "that follow them alone"
        )
    whole = spec.progress_deadline.total_seconds()
    interval = spec.analysis.interval.total_seconds()
    given = dispersion_of(spec)
    counted = counts_answers(spec)
    return Plan(
        spec=spec,
        traffic=traffic,
        steps=steps,
        weights=_numbers([step.weight / 1000 for step in steps]),
        holds=_numbers([step.hold.total_seconds() for step in steps]),
        limits=_numbers(
            [whole if step.deadline is None else min(whole, step.deadline.total_seconds()) for step in steps]
        ),
        samples=_numbers([step.samples if counted else 0 for step in steps]),
        must_pass=np.array([step.require is Requirement.PASS for step in steps]),
        dispersion=given if given is not None else (traffic.dispersion or ASSUMED_DISPERSION),
        interval=interval,
        grid=_grid(interval, traffic.scrape),
    )


def _numbers(values: Sequence[float]) -> Floats:
    return np.array(values, dtype=np.float64)


def _grid(interval: float, scrape: float) -> Grid:
    """The grid that the operator would choose for scrapes this far apart."""
    times = _numbers([0.0, scrape, 2 * scrape])
    grid = grid_of(interval, [CounterSeries("", "", times, times)])
    if grid is None or not math.isfinite(grid.width):
        raise ValueError("no grid follows from these scrapes")
    return grid
