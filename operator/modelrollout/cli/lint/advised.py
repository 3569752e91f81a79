"""One thing that lint advises."""

from dataclasses import dataclass

from modelrollout.api import DeadlinePolicy, ModelRolloutSpec
from modelrollout.cli.lint.findings import Severity


@dataclass(frozen=True, slots=True)
class Advice:
    """A warning, or a note, about one field of the spec."""

    field: str
    message: str
    severity: Severity = Severity.WARNING


def place_of_step(spec: ModelRolloutSpec, place: int) -> str:
    """Where the spec writes a step."""
    canary = spec.strategy.canary
    if canary is None:
        return "spec.strategy.blueGreen"
    if canary.steps is not None:
        return f"spec.strategy.canary.steps[{place}]"
    return f"spec.strategy.canary.{'increment' if canary.weights is None else f'weights[{place}]'}"


def end_of_run(spec: ModelRolloutSpec) -> str:
    """What a deadline does to the run."""
    return "is rolled back" if spec.on_deadline is DeadlinePolicy.ROLLBACK else "waits for a person"
