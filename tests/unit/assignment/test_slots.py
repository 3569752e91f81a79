"""A change of a split moves only whom it must."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelrollout.assignment import SLOTS, Split, slot_of


@st.composite
def shares(draw: st.DrawFn) -> dict[str, int]:
    """Slots of up to five names; together at most all."""
    names = draw(st.lists(st.sampled_from("abcde"), unique=True, max_size=5))
    cuts = sorted(draw(st.lists(st.integers(0, SLOTS), min_size=len(names), max_size=len(names))))
    return {name: high - low for name, low, high in zip(names, [0, *cuts], cuts, strict=False)}


def count(owners: tuple[str | None, ...], name: str | None) -> int:
    return sum(owner == name for owner in owners)


@settings(max_examples=60)
@given(st.lists(shares(), min_size=2, max_size=4))
def test_every_name_has_its_slots_and_as_few_change_hands_as_can(history: list[dict[str, int]]) -> None:
    old, new = Split(history[-2], history[:-2]).owners(), Split(history[-1], history[:-1]).owners()
    assert {name: count(new, name) for name in history[-1]} == history[-1]
    moved = sum(before != after for before, after in zip(old, new, strict=True))
    names = {*history[-2], *history[-1], None}
    assert moved == sum(max(0, count(old, name) - count(new, name)) for name in names)


@settings(max_examples=30)
@given(shares())
def test_a_change_that_changes_nothing_moves_nobody(present: dict[str, int]) -> None:
    assert Split(present, (present,)).owners() == Split(present).owners()


def test_the_order_in_which_shares_are_written_does_not_matter() -> None:
    assert Split({"b": 4000, "a": 6000}).owners() == Split({"a": 6000, "b": 4000}).owners()


def test_users_keep_their_arm_unless_their_share_shrinks() -> None:
    before, after = {"a": 4000, "b": 3000, "c": 3000}, {"a": 5000, "b": 2000, "c": 3000}
    old, new = Split(before), Split(after, (before,))
    moves = {(old.owner(slot), new.owner(slot)) for slot in (slot_of("x", (str(user),)) for user in range(5000))}
    assert moves == {("a", "a"), ("b", "b"), ("b", "a"), ("c", "c")}


@pytest.mark.parametrize("wrong", [{"a": -1}, {"a": SLOTS, "b": 1}])
def test_shares_that_cannot_be_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="more than 10000 slots together"):
        Split({"a": 1}, (wrong,))
