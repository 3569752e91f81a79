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


def end_of_run(spec: ModelRolloutSpec) -> str:
    """What a deadline does to the run."""
    return "is rolled back" if spec.on_deadline is DeadlinePolicy.ROLLBACK else "waits for a person"
