"""Several experiments side by side: layers keep some apart, and later ones may ask what earlier ones gave."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from modelrollout.assignment.conditions import Attributes, Value
from modelrollout.assignment.experiments import Experiment
from modelrollout.assignment.outcome import Assignment
from modelrollout.assignment.parameters import unit_texts
from modelrollout.assignment.slots import Split, slot_of


@dataclass(frozen=True, slots=True)
class Layer:
    """Experiments that exclude each other: each unit is in one of them at most. Layers do not depend on each other.

    Attributes:
        name: of the layer, and what its lot is hashed with.
        unit: attributes that identify a unit of the layer.
        shares: slots of each experiment, by name.
    """

    name: str
    unit: tuple[str, ...]
    shares: Split

    def owner(self, attributes: Attributes) -> str | None:
        """The experiment that a unit may be in; None where its slot is free, or the unit is not identified."""
        try:
            return self.shares.owner(slot_of(self.name, unit_texts(self.unit, attributes)))
        except KeyError:
            return None


@dataclass(frozen=True, slots=True)
class Plan:
    """All experiments of a file, in order.

    Attributes:
        experiments: a later one may ask for an earlier one's arm as `<name>.arm`, for a parameter as
            `<name>.<parameter>`.
        layers: by name of the experiment that is in it; who is in none may take all units.
    """

    experiments: tuple[Experiment, ...]
    layers: Mapping[str, Layer]

    def assign(self, attributes: Attributes) -> tuple[Assignment, ...]:
        """What a unit gets in each experiment."""
        seen: dict[str, Value | Sequence[Value]] = dict(attributes)
        answers = []
        for experiment in self.experiments:
            layer = self.layers.get(experiment.name)
            answer = experiment.assign(seen, layer is None or layer.owner(attributes) == experiment.name)
            answers.append(answer)
            if answer.arm is not None:
                seen[f"{experiment.name}.arm"] = answer.arm
            seen |= {f"{experiment.name}.{name}": value for name, value in answer.parameters.items()}
        return tuple(answers)
