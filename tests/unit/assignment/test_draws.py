"""Frequencies of the draws, and what they refuse."""

import math
from collections import Counter

import pytest
from scipy.stats import kstest

from modelrollout.assignment import (
    Draw,
    Salt,
    bernoulli_filter,
    bernoulli_trial,
    random_float,
    random_integer,
    sample,
    uniform_choice,
    weighted_choice,
)
from modelrollout.assignment.parameters import Operator

USERS = [(str(number),) for number in range(20_000)]
SALT = Salt("experiment.parameter")


def near(share: float, wanted: float, of: int = len(USERS)) -> bool:
    """Within four standard errors: the units are fixed, so this either holds for good or never."""
    return abs(share - wanted) <= 4 * math.sqrt(wanted * (1 - wanted) / of)


def test_a_uniform_choice_takes_each_alike() -> None:
    counts = Counter(uniform_choice(SALT, user, "abc") for user in USERS)
    assert all(near(counts[each] / len(USERS), 1 / 3) for each in "abc")


def test_a_weighted_choice_follows_its_weights() -> None:
    counts = Counter(weighted_choice(SALT, user, "abc", [1, 0, 3]) for user in USERS)
    assert near(counts["a"] / len(USERS), 0.25)
    assert counts["b"] == 0


def test_a_trial_succeeds_with_its_probability() -> None:
    assert near(sum(bernoulli_trial(SALT, user, 0.05) for user in USERS) / len(USERS), 0.05)
    assert {bernoulli_trial(SALT, user, 1.0) for user in USERS[:1000]} == {1}
    assert {bernoulli_trial(SALT, user, 0.0) for user in USERS[:1000]} == {0}


def test_a_filter_tosses_a_coin_for_each_choice() -> None:
    kept = Counter("".join(bernoulli_filter(SALT, user, 0.5, "ab")) for user in USERS)
    assert all(near(kept[each] / len(USERS), 0.25) for each in ("", "a", "b", "ab"))


def test_numbers_are_spread_evenly() -> None:
    assert kstest([random_float(SALT, user, 2.0, 5.0) for user in USERS], "uniform", (2, 3)).pvalue > 0.001
    counts = Counter(random_integer(SALT, user, -1, 2) for user in USERS)
    assert sorted(counts) == [-1, 0, 1, 2]
    assert all(near(count / len(USERS), 0.25) for count in counts.values())


def test_a_sample_takes_each_ordered_pair_alike() -> None:
    counts = Counter("".join(sample(SALT, user, "abc", 2)) for user in USERS)
    assert len(counts) == 6
    assert all(near(count / len(USERS), 1 / 6) for count in counts.values())


def test_a_sample_of_all_is_an_order() -> None:
    assert sorted(sample(SALT, ("1",), "edcba")) == list("abcde")
    assert sample(SALT, ("1",), "abc", 0) == []


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"operator": Operator.UNIFORM_CHOICE}, "nothing to choose from"),
        (
            {"operator": Operator.WEIGHTED_CHOICE, "choices": ("a",), "weights": (1.0, 2.0)},
            "one weight for each choice",
        ),
        ({"operator": Operator.WEIGHTED_CHOICE, "choices": ("a",), "weights": (0.0,)}, "one must be above zero"),
        ({"operator": Operator.BERNOULLI_TRIAL, "p": 1.5}, "from 0 to 1"),
        ({"operator": Operator.RANDOM_INTEGER, "low": 2, "high": 1}, "below min"),
        ({"operator": Operator.SAMPLE, "choices": ("a",), "draws": 2}, "2 draws cannot be made"),
    ],
)
def test_arguments_that_mean_nothing_are_refused_before_anybody_is_drawn(wrong: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Draw(**wrong)


def test_a_number_and_its_text_are_one_unit_and_parts_are_joined_by_dots() -> None:
    assert Salt("a.b").integer(("c", "d")) == Salt("a").integer(("b", "c.d"))
