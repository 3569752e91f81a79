"""Strategies, each compiled into the one list of steps: one module and one line here for each."""

from collections.abc import Mapping
from dataclasses import replace

from modelrollout.api import ModelRolloutSpec
from modelrollout.decisions.steps import PlannedStep
from modelrollout.decisions.strategies.blue_green import BlueGreenStrategy
from modelrollout.decisions.strategies.canary import CanaryStrategy
from modelrollout.decisions.strategies.experiment import ExperimentStrategy
from modelrollout.decisions.strategies.free_steps import FreeSteps
from modelrollout.decisions.strategies.shadow import ShadowStrategy
from modelrollout.decisions.strategies.strategy import StrategyKind
from modelrollout.errors import InvalidSpec

_STRATEGIES: Mapping[str, StrategyKind] = {
    "canary": CanaryStrategy(),
    "blueGreen": BlueGreenStrategy(),
    "shadow": ShadowStrategy(),
    "steps": FreeSteps(),
    "abTest": ExperimentStrategy(),
    "bandit": ExperimentStrategy(),
}
"""By the field of `spec.strategy`, as the spec writes it."""

__all__ = ["compile_steps", "hold_place_of", "place_of_step"]


def compile_steps(spec: ModelRolloutSpec) -> tuple[PlannedStep, ...]:
    """The steps of the spec's strategy, in order, at least one.

    Raises:
        InvalidSpec: the strategy is one that cannot be compiled yet.
    """
    steps = _strategy_of(spec).steps(spec)
    if not any(step.mirror for step in steps):
        return steps  # whoever has pairs then copies requests by other means, in any step
    return tuple(replace(step, pairs=bool(step.mirror)) for step in steps)


def place_of_step(spec: ModelRolloutSpec, index: int) -> str:
    """Where the spec writes the step of that index, as a path. Raises as `compile_steps`."""
    return _strategy_of(spec).place(spec, index)


def hold_place_of(spec: ModelRolloutSpec, index: int) -> str:
    """Where the spec writes the hold of that step, which several may share. Raises as `compile_steps`."""
    return _strategy_of(spec).hold_place(spec, index)


def _strategy_of(spec: ModelRolloutSpec) -> StrategyKind:
    found = _STRATEGIES.get(spec.strategy.name)
    if found is None:
        known = " or ".join(f"strategy.{name}" for name in _STRATEGIES)
        raise InvalidSpec(f"this strategy is not yet supported: use {known}", "spec.strategy")
    return found
