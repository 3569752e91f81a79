"""How traffic is shifted: exactly one strategy. Each compiles into the same list of steps."""

from datetime import timedelta
from enum import StrEnum
from itertools import pairwise
from typing import Annotated

from pydantic import Field

from modelrollout.api.base import Model
from modelrollout.api.durations import Between, Duration, cel_longer
from modelrollout.api.rules import Rule, at_most_one, not_yet
from modelrollout.api.traffic import HeaderMatch
from modelrollout.api.values import DnsLabel, HeaderName, Number, Percent

DEFAULT_SAMPLES = 50
"""Answers of the candidate that a step waits for where nothing else is said."""

_LATER_STRATEGY = "use canary with weights, for example [1, 5, 25, 50]"

Hold = Annotated[Duration, Between("0s", "30d")]
Deadline = Annotated[Duration, Between("1s", "30d")]
Samples = Annotated[int, Field(ge=0, le=1_000_000_000)]
_BELOW_ALL = Rule(
    "self > 0.0 && self < 100.0",
    "the weight of a step lies between 0 and 100, both excluded: promotion follows the last step by itself",
    lambda percent: 0 < percent < 100,
)
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
    )

    weight: StepWeight = Field(description="Percent of the traffic that the candidate gets; at most one decimal.")
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
            "!has(self.steps) || (self.steps.map(s, s.weight).isSorted() && "
            "self.steps.all(s, self.steps.exists_one(x, x.weight == s.weight)))",
            "the weights of the steps must increase from step to step",
            lambda self: self.steps is None or _increasing([step.weight for step in self.steps]),
            "steps",
        ),
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


class Preview(Model):
    """How to reach the candidate before it gets any users' traffic."""

    header: HeaderMatch = Field(description="Requests with this header go to the candidate.")


class BlueGreen(Model):
    """The candidate is tried through a preview, then gets all traffic at once, and is watched."""

    preview: Preview | None = Field(default=None, description="How to reach the candidate before the switch.")
    hold: Hold = Field(default=timedelta(minutes=5), description="Least time of the preview. Default: 5m.")


class ShadowThen(StrEnum):
    """What follows a shadow step that has passed."""

    PROMOTE = "Promote"
    CANARY = "Canary"
    REPORT = "Report"


class Shadow(Model):
    """A share of the requests is copied to the candidate; its answers are compared, never returned."""

    percent: Percent = Field(default=100, description="Percent of the requests that are copied. Default: 100.")
    hold: Hold = Field(default=timedelta(minutes=30), description="Least time to shadow. Default: 30m.")
    then: ShadowThen = Field(default=ShadowThen.REPORT, description="What follows a pass. Default: Report.")


class CookieMatch(Model):
    """A cookie that a request must carry with exactly this value."""

    name: HeaderName = Field(description="Name of the cookie.")
    value: Annotated[str, Field(min_length=1, max_length=4096)] = Field(description="The exact value.")


class Audience(Model):
    """Whose requests take part; all given conditions must hold."""

    header: HeaderMatch | None = Field(default=None, description="Only requests with this header.")
    cookie: CookieMatch | None = Field(default=None, description="Only requests with this cookie.")


class Sticky(Model):
    """What keeps a user on one version."""

    header: HeaderName | None = Field(default=None, description="Header that identifies the user.")
    cookie: HeaderName | None = Field(default=None, description="Cookie that identifies the user.")


class Until(Model):
    """When an experiment ends: whichever comes first."""

    duration: Annotated[Duration, Between("1s", "365d")] | None = Field(
        default=None, description="Longest time to run, for example 7d."
    )
    samples: Samples | None = Field(default=None, description="Answers of each version to collect at most.")


class ExperimentThen(StrEnum):
    """What follows an experiment."""

    PROMOTE_WINNER = "PromoteWinner"
    REPORT = "Report"


