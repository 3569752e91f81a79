"""The experiment file: layers and experiments, read with errors that a person can act on."""

from collections import Counter
from collections.abc import Iterator
from itertools import groupby
from typing import Any, Self

from pydantic import Field, model_validator

from modelrollout import assignment
from modelrollout.api.base import Model
from modelrollout.api.parsing import parse
from modelrollout.assignment.slots import SEGMENT
from modelrollout.experiments.naming import Name, refuse
from modelrollout.experiments.parameters import ParameterCase
from modelrollout.experiments.segments import Override, Segment
from modelrollout.experiments.shares import Shares, split
from modelrollout.experiments.units import Unit


class Layer(Model):
    """Experiments that exclude each other."""

    name: Name = Field(description="Name of the layer, and what its lot is hashed with.")
    unit: Unit = Field(description="Attribute, or attributes, that identify a unit.")
    shares: Shares = Field(description="Percent of all units that each experiment may have. The rest is free.")
    before: list[Shares] = Field(
        default_factory=list, max_length=100, description="Earlier shares, oldest first, so that few units move."
    )


class Experiment(Model):
    """One experiment: who takes part, in which arm, with which parameters."""

    name: Name = Field(description="Name, by which it is asked for.")
    salt: Name | None = Field(default=None, description="What its lots are hashed with. Default: the name.")
    unit: Unit = Field(description="Attribute, or attributes, that identify a unit.")
    layer: Name | None = Field(default=None, description="Layer in which it excludes others. Default: none.")
    kill: bool = Field(default=False, description="Everybody gets the default.")
    default: Name | None = Field(default=None, description="Arm of who takes no part.")
    overrides: list[Override] = Field(default_factory=list, max_length=100, description="Decided by hand, in order.")
    segments: list[Segment] = Field(
        default_factory=list, max_length=100, description="Rules, in order. Default: everybody takes part."
    )
    parameters: list[ParameterCase] = Field(default_factory=list, max_length=200, description="Values, in order.")

    @model_validator(mode="after")
    def _names(self) -> Self:
        repeated = _repeated(each.name for each in self.segments)
        if repeated:
            raise refuse(f"two segments are called {repeated}: give one another name", "segments")
        names = [name for name, _ in groupby(self.parameters, lambda each: each.name)]
        repeated = _repeated(names)
        if repeated:
            raise refuse(f"write the entries of {repeated} one after another", "parameters")
        if SEGMENT in {each.salt or each.name for each in self.parameters}:
            raise refuse(f"{SEGMENT} is what the split is hashed with: give the parameter another name", "parameters")
        if assignment.experiments.ARM in names:
            raise refuse("arm is the experiment's arm: give the parameter another name", "parameters")
        salts = {name: {each.salt for each in cases} for name, cases in groupby(self.parameters, lambda one: one.name)}
        mixed = next((name for name, each in salts.items() if len(each) > 1), None)
        if mixed:
            raise refuse(f"all entries of {mixed} need the same salt", "parameters")
        return self

    def build(self) -> assignment.Experiment:
        """As `assignment` knows it."""
        segments = tuple(each.build(self.default) for each in self.segments)
        return assignment.Experiment(
            name=self.name,
            salt=self.salt or self.name,
            unit=tuple(self.unit),
            segments=segments or (assignment.Segment("everybody"),),
            default=self.default,
            killed=self.kill,
            overrides=tuple(each.build() for each in self.overrides),
            parameters=tuple(
                assignment.Parameter(name, tuple(each.case() for each in cases), cases[0].salt or name)
                for name, cases in (
                    (name, list(found)) for name, found in groupby(self.parameters, lambda one: one.name)
                )
            ),
        )


class Experiments(Model):
    """A file of experiments."""

    layers: list[Layer] = Field(default_factory=list, max_length=100, description="Layers.")
    experiments: list[Experiment] = Field(min_length=1, max_length=1000, description="Experiments, in order.")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        repeated = _repeated([*(each.name for each in self.experiments)])
        if repeated:
            raise refuse(f"two experiments are called {repeated}: give one another name", "experiments")
        repeated = _repeated(
            [*(each.name for each in self.layers), *(each.salt or each.name for each in self.experiments)]
        )
        if repeated:
            raise refuse(
                f"{repeated} is hashed with twice, so that two lots would be one: use another salt", "experiments"
            )
        layers = {each.name: each for each in self.layers}
        for each in self.experiments:
            if each.layer is not None and each.layer not in layers:
                raise refuse(
                    f"{each.name} is in a layer {each.layer} that is not there: add it to layers", "experiments"
                )
            if each.layer is not None and each.name not in layers[each.layer].shares:
                raise refuse(f"layer {each.layer} has no share for {each.name}: add it to its shares", "layers")
        return self

    def plan(self) -> assignment.Plan:
        """What can be asked."""
        layers = {
            each.name: assignment.Layer(each.name, tuple(each.unit), split(each.shares, each.before))
            for each in self.layers
        }
        return assignment.Plan(
            tuple(each.build() for each in self.experiments),
            {each.name: layers[each.layer] for each in self.experiments if each.layer is not None},
        )


def parse_experiments(content: Any) -> Experiments:  # noqa: ANN401 - whatever the file says
    """An experiment file from the data in it.

    Raises:
        InvalidSpec: with the path of the first wrong field, and what to do about it.
    """
    return parse(Experiments, content)


def _repeated(names: Iterator[str] | list[str]) -> str | None:
    return next((name for name, count in Counter(names).items() if count > 1), None)
