"""Weights on their way: nothing comes or goes with many requests on it."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from modelrollout.manifests.nursing import next_weights, on_the_way


def way(now: list[int], wanted: list[int]) -> list[list[int]]:
    found = [now]
    while found[-1] != wanted:
        found.append(next_weights(found[-1], wanted))
        assert len(found) <= 5, found
    return found


def test_what_comes_gets_a_thousandth_first_from_its_neighbour() -> None:
    assert way([1000, 0, 0], [500, 300, 200]) == [[1000, 0, 0], [998, 1, 1], [500, 300, 200]]
    assert way([500, 300, 200], [400, 350, 250]) == [[500, 300, 200], [400, 350, 250]]


def test_what_goes_keeps_a_thousandth_for_a_moment() -> None:
    assert way([500, 300, 200], [700, 300, 0]) == [[500, 300, 200], [699, 300, 1], [700, 300, 0]]


def test_who_takes_the_place_of_another_moves_no_border_between_others() -> None:
    assert way([100, 400, 100, 200, 0, 200], [100, 400, 100, 0, 200, 200]) == [
        [100, 400, 100, 200, 0, 200],
        [100, 400, 100, 199, 1, 200],
        [100, 400, 100, 1, 199, 200],
        [100, 400, 100, 0, 200, 200],
    ]


def test_a_step_is_known_by_its_thousandth() -> None:
    assert on_the_way([998, 1, 1], [500, 300, 200])
    assert not on_the_way([1000, 0, 0], [500, 300, 200])
    assert not on_the_way([999, 1], [999, 1])


@st.composite
def splits(draw: st.DrawFn) -> tuple[list[int], list[int]]:
    many = draw(st.integers(2, 9))

    def one() -> list[int]:
        cuts = sorted(
            draw(st.lists(st.sampled_from([0, 1, 2, 250, 500, 999, 1000]), min_size=many - 1, max_size=many - 1))
        )
        return [end - begin for begin, end in zip([0, *cuts], [*cuts, 1000], strict=True)]

    return one(), one()


@given(splits())
def test_every_way_arrives_and_nobody_on_it_has_less_than_nothing(drawn: tuple[list[int], list[int]]) -> None:
    now, wanted = drawn
    for one in way(now, wanted):
        assert sum(one) == 1000
        assert min(one) >= 0


@given(splits())
def test_whoever_has_much_to_gain_or_lose_is_nursed(drawn: tuple[list[int], list[int]]) -> None:
    """Only what a few thousandths move may come or go at once: there is nobody to take a thousandth from."""
    found = way(*drawn)
    for before, after in pairwise(found):
        for old, new in zip(before, after, strict=True):
            if 0 in (old, new):
                assert abs(old - new) <= max(2, len(before))
