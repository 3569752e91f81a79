"""The canary: a growing share of the traffic for the candidate, step by step."""

from datetime import timedelta
from enum import StrEnum
from itertools import pairwise
from typing import Annotated

from pydantic import Field

from modelrollout.api.audiences import IN_ORDER, OUT_OF_ORDER, STEP_RULES, Audience, in_order
from modelrollout.api.base import Model
from modelrollout.api.durations import Between, Duration, cel_longer
from modelrollout.api.rules import Rule
from modelrollout.api.values import DnsLabel, Number, Percent

DEFAULT_SAMPLES = 50
"""Answers of the candidate that a step waits for where nothing else is said."""

Hold = Annotated[Duration, Between("0s", "30d")]
Deadline = Annotated[Duration, Between("1s", "30d")]
Samples = Annotated[int, Field(ge=0, le=1_000_000_000)]
BETWEEN = "the weight of a step lies between 0 and 100, both excluded: promotion follows the last step by itself"
_BELOW_ALL = Rule("self > 0.0 && self < 100.0", BETWEEN, lambda percent: 0 < percent < 100)
MetricNames = Annotated[tuple[DnsLabel, ...], Field(max_length=30, json_schema_extra={"x-kubernetes-list-type": "set"})]
StepWeight = Annotated[Percent, _BELOW_ALL]


class Requirement(StrEnum):
    """What the verdicts must be before a step may be left."""

    NOT_FAILED = "NotFailed"
    PASS = "Pass"  # noqa: S105 - a verdict


class CanaryStep(Model):
    """One step of a canary: a weight, and what it takes to leave it."""

    RULES = (
        Rule(
            f"!has(self.hold) || !has(self.deadline) || {cel_longer('self.deadline', 'self.hold')}",
            "the deadline of a step must be longer than its hold",
            lambda self: self.hold is None or self.deadline is None or self.deadline > self.hold,
            "deadline",
        ),
        Rule(
            "self.weight > 0.0 && (self.weight < 100.0 || has(self.audience))",
            BETWEEN,
            lambda self: self.weight > 0 and (self.weight < 100 or self.audience is not None),
            "weight",
        ),
        *STEP_RULES,
    )

    weight: Percent = Field(
        description=(
            "Percent of the traffic that the candidate gets, above 0 and below 100; at most one decimal. With an "
            "audience percent of its traffic, up to 100."
        )
    )
    audience: Audience | None = Field(
        default=None,
        description=(
            "Only requests that match these rules of the route may reach the candidate in this step. Nothing is "
            "compared meanwhile, thresholds are watched. Default: everybody's."
        ),
    )
    hold: Hold | None = Field(
        default=None, description="Least time to stay in this step, for example 2m. Default: the hold of the canary."
    )
    samples: Samples | None = Field(
        default=None,
        description="Answers of the candidate to wait for in this step. Default: the samples of the canary.",
    )
    deadline: Deadline | None = Field(
        default=None,
        description=(
            "Longest time to stay in this step; then onDeadline decides. Default: the deadline of the canary, if any."
        ),
    )
    approval: bool = Field(
        default=False, description="Wait for a person's Approve command before this step may be left. Default: false."
    )
    require: Requirement = Field(
        default=Requirement.NOT_FAILED,
        description=(
            "NotFailed (default): no guardrail failed and the data is fresh. Pass: every guardrail and goal passed. "
            "The last step always needs Pass."
        ),
    )


