"""What a strategy is to everybody who decides: the steps that it compiles into, and where the spec writes them."""

from abc import ABC, abstractmethod

from modelrollout.api import ModelRolloutSpec
from modelrollout.decisions.steps import PlannedStep


class StrategyKind(ABC):
    """One way to shift traffic, as steps. The spec that is given always has this strategy."""

    @abstractmethod
    def steps(self, spec: ModelRolloutSpec) -> tuple[PlannedStep, ...]:
        """The steps in order, at least one; the last one says so."""

    @abstractmethod
    def place(self, spec: ModelRolloutSpec, index: int) -> str:
        """Where the spec writes the step of that index, as a path."""

    def hold_place(self, spec: ModelRolloutSpec, index: int) -> str:
        """Where the spec writes its hold; several steps may share it."""
        return f"{self.place(spec, index)}.hold"
