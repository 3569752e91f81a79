"""The shadow: copies of requests for the candidate, whose answers are compared and never returned."""

from datetime import timedelta
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from modelrollout.api.base import Model
from modelrollout.api.canary import DEFAULT_SAMPLES, Canary, Deadline, Hold, Requirement, Samples
from modelrollout.api.durations import cel_longer
from modelrollout.api.rules import Rule
from modelrollout.api.values import Percent

MirrorPercent = Annotated[
    Percent,
    Rule(
        "self > 0.0",
        "copies of no request are no shadow: write more than 0, for example 0.5 or 20",
        lambda percent: percent > 0,
    ),
]
"""Percent of the requests that are copied; at most one decimal."""


class ShadowThen(StrEnum):
    """What follows a shadow that has passed."""

    PROMOTE = "Promote"
    CANARY = "Canary"
    REPORT = "Report"


class Shadow(Model):
    """A share of the requests is copied to the candidate; its answers are compared, never returned."""

    RULES = (
        Rule(
            "(self.then == 'Canary') == has(self.canary)",
            "then: Canary needs canary, for example {weights: [1, 5, 25, 50]}, and the others do without it",
            lambda self: (self.then is ShadowThen.CANARY) == (self.canary is not None),
            "canary",
        ),
        Rule(
            f"!has(self.deadline) || {cel_longer('self.deadline', 'self.hold')}",
            "the deadline of the shadow must be longer than its hold",
            lambda self: self.deadline is None or self.deadline > self.hold,
            "deadline",
        ),
    )

    percent: MirrorPercent = Field(
        default=100, description="Percent of the requests that are copied; at most one decimal. Default: 100."
    )
    hold: Hold = Field(default=timedelta(minutes=30), description="Least time to shadow. Default: 30m.")
    samples: Samples = Field(
        default=DEFAULT_SAMPLES, description="Copies that the candidate must have answered. Default: 50."
    )
    deadline: Deadline | None = Field(
        default=None, description="Longest time to shadow; then onDeadline decides. Default: the progressDeadline."
    )
    require: Requirement = Field(
        default=Requirement.NOT_FAILED,
        description=(
            "What it takes to go on to the canary. NotFailed (default): no guardrail failed and the data is fresh. "
            "Pass: every guardrail and goal passed, as Promote and Report always need."
        ),
    )
    then: ShadowThen = Field(
        default=ShadowThen.REPORT,
        description=(
            "What follows. Report (default): traffic stays with stable, nothing is promoted, and nothing rejected. "
            "Canary: the steps of canary. Promote: all traffic at once."
        ),
    )
    canary: Canary | None = Field(default=None, description="The steps after the shadow, with then: Canary.")
