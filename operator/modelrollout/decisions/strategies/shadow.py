"""The shadow as steps: one with copies and no weight, then the canary's, a promotion or a report."""

from modelrollout.api import ModelRolloutSpec, PromotionPolicy, Requirement, Shadow, ShadowThen, weight_of
from modelrollout.decisions.steps import PlannedStep
from modelrollout.decisions.strategies.canary import canary_place, canary_steps
from modelrollout.decisions.strategies.strategy import StrategyKind

_FIELD = "spec.strategy.shadow"


class ShadowStrategy(StrategyKind):
    """`strategy.shadow`."""

    def steps(self, spec: ModelRolloutSpec) -> tuple[PlannedStep, ...]:
        """What follows decides what it takes to leave the shadow: a promotion and a report need proof."""
        shadow, manual = _shadow(spec), spec.promotion is PromotionPolicy.MANUAL
        last = shadow.canary is None
        copies = PlannedStep(
            weight=0,
            mirror=weight_of(shadow.percent),
            hold=shadow.hold,
            samples=shadow.samples,
            deadline=shadow.deadline,
            approval=manual and shadow.then is ShadowThen.PROMOTE,
            require=Requirement.PASS if last else shadow.require,
            last=last,
            reported=shadow.then is ShadowThen.REPORT,
        )
        return (copies,) if shadow.canary is None else (copies, *canary_steps(shadow.canary, manual=manual))

    def place(self, spec: ModelRolloutSpec, index: int) -> str:
        """The shadow itself, or where its canary has the step."""
        canary = _shadow(spec).canary
        return _FIELD if index == 0 or canary is None else canary_place(canary, f"{_FIELD}.canary", index - 1)

    def hold_place(self, spec: ModelRolloutSpec, index: int) -> str:
        """That of the canary where its steps share one."""
        canary = _shadow(spec).canary
        if index and canary is not None and canary.steps is None:
            return f"{_FIELD}.canary.hold"
        return super().hold_place(spec, index)


def _shadow(spec: ModelRolloutSpec) -> Shadow:
    if spec.strategy.shadow is None:
        raise LookupError("the spec has no shadow")
    return spec.strategy.shadow