class Canary(Model):
    """The candidate gets a growing share of the traffic, and all of it when the last step has passed."""

    RULES = (
        Rule(
            "[has(self.weights), has(self.increment), has(self.steps)].exists_one(x, x)",
            "set exactly one of weights (for example [1, 5, 25, 50]), increment (for example 10) and steps",
            lambda self: sum(form is not None for form in (self.weights, self.increment, self.steps)) == 1,
        ),
        Rule(
            "!has(self.max) || has(self.increment)",
            "max ends the steps of an increment: set increment too, or leave max out",
            lambda self: self.max is None or self.increment is not None,
            "max",
        ),
        Rule(
            "!has(self.max) || !has(self.increment) || self.max >= self.increment",
            "max must be at least as large as increment",
            lambda self: self.max is None or self.increment is None or self.max >= self.increment,
            "max",
        ),
        Rule(
            "!has(self.weights) || (self.weights.isSorted() && "
            "self.weights.all(w, self.weights.exists_one(x, x == w)))",
            "weights must increase from step to step, for example [1, 5, 25, 50]",
            lambda self: self.weights is None or _increasing(self.weights),
            "weights",
        ),
        Rule(
            "!has(self.steps) || (self.steps.filter(s, !has(s.audience)).map(s, s.weight).isSorted() && "
            "self.steps.all(s, has(s.audience) || "
            "self.steps.exists_one(x, !has(x.audience) && x.weight == s.weight)))",
            "the weights of the steps must increase from step to step",
            lambda self: _increasing([step.weight for step in self.steps or () if step.audience is None]),
            "steps",
        ),
        Rule(IN_ORDER, OUT_OF_ORDER, lambda self: in_order(self.steps), "steps"),
        Rule(
            f"!has(self.deadline) || {cel_longer('self.deadline', 'self.hold')}",
            "the deadline of a step must be longer than its hold",
            lambda self: self.deadline is None or self.deadline > self.hold,
            "deadline",
        ),
    )

    weights: tuple[StepWeight, ...] | None = Field(
        default=None,
        min_length=1,
        max_length=50,
        description="Percent of the traffic for the candidate, a step each, increasing, for example [1, 5, 25, 50].",
        json_schema_extra={"x-kubernetes-list-type": "atomic"},
    )
    increment: Annotated[Number, Field(ge=1), StepWeight] | None = Field(
        default=None,
        description="Steps of equal size, in percent: 10 stands for the weights 10, 20, ... up to max. At least 1.",
    )
    max: StepWeight | None = Field(
        default=None,
        description="Weight of the last step of an increment, in percent. Default: 50, or increment if that is larger.",
    )
    steps: tuple[CanaryStep, ...] | None = Field(
        default=None,
        min_length=1,
        max_length=50,
        description=(
            "The long form of weights: for each step its weight and, where it differs from the canary's, its hold, "
            "samples, deadline, approval and requirement."
        ),
        json_schema_extra={"x-kubernetes-list-type": "atomic"},
    )
    hold: Hold = Field(
        default=timedelta(minutes=1), description="Least time to stay in each step, for example 2m. Default: 1m."
    )
    samples: Samples = Field(
        default=DEFAULT_SAMPLES,
        description="New answers of the candidate to wait for in each step. Default: 50; 0 waits for none.",
    )
    deadline: Deadline | None = Field(
        default=None,
        description=(
            "Longest time to stay in each step; then onDeadline decides. Default: none; progressDeadline always holds."
        ),
    )

    def step_list(self) -> tuple[CanaryStep, ...]:
        """The steps in full, whichever of the three forms was written: hold, samples and deadline are filled in."""
        if self.steps is not None:
            bare = self.steps
        else:
            bare = tuple(CanaryStep(weight=weight) for weight in self.weights or self._increments())
        return tuple(
            step.model_copy(
                update={
                    "hold": self.hold if step.hold is None else step.hold,
                    "samples": self.samples if step.samples is None else step.samples,
                    "deadline": self.deadline if step.deadline is None else step.deadline,
                }
            )
            for step in bare
        )

    def _increments(self) -> tuple[float, ...]:
        increment = self.increment or 0.0  # one of the three forms is set, as RULES say
        last = self.max if self.max is not None else max(50.0, increment)
        whole = int(last / increment + 1e-9)
        weights = [round(increment * number, 1) for number in range(1, whole + 1)]
        return tuple(weights if weights[-1] == last else [*weights, last])


def _increasing(weights: list[float] | tuple[float, ...]) -> bool:
    return all(low < high for low, high in pairwise(weights))
