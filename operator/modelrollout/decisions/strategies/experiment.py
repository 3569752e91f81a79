"""A/B/n tests and bandits as steps: one, in which all candidates are tried side by side."""

from modelrollout.api import ModelRolloutSpec, PromotionPolicy, Requirement
from modelrollout.decisions.experiments.shape import form, most
from modelrollout.decisions.steps import PlannedStep
from modelrollout.decisions.strategies.strategy import StrategyKind


class ExperimentStrategy(StrategyKind):
    """`strategy.abTest` and `strategy.bandit`. When the step is left is decided by `experiments.trial`, by no gate."""

    def steps(self, spec: ModelRolloutSpec) -> tuple[PlannedStep, ...]:
        """The one step, with what all candidates together may have at most."""
        until = form(spec).until
        length = until.duration if until is not None else None
        step = PlannedStep(
            weight=most(spec),
            hold=length or spec.progress_deadline,
            samples=0,
            approval=spec.promotion is PromotionPolicy.MANUAL,
            require=Requirement.PASS,
            last=True,
        )
        return (step,)

    def place(self, spec: ModelRolloutSpec, index: int) -> str:
        """The whole strategy."""
        return f"spec.strategy.{spec.strategy.name}"

    def hold_place(self, spec: ModelRolloutSpec, index: int) -> str:
        """Its planned end."""
        return f"{self.place(spec, index)}.until.duration"
