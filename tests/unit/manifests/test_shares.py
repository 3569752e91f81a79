"""Weights of any sum come out as thousandths."""

import itertools
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelrollout.manifests.shares import thousandths

weights = st.dictionaries(st.sampled_from("abcdefgh"), st.integers(0, 1_000_000), min_size=1)


@given(weights)
def test_shares_sum_to_exactly_1000_or_nobody_has_any(given_weights: dict[str, int]) -> None:
    shares = thousandths(given_weights)
    assert sum(shares.values()) == (1000 if any(given_weights.values()) else 0)


@given(weights)
def test_who_has_weight_never_looks_like_one_without(given_weights: dict[str, int]) -> None:
    for name, share in thousandths(given_weights).items():
        assert (share > 0) == (given_weights[name] > 0)


@given(weights)
def test_a_share_is_off_by_less_than_the_thousandths_that_were_given_away(given_weights: dict[str, int]) -> None:
    total = sum(given_weights.values())
    for name, share in thousandths(given_weights).items():
        assert abs(share - Fraction(1000 * given_weights[name], total)) <= len(given_weights)


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=3), st.integers(1, 50))
def test_thousandths_stay_what_they_are_whatever_they_are_multiplied_with(cuts: list[int], factor: int) -> None:
    edges = [0, *sorted(cuts), 1000]
    shares = {str(index): high - low for index, (low, high) in enumerate(itertools.pairwise(edges))}
    assert thousandths({name: share * factor for name, share in shares.items()}) == shares


@pytest.mark.parametrize(
    ("given_weights", "shares"),
    [
        ({"v7": 1}, {"v7": 1000}),
        ({"v7": 90, "v8": 10}, {"v7": 900, "v8": 100}),
        ({"v7": 1, "v8": 1, "v9": 1}, {"v7": 334, "v8": 333, "v9": 333}),
        ({"v7": 1_000_000, "v8": 1}, {"v7": 999, "v8": 1}),
        ({"v7": 0, "v8": 0}, {}),
        ({}, {}),
    ],
)
def test_examples(given_weights: dict[str, int], shares: dict[str, int]) -> None:
    assert thousandths(given_weights) == shares
