"""Blue/green as steps: one preview, after which everything is switched at once."""

from modelrollout.api import ModelRolloutSpec, PromotionPolicy, Requirement
from modelrollout.decisions.steps import PlannedStep
from modelrollout.decisions.strategies.strategy import StrategyKind


class BlueGreenStrategy(StrategyKind):
    """`strategy.blueGreen`."""

    def steps(self, spec: ModelRolloutSpec) -> tuple[PlannedStep, ...]:
        """The preview."""
        blue_green = spec.strategy.blue_green
        if blue_green is None:
            raise LookupError("the spec has no blue/green")
        preview = PlannedStep(
            weight=0,
            hold=blue_green.hold,
            samples=0,
            deadline=blue_green.deadline,
            approval=spec.promotion is PromotionPolicy.MANUAL,
            require=Requirement.PASS,
            header=blue_green.preview.header if blue_green.preview is not None else None,
            last=True,
        )
        return (preview,)

    def place(self, spec: ModelRolloutSpec, index: int) -> str:
        """The whole strategy."""
        return "spec.strategy.blueGreen"
