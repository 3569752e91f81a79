"""A free list of steps, taken as it is written."""

from collections.abc import Sequence
from datetime import timedelta

from modelrollout.api import ModelRolloutSpec, PromotionPolicy, Requirement, Step, weight_of
from modelrollout.api.canary import DEFAULT_SAMPLES
from modelrollout.decisions.steps import PlannedStep
from modelrollout.decisions.strategies.strategy import StrategyKind


class FreeSteps(StrategyKind):
    """`strategy.steps`."""

    def steps(self, spec: ModelRolloutSpec) -> tuple[PlannedStep, ...]:
        """One for each; a weight that is not written is that of the step before."""
        written, manual = _written(spec), spec.promotion is PromotionPolicy.MANUAL
        steps: list[PlannedStep] = []
        for number, step in enumerate(written, start=1):
            before = steps[-1].weight if steps else 0
            steps.append(_planned(step, before, last=number == len(written), manual=manual))
        return tuple(steps)

    def place(self, spec: ModelRolloutSpec, index: int) -> str:
        """The entry of the list."""
        return f"spec.strategy.steps[{index}]"


def _planned(step: Step, before: int, *, last: bool, manual: bool) -> PlannedStep:
    weight = before if step.weight is None else weight_of(step.weight)
    mirror = 0 if step.mirror is None else weight_of(step.mirror)
    audience = () if step.audience is None else step.audience.rules
    default = DEFAULT_SAMPLES if (weight or mirror) and not audience else 0
    return PlannedStep(
        name=step.name,
        weight=weight,
        mirror=mirror,
        hold=timedelta() if step.hold is None else step.hold,
        audience=audience,
        samples=default if step.samples is None else step.samples,
        deadline=step.deadline,
        approval=step.approval or (last and manual),
        require=Requirement.PASS if last else step.require,
        metrics=None if step.metrics is None else frozenset(step.metrics),
        webhooks=step.webhooks,
        last=last,
    )


def _written(spec: ModelRolloutSpec) -> Sequence[Step]:
    if spec.strategy.steps is None:
        raise LookupError("the spec has no list of steps")
    return spec.strategy.steps
