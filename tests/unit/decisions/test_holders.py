"""Every rule of a route has one holder: the oldest who wants it."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from modelrollout.decisions.claims import Claimed, holders
from modelrollout.decisions.observed import Claim

PREDICT, SCORE, EXPLAIN = (Claimed("HTTPRoute", "risk", "fraud", rule) for rule in ("predict", "score", "explain"))


def at(hour: int) -> datetime:
    return datetime(2026, 11, 1, hour, tzinfo=UTC)


def test_the_oldest_holds_and_the_younger_is_told_who_does() -> None:
    claims = holders([("b", "risk/new", at(2), frozenset({PREDICT})), ("a", "risk/old", at(1), frozenset({PREDICT}))])
    assert claims == {"a": Claim(), "b": Claim(held=False, holder="risk/old")}


def test_disjoint_rules_of_one_route_are_independent() -> None:
    claims = holders([("a", "risk/br", at(1), frozenset({PREDICT})), ("b", "risk/us", at(2), frozenset({SCORE}))])
    assert all(claim.held for claim in claims.values())


def test_the_same_age_is_decided_by_uid_and_an_unknown_age_is_the_youngest() -> None:
    claims = holders(
        [
            ("c", "risk/c", None, frozenset({PREDICT})),
            ("b", "risk/b", at(1), frozenset({PREDICT})),
            ("a", "risk/a", at(1), frozenset({PREDICT})),
        ]
    )
    assert [uid for uid, claim in claims.items() if claim.held] == ["a"]


def test_who_lacks_one_rule_keeps_its_place_for_the_others() -> None:
    claims = holders(
        [
            ("a", "risk/a", at(1), frozenset({PREDICT})),
            ("b", "risk/b", at(2), frozenset({PREDICT, SCORE})),
            ("c", "risk/c", at(3), frozenset({SCORE, EXPLAIN})),
        ]
    )
    assert claims["b"] == Claim(held=False, holder="risk/a")
    assert claims["c"] == Claim(held=False, holder="risk/b")


def test_who_wants_nothing_holds_all_it_wants() -> None:
    assert holders([("a", "risk/a", at(1), frozenset())]) == {"a": Claim()}


@given(
    st.lists(st.tuples(st.integers(0, 3), st.frozensets(st.sampled_from([PREDICT, SCORE, EXPLAIN]))), max_size=6),
    st.randoms(),
)
def test_no_two_holders_share_a_rule_whatever_the_order(wanted: list, chance: object) -> None:
    claimants = [(f"uid-{index}", f"risk/{index}", at(hour), rules) for index, (hour, rules) in enumerate(wanted)]
    claims = holders(claimants)
    held = [rule for uid, _, _, rules in claimants if claims[uid].held for rule in rules]
    assert len(held) == len(set(held))
    chance.shuffle(claimants)
    assert holders(claimants) == claims
