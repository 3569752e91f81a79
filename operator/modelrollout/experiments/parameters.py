"""Parameters as they are written: a name, a value or a draw, and for whom."""

from typing import Annotated, Self

from pydantic import Field, StrictInt, model_validator
from pydantic_core import PydanticCustomError

from modelrollout.api.base import Model
from modelrollout.api.values import Share as Probability
from modelrollout.assignment import Case, Draw
from modelrollout.assignment.parameters import Operator
from modelrollout.experiments.conditions import Scalar, When, condition
from modelrollout.experiments.units import Unit

Choices = Annotated[list[Scalar], Field(min_length=1, max_length=1000)]


class UniformChoice(Model):
    """One of several values, all alike."""

    choices: Choices = Field(description="What to choose from.")

    def draw(self) -> Draw:
        """As `assignment` knows it."""
        return Draw(Operator.UNIFORM_CHOICE, tuple(self.choices))


class WeightedChoice(Model):
    """One of several values, each in proportion to its weight."""

    choices: Choices = Field(description="What to choose from.")
    weights: list[Annotated[float, Field(ge=0)]] = Field(description="A weight for each choice.")

    def draw(self) -> Draw:
        """As `assignment` knows it."""
        return Draw(Operator.WEIGHTED_CHOICE, tuple(self.choices), tuple(self.weights))


class BernoulliTrial(Model):
    """1 with a probability, else 0."""

    p: Probability = Field(description="Probability of 1.")

    def draw(self) -> Draw:
        """As `assignment` knows it."""
        return Draw(Operator.BERNOULLI_TRIAL, p=self.p)


class BernoulliFilter(Model):
    """Those of several values that a coin of their own lets through."""

    choices: Choices = Field(description="What to choose from.")
    p: Probability = Field(description="Probability of each.")

    def draw(self) -> Draw:
        """As `assignment` knows it."""
        return Draw(Operator.BERNOULLI_FILTER, tuple(self.choices), p=self.p)


class RandomInteger(Model):
    """A whole number, both ends included."""

    min: StrictInt = Field(description="Least number.")
    max: StrictInt = Field(description="Largest number.")

    def draw(self) -> Draw:
        """As `assignment` knows it."""
        return Draw(Operator.RANDOM_INTEGER, low=self.min, high=self.max)


class RandomFloat(Model):
    """A number between two."""

    min: float = Field(default=0.0, description="Least number.")
    max: float = Field(default=1.0, description="Largest number.")

    def draw(self) -> Draw:
        """As `assignment` knows it."""
        return Draw(Operator.RANDOM_FLOAT, low=self.min, high=self.max)


class Sample(Model):
    """Several of the values in random order."""

    choices: Choices = Field(description="What to choose from.")
    draws: Annotated[StrictInt, Field(ge=0)] | None = Field(default=None, description="How many. Default: all.")

    def draw(self) -> Draw:
        """As `assignment` knows it."""
        return Draw(Operator.SAMPLE, tuple(self.choices), draws=self.draws)


class ParameterCase(Model):
    """One way to give a parameter its value.

    Entries of one name follow each other, and the first whose `when` holds decides.
    """

    name: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_-]*$", max_length=63)] = Field(description="Its name.")
    when: When = Field(default_factory=dict, description="For whom. Default: everybody.")
    unit: Unit | None = Field(default=None, description="What is drawn for. Default: the experiment's unit.")
    salt: str | None = Field(default=None, min_length=1, description="Default: the name. One salt, one lot.")
    value: Scalar | None = Field(default=None, description="The value itself, without a lot.")
    uniform_choice: UniformChoice | None = None
    weighted_choice: WeightedChoice | None = None
    bernoulli_trial: BernoulliTrial | None = None
    bernoulli_filter: BernoulliFilter | None = None
    random_integer: RandomInteger | None = None
    random_float: RandomFloat | None = None
    sample: Sample | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if len(self._ways()) != 1:
            raise PydanticCustomError("rule", "give each parameter exactly one of value, " + ", ".join(Operator))
        try:
            self.case()
        except ValueError as error:
            raise PydanticCustomError("rule", "{message}", {"message": f"this cannot be drawn: {error}"}) from None
        return self

    def case(self) -> Case:
        """As `assignment` knows it.

        Raises:
            ValueError: the draw's arguments mean nothing; never of an entry that was read.
        """
        way = self._ways()[0]
        return Case(
            way.draw() if isinstance(way, Model) else way,
            condition(self.when),
            tuple(self.unit or ()),
        )

    def _ways(self) -> "list[Scalar | _Drawn]":
        every: tuple[Scalar | _Drawn | None, ...] = (
            self.value,
            self.uniform_choice,
            self.weighted_choice,
            self.bernoulli_trial,
            self.bernoulli_filter,
            self.random_integer,
            self.random_float,
            self.sample,
        )
        return [each for each in every if each is not None]


_Drawn = UniformChoice | WeightedChoice | BernoulliTrial | BernoulliFilter | RandomInteger | RandomFloat | Sample
