"""Parameters of an experiment: values that are fixed or drawn, each by the first case whose condition holds."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial

from modelrollout.assignment import draws
from modelrollout.assignment.conditions import EVERYBODY, Attributes, Condition, Value, text_of
from modelrollout.assignment.hashing import Salt
from modelrollout.assignment.outcome import Given


class Operator(StrEnum):
    """How a value is drawn; the names are PlanOut's."""

    UNIFORM_CHOICE = "uniformChoice"
    WEIGHTED_CHOICE = "weightedChoice"
    BERNOULLI_TRIAL = "bernoulliTrial"
    BERNOULLI_FILTER = "bernoulliFilter"
    RANDOM_INTEGER = "randomInteger"
    RANDOM_FLOAT = "randomFloat"
    SAMPLE = "sample"


@dataclass(frozen=True, slots=True)
class Draw:
    """A draw that waits for its salt and its unit.

    Attributes:
        operator: how to draw.
        choices: what to choose from; empty for trials and numbers.
        weights: one for each choice of a `weightedChoice`.
        p: probability of a trial or a filter.
        low: least number.
        high: largest number.
        draws: how many of the choices a `sample` takes; None: all.
    """

    operator: Operator
    choices: tuple[Value, ...] = ()
    weights: tuple[float, ...] = ()
    p: float = 0.0
    low: float = 0.0
    high: float = 1.0
    draws: int | None = None

    def __post_init__(self) -> None:
        self.of(Salt(""), ())  # arguments that mean nothing are an error here, not when the first user comes

    def of(self, salt: Salt, unit: Sequence[str]) -> Given:
        """The value for a unit.

        Raises:
            ValueError: the arguments mean nothing.
        """
        ways: Mapping[Operator, Callable[..., Given]] = {
            Operator.UNIFORM_CHOICE: partial(draws.uniform_choice, choices=self.choices),
            Operator.WEIGHTED_CHOICE: partial(draws.weighted_choice, choices=self.choices, weights=self.weights),
            Operator.BERNOULLI_TRIAL: partial(draws.bernoulli_trial, p=self.p),
            Operator.BERNOULLI_FILTER: partial(draws.bernoulli_filter, p=self.p, choices=self.choices),
            Operator.RANDOM_INTEGER: partial(draws.random_integer, low=int(self.low), high=int(self.high)),
            Operator.RANDOM_FLOAT: partial(draws.random_float, low=self.low, high=self.high),
            Operator.SAMPLE: partial(draws.sample, choices=self.choices, draws=self.draws),
        }
        return ways[self.operator](salt, unit)


@dataclass(frozen=True, slots=True)
class Case:
    """One way in which a parameter can get its value.

    Attributes:
        what: a draw, or the value itself.
        when: for whom.
        unit: attributes that identify what is drawn for; empty: those of the experiment.
    """

    what: Draw | Value
    when: Condition = EVERYBODY
    unit: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Parameter:
    """A value that an experiment gives.

    Attributes:
        name: its name, by which conditions of later parameters may ask for it.
        cases: the first whose condition holds decides; where none does, the parameter is not given.
        salt: what follows the experiment's salt. Two parameters with one salt are drawn alike.
    """

    name: str
    cases: tuple[Case, ...]
    salt: str

    def given(self, salt: str, unit: Sequence[str], attributes: Attributes) -> Given | None:
        """The value for a unit; None where no case is about it.

        Args:
            salt: that of the experiment.
            unit: attributes that identify the experiment's unit.
            attributes: attributes of the unit, and what was given before.

        Raises:
            KeyError: an attribute that identifies the unit is missing; its name is the argument.
        """
        for case in self.cases:
            if case.when.holds(attributes):
                if not isinstance(case.what, Draw):
                    return case.what
                return case.what.of(Salt(f"{salt}.{self.salt}"), unit_texts(case.unit or unit, attributes))
        return None


def unit_texts(names: Sequence[str], attributes: Attributes) -> tuple[str, ...]:
    """The texts that identify a unit.

    Raises:
        KeyError: an attribute is missing, is empty, or has several values; its name is the argument.
    """
    texts = []
    for name in names:
        value = attributes.get(name, "")
        if not isinstance(value, str | int | float) or value == "":
            raise KeyError(name)
        texts.append(text_of(value))
    return tuple(texts)
