"""Who takes part, as it is written: rules in order, and what is decided by hand."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from modelrollout import assignment
from modelrollout.api.base import Model
from modelrollout.experiments.conditions import Scalar, When, condition
from modelrollout.experiments.naming import Name, refuse
from modelrollout.experiments.shares import Share, WholeShares, slots, split


class Override(Model):
    """What is decided by hand for some units. They are not counted as part of the experiment."""

    when: When = Field(min_length=1, description="For whom.")
    arm: Name | None = Field(default=None, description="Their arm. Default: as by the segments.")
    parameters: dict[str, Scalar] = Field(default_factory=dict, description="Values that are not drawn for them.")

    def build(self) -> assignment.Override:
        """As `assignment` knows it."""
        return assignment.Override(condition(self.when), self.arm, self.parameters)


class Segment(Model):
    """A rule about a part of the units; the first that applies decides."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+$", max_length=63)] = Field(description="Name of the rule.")
    when: When = Field(default_factory=dict, description="Whom it is about. Default: everybody.")
    within: Share = Field(default=100, description="Percent of them; the others go on to the next rule. Default: 100.")
    arm: Name | None = Field(default=None, description="The arm of all of them.")
    split: WholeShares | None = Field(default=None, description="Percent of them for each arm.")
    before: list[WholeShares] = Field(
        default_factory=list, max_length=100, description="Earlier splits, oldest first, so that few units move."
    )
    exclude: bool = Field(default=False, description="They take no part: they get the default.")

    @model_validator(mode="after")
    def _one_answer(self) -> Self:
        if sum((self.arm is not None, self.split is not None, self.exclude)) > 1:
            raise refuse("write one of arm, split and exclude")
        if self.before and self.split is None:
            raise refuse("before is about a split: write split too, or leave it out", "before")
        return self

    def build(self, default: str | None) -> assignment.Segment:
        """As `assignment` knows it."""
        return assignment.Segment(
            name=self.name,
            when=condition(self.when),
            within=slots(self.within),
            arm=default if self.exclude else self.arm,
            split=None if self.split is None else split(self.split, self.before),
            takes_part=not self.exclude,
        )
