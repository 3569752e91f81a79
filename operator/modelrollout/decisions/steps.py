"""Compile a strategy into the one list of steps that every run walks through."""

from dataclasses import dataclass
from datetime import timedelta

from modelrollout.api import BlueGreen, Canary, ModelRolloutSpec, PromotionPolicy, Requirement
from modelrollout.errors import InvalidSpec

FULL = 1000
"""All of the traffic, in thousandths."""


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """A step as the gate sees it.

    Attributes:
        weight: the candidate's share, of 1000; never 1000, promotion follows the last step. 0: a preview.
        hold: least time to stay.
        samples: answers of the candidate that closed strata must show since the step began.
        deadline: longest time to stay, None where only the progress deadline holds.
        approval: a person must approve before it is left.
        require: NotFailed, or Pass of every guardrail and goal.
        last: promotion follows; this step's own data must lie inside the margins too.
    """

    weight: int
    hold: timedelta
    samples: int = 50
    deadline: timedelta | None = None
    approval: bool = False
    require: Requirement = Requirement.NOT_FAILED
    last: bool = False

    @property
    def preview(self) -> bool:
        """Whether the candidate is tried without any users' traffic."""
        return self.weight == 0


def compile_steps(spec: ModelRolloutSpec) -> tuple[PlannedStep, ...]:
    """The steps of the spec's strategy, in order, at least one.

    Raises:
        InvalidSpec: the strategy is one that cannot be compiled yet.
    """
    manual, strategy = spec.promotion is PromotionPolicy.MANUAL, spec.strategy
    if strategy.canary is not None:
        return _canary_steps(strategy.canary, manual=manual)
    if strategy.blue_green is not None:
        return (_preview(strategy.blue_green, manual=manual),)
    raise InvalidSpec("this strategy is not yet supported: use strategy.canary or strategy.blueGreen", "spec.strategy")


def _preview(blue_green: BlueGreen, *, manual: bool) -> PlannedStep:
    return PlannedStep(
        weight=0,
        hold=blue_green.hold,
        samples=0,
        deadline=blue_green.deadline,
        approval=manual,
        require=Requirement.PASS,
        last=True,
    )


def _canary_steps(canary: Canary, *, manual: bool) -> tuple[PlannedStep, ...]:
    written = canary.step_list()
    steps = []
    for number, step in enumerate(written, start=1):
        last = number == len(written)
        steps.append(
            PlannedStep(
                weight=round(step.weight * 10),
                hold=canary.hold if step.hold is None else step.hold,
                samples=canary.samples if step.samples is None else step.samples,
                deadline=step.deadline,
                approval=step.approval or (last and manual),
                require=Requirement.PASS if last else step.require,
                last=last,
            )
        )
    return tuple(steps)