class ABTest(Model):
    """Users are split between several versions for a while; then the winner is promoted or reported."""

    split: Annotated[dict[str, Percent], Field(min_length=1, max_length=16)] | None = Field(
        default=None, description="Percent of the audience for each version, by name. Default: equal shares."
    )
    audience: Audience | None = Field(default=None, description="Whose requests take part. Default: everybody's.")
    sticky: Sticky | None = Field(default=None, description="What keeps a user on one version.")
    until: Until | None = Field(default=None, description="When the experiment ends.")
    then: ExperimentThen = Field(default=ExperimentThen.REPORT, description="What follows the end. Default: Report.")


class Bandit(Model):
    """Traffic moves towards the version that does better on the goal metric."""

    floor: Percent = Field(default=5, description="Percent that every version keeps. Default: 5.")
    interval: Annotated[Duration, Between("1s", "1d")] = Field(
        default=timedelta(minutes=1), description="Time between two changes of the weights. Default: 1m."
    )
    until: Until | None = Field(default=None, description="When the experiment ends.")
    then: ExperimentThen = Field(default=ExperimentThen.REPORT, description="What follows the end. Default: Report.")


class Step(Model):
    """One step of a free list of steps."""

    name: DnsLabel | None = Field(default=None, description="Name of the step, shown in status.")
    mirror: Percent | None = Field(default=None, description="Percent of the requests copied to the candidate.")
    weight: Percent | None = Field(default=None, description="Percent of the traffic that the candidate gets.")
    audience: Audience | None = Field(default=None, description="Whose requests may reach the candidate.")
    hold: Hold | None = Field(default=None, description="Least time to stay in this step.")
    samples: Samples | None = Field(default=None, description="Answers of the candidate to wait for in this step.")
    deadline: Deadline | None = Field(default=None, description="Longest time to stay in this step.")
    approval: bool = Field(default=False, description="Wait for a person before this step may be left.")
    require: Requirement = Field(
        default=Requirement.NOT_FAILED, description="What the verdicts must be before this step may be left."
    )
    metrics: tuple[DnsLabel, ...] | None = Field(
        default=None,
        max_length=30,
        description="Names of the metrics that this step needs. Default: all.",
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )


class Strategy(Model):
    """How traffic is shifted to the target: exactly one strategy."""

    RULES = (
        at_most_one(
            {
                "canary": "canary",
                "blueGreen": "blue_green",
                "shadow": "shadow",
                "abTest": "ab_test",
                "bandit": "bandit",
                "steps": "steps",
            },
            "set exactly one strategy, for example strategy.canary",
        ),
        Rule(
            "has(self.canary) || has(self.blueGreen) || has(self.shadow) || has(self.abTest) || has(self.bandit) || "
            "has(self.steps)",
            "say how traffic is shifted: set strategy.canary, for example {weights: [1, 5, 25, 50]}",
            lambda self: any(
                form is not None
                for form in (self.canary, self.blue_green, self.shadow, self.ab_test, self.bandit, self.steps)
            ),
        ),
        not_yet("blueGreen", "blue_green", _LATER_STRATEGY),
        not_yet("shadow", "shadow", _LATER_STRATEGY),
        not_yet("abTest", "ab_test", _LATER_STRATEGY),
        not_yet("bandit", "bandit", _LATER_STRATEGY),
        not_yet("steps", "steps", "use canary.steps for steps with a weight, hold, samples, deadline or approval"),
    )

    canary: Canary | None = Field(
        default=None, description="The candidate gets a growing share of the traffic, step by step."
    )
    blue_green: BlueGreen | None = Field(
        default=None, description="All traffic at once after a preview. Not yet supported: use canary."
    )
    shadow: Shadow | None = Field(
        default=None, description="Copies of requests, answers compared. Not yet supported: use canary."
    )
    ab_test: ABTest | None = Field(
        default=None, description="Several versions side by side, users kept apart. Not yet supported: use canary."
    )
    bandit: Bandit | None = Field(
        default=None, description="Weights that follow a goal metric. Not yet supported: use canary."
    )
    steps: tuple[Step, ...] | None = Field(
        default=None,
        max_length=50,
        description="A free list of steps. Not yet supported: use canary.steps.",
        json_schema_extra={"x-kubernetes-list-type": "atomic"},
    )
