"""Draws: what a salt and a unit give, the same each time. Bit for bit those of PlanOut's reference library.

Each takes the salt first and the unit, in parts, second. All of them raise ValueError for arguments that mean nothing.
"""

from collections.abc import Sequence
from itertools import accumulate
from typing import TypeVar

from modelrollout.assignment.hashing import Salt

_T = TypeVar("_T")


def random_float(salt: Salt, unit: Sequence[str], low: float = 0.0, high: float = 1.0) -> float:
    """A number from `low` to `high`."""
    return low + (high - low) * salt.fraction(unit)


def random_integer(salt: Salt, unit: Sequence[str], low: int, high: int) -> int:
    """A whole number from `low` to `high`, both included."""
    if high < low:
        raise ValueError(f"max {high} is below min {low}")
    return low + salt.integer(unit) % (high - low + 1)


def bernoulli_trial(salt: Salt, unit: Sequence[str], p: float) -> int:
    """1 with probability `p`, else 0."""
    _check_probability(p)
    # "At most p" is PlanOut's; at p = 0 it lets one unit in 2^60 through.
    return 1 if salt.fraction(unit) <= p else 0


def bernoulli_filter(salt: Salt, unit: Sequence[str], p: float, choices: Sequence[_T]) -> list[_T]:
    """Each of `choices` with probability `p`, independently; the choice's text is a further part of the unit."""
    _check_probability(p)
    return [each for each in choices if salt.fraction((*unit, str(each))) <= p]


def uniform_choice(salt: Salt, unit: Sequence[str], choices: Sequence[_T]) -> _T:
    """One of `choices`, all alike."""
    if not choices:
        raise ValueError("there is nothing to choose from")
    return choices[salt.integer(unit) % len(choices)]


def weighted_choice(salt: Salt, unit: Sequence[str], choices: Sequence[_T], weights: Sequence[float]) -> _T:
    """One of `choices` with probability proportional to its weight.

    For a split that will change, take `Split`: here a change of one weight moves the bounds of all that follow.
    """
    if not choices or len(weights) != len(choices):
        raise ValueError("there must be one weight for each choice, and at least one choice")
    if min(weights) < 0 or sum(weights) <= 0:
        raise ValueError("weights must not be negative, and one must be above zero")
    bounds = list(accumulate(map(float, weights)))
    point = random_float(salt, unit, 0.0, bounds[-1])
    return next(choice for choice, bound in zip(choices, bounds, strict=True) if point <= bound)


def sample(salt: Salt, unit: Sequence[str], choices: Sequence[_T], draws: int | None = None) -> list[_T]:
    """`draws` of `choices` without putting back, in random order; all of them by default.

    A Fisher-Yates shuffle from the end; the position is a further part of the unit. The first `draws` are taken.
    """
    count = len(choices) if draws is None else draws
    if not 0 <= count <= len(choices):
        raise ValueError(f"{count} draws cannot be made from {len(choices)} choices")
    drawn = list(choices)
    for last in range(len(drawn) - 1, 0, -1):
        other = salt.integer((*unit, str(last))) % (last + 1)
        drawn[last], drawn[other] = drawn[other], drawn[last]
    return drawn[:count]


def _check_probability(p: float) -> None:
    if not 0 <= p <= 1:
        raise ValueError(f"p must be from 0 to 1, not {p}")
