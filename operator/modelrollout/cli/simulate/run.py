"""A simulation from what was asked to what there is to say."""

from collections.abc import Mapping
from dataclasses import dataclass

from modelrollout.api import ModelRollout
from modelrollout.cli.exits import CommandFailed
from modelrollout.cli.progress import Progress
from modelrollout.rehearsal.power import Power, powers_of
from modelrollout.rehearsal.simulation.gates import MetricGate, StepGate, metric_gates, step_gates
from modelrollout.rehearsal.simulation.plan import Plan, Traffic, plan_of
from modelrollout.rehearsal.simulation.rehearsal import Rehearsal, rehearse
from modelrollout.rehearsal.simulation.values import Versions, versions_of
from modelrollout.rehearsal.streams.stream import CannotSimulate, Value

Given = Mapping[str, tuple[float, float | None]]


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line says.

    Attributes:
        stable, candidate: true values by the metric's name, each with how far single values scatter, where given.
        traffic: what comes in.
        runs: how many runs of each candidate.
        seed: of the randomness.
        power: work out what each metric needs by itself.
        errors: simulate an equal candidate and those at the margins too.
    """

    stable: Given
    candidate: Given
    traffic: Traffic
    runs: int
    seed: int
    power: bool
    errors: bool


@dataclass(frozen=True, slots=True)
class Done:
    """What was found out."""

    plan: Plan
    versions: Versions
    rehearsal: Rehearsal
    steps: tuple[StepGate, ...]
    metrics: tuple[MetricGate, ...]
    powers: tuple[Power, ...]


def simulate(rollout: ModelRollout, asked: Asked, progress: Progress) -> Done:
    """Simulate the rollout.

    Raises:
        CommandFailed: the values do not fit the metrics.
    """
    try:
        plan = plan_of(rollout.spec, asked.traffic)
        versions = versions_of(rollout.spec, _values(asked.stable), _values(asked.candidate))
        rehearsal = rehearse(
            plan,
            versions,
            runs=asked.runs,
            seed=asked.seed,
            errors=asked.errors,
            progress=lambda part: progress.tell(f"{part:.0%} of the runs are over"),
        )
        return Done(
            plan,
            versions,
            rehearsal,
            step_gates(plan),
            tuple(metric_gates(plan, versions.streams)),
            _powers(plan, versions, asked) if asked.power else (),
        )
    except CannotSimulate as error:
        raise CommandFailed(str(error)) from None
    finally:
        progress.done()


def _values(given: Given) -> dict[str, Value]:
    return {name: Value(*value) for name, value in given.items()}


def _powers(plan: Plan, versions: Versions, asked: Asked) -> tuple[Power, ...]:
    return powers_of(
        plan.spec, versions.streams, dispersion=plan.dispersion, runs=min(asked.runs, 1000), seed=asked.seed
    )
