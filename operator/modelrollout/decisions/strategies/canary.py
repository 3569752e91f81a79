"""The canary as steps: one for each weight."""

from modelrollout.api import Canary, ModelRolloutSpec, PromotionPolicy, Requirement
from modelrollout.decisions.steps import PlannedStep
from modelrollout.decisions.strategies.strategy import StrategyKind

_FIELD = "spec.strategy.canary"


class CanaryStrategy(StrategyKind):
    """`strategy.canary`."""

    def steps(self, spec: ModelRolloutSpec) -> tuple[PlannedStep, ...]:
        """As written, whichever of its three forms that was."""
        return canary_steps(_canary(spec), manual=spec.promotion is PromotionPolicy.MANUAL)

    def place(self, spec: ModelRolloutSpec, index: int) -> str:
        """An entry of steps or of weights, or the increment that stands for all."""
        return canary_place(_canary(spec), _FIELD, index)

    def hold_place(self, spec: ModelRolloutSpec, index: int) -> str:
        """Of the step where steps are written, else of the canary."""
        return f"{_FIELD if _canary(spec).steps is None else self.place(spec, index)}.hold"


def canary_steps(canary: Canary, *, manual: bool) -> tuple[PlannedStep, ...]:
    """The steps of a canary; with `manual` a person approves before promotion."""
    written = canary.step_list()
    steps = []
    for number, step in enumerate(written, start=1):
        last = number == len(written)
        steps.append(
            PlannedStep(
                weight=round(step.weight * 10),
                hold=canary.hold if step.hold is None else step.hold,
                audience=() if step.audience is None else step.audience.rules,
                samples=0 if step.audience is not None else canary.samples if step.samples is None else step.samples,
                deadline=step.deadline,
                approval=step.approval or (last and manual),
                require=Requirement.PASS if last else step.require,
                last=last,
            )
        )
    return tuple(steps)


def canary_place(canary: Canary, field: str, index: int) -> str:
    """Where a canary that is written at `field` has the step of that index."""
    if canary.steps is not None:
        return f"{field}.steps[{index}]"
    return f"{field}.{'increment' if canary.weights is None else f'weights[{index}]'}"


def _canary(spec: ModelRolloutSpec) -> Canary:
    if spec.strategy.canary is None:
        raise LookupError("the spec has no canary")
    return spec.strategy.canary
