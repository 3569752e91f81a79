"""Two rollouts and one route, as the reconciler keeps their claims."""

from datetime import timedelta

from modelrollout.api import ModelRollout
from modelrollout.decisions.claims import Claimed
from modelrollout.reconciler.claims import Claims
from tests.unit.decisions.world import START, a_spec

OLD, YOUNG, FAR = ("risk", "old"), ("risk", "young"), ("risk", "far")


def rollout(name: str, age: float) -> ModelRollout:
    created = (START - timedelta(hours=age)).isoformat()
    metadata = {"name": name, "namespace": "risk", "uid": f"uid-{name}", "creationTimestamp": created}
    return ModelRollout.model_validate({"metadata": metadata, "spec": a_spec()})


def rule(name: str, route: str = "fraud") -> frozenset[Claimed]:
    return frozenset({Claimed("HTTPRoute", "risk", route, name)})


def test_the_older_one_holds_the_rule_whoever_came_in_first() -> None:
    claims = Claims()
    assert claims.set(YOUNG, rollout("young", 1), rule("a")) == frozenset()
    assert claims.of(YOUNG).held
    assert claims.set(OLD, rollout("old", 5), rule("a")) == {YOUNG}
    assert claims.of(OLD).held
    assert (claims.of(YOUNG).held, claims.of(YOUNG).holder) == (False, "risk/old")


def test_disjoint_rules_and_other_routes_are_independent() -> None:
    claims = Claims()
    claims.set(OLD, rollout("old", 5), rule("a"))
    assert claims.set(YOUNG, rollout("young", 1), rule("b")) == {OLD}
    assert claims.set(FAR, rollout("far", 1), rule("a", "other")) == frozenset()
    assert all(claims.of(key).held for key in (OLD, YOUNG, FAR))


def test_when_the_holder_goes_the_other_is_named_to_be_looked_at_and_holds() -> None:
    claims = Claims()
    claims.set(OLD, rollout("old", 5), rule("a"))
    claims.set(YOUNG, rollout("young", 1), rule("a"))
    assert claims.drop(OLD) == {YOUNG}
    assert claims.of(YOUNG).held


def test_a_claim_that_is_said_again_disturbs_nobody() -> None:
    claims = Claims()
    claims.set(OLD, rollout("old", 5), rule("a"))
    claims.set(YOUNG, rollout("young", 1), rule("a"))
    assert claims.set(YOUNG, rollout("young", 1), rule("a")) == frozenset()


def test_an_edit_that_moves_a_claim_concerns_both_routes() -> None:
    claims = Claims()
    claims.set(OLD, rollout("old", 5), rule("a"))
    claims.set(FAR, rollout("far", 3), rule("a", "other"))
    claims.set(YOUNG, rollout("young", 1), rule("a"))
    assert claims.set(YOUNG, rollout("young", 1), rule("a", "other")) == {OLD, FAR}
