"""Who writes over our weights is counted, once per write of ours."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from modelrollout.decisions.decision import TrafficIntent
from modelrollout.decisions.observed import Mirror, Owner, Reversals, RouteSeen, RuleSeen, Sticky
from modelrollout.routers.reversals import ReversalLog

START = datetime(2026, 11, 1, tzinfo=UTC)


def seen(writer: str, **weights: int) -> RouteSeen:
    return RouteSeen(found=True, rules=(RuleSeen("predict", weights=weights),), writer=writer)


def wanted(weights: dict[str, int], **more: Any) -> TrafficIntent:
    return TrafficIntent(weights, Owner("uid-a", "a", "v7"), **more)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def test_a_route_that_keeps_what_we_wrote_counts_nothing() -> None:
    log = ReversalLog()
    log.wrote("a", wanted({"v7": 950, "v8": 50}))
    assert log.saw("a", seen("modelrollout", v7=950, v8=50), at(1)) == Reversals()
    assert log.saw("a", seen("argocd", v7=950, v8=50), at(2)) == Reversals()


def test_weights_that_were_never_ours_count_nothing() -> None:
    assert ReversalLog().saw("a", seen("kubectl-edit", v7=500, v8=500), at(0)) == Reversals()


def test_each_write_of_ours_is_reversed_at_most_once() -> None:
    log = ReversalLog()
    log.wrote("a", wanted({"v7": 950, "v8": 50, "v9": 0}))
    assert log.saw("a", seen("argocd", v7=1000, v8=0), at(1)) == Reversals("argocd", 1)
    assert log.saw("a", seen("argocd", v7=999, v8=1), at(2)) == Reversals("argocd", 1)
    log.wrote("a", wanted({"v7": 950, "v8": 50}))
    log.saw("a", seen("modelrollout", v7=950, v8=50), at(3))
    assert log.saw("a", seen("argocd", v7=1000, v8=0), at(4)) == Reversals("argocd", 2)


def test_the_manager_who_did_it_most_often_is_named_and_on_a_tie_the_last() -> None:
    log = ReversalLog()
    found = Reversals()
    for second, manager in enumerate(("argocd", "kubectl-edit", "kubectl-edit", "argocd")):
        log.wrote("a", wanted({"v7": 950, "v8": 50}))
        found = log.saw("a", seen(manager, v7=1000, v8=0), at(second))
        assert (
            found
            == [
                Reversals("argocd", 1),
                Reversals("kubectl-edit", 1),
                Reversals("kubectl-edit", 2),
                Reversals("argocd", 2),
            ][second]
        )


def test_reversals_are_forgotten_after_ten_minutes() -> None:
    log = ReversalLog()
    log.wrote("a", wanted({"v7": 950, "v8": 50}))
    changed = seen("argocd", v7=1000, v8=0)
    log.saw("a", changed, at(0))
    assert log.saw("a", changed, at(599)).times == 1
    assert log.saw("a", changed, at(600)) == Reversals()


def test_rollouts_do_not_mix_and_can_be_forgotten() -> None:
    log = ReversalLog()
    log.wrote("a", wanted({"v7": 950, "v8": 50}))
    assert log.saw("b", seen("argocd", v7=1000, v8=0), at(0)) == Reversals()
    log.saw("a", seen("argocd", v7=1000, v8=0), at(0))
    log.forget("a")
    assert log.saw("a", seen("argocd", v7=1000, v8=0), at(1)) == Reversals()


@pytest.mark.parametrize("left", [None, False])
def test_what_keeps_users_is_missed_too(left: bool | None) -> None:
    log = ReversalLog()
    log.wrote("a", wanted({"v7": 500, "v8": 500}, sticky=Sticky("x-user", "v7")))
    weights = {"v7": 500, "v8": 500}
    whole = RouteSeen(found=True, rules=(RuleSeen("predict", weights, sticky=True),), writer="argocd")
    assert log.saw("a", whole, at(1)) == Reversals()
    damaged = replace(whole, rules=(RuleSeen("predict", weights, sticky=left),))
    assert log.saw("a", damaged, at(2)) == Reversals("argocd", 1)


def test_copies_that_somebody_takes_away_are_a_reversal_too() -> None:
    log = ReversalLog()
    log.wrote("a", wanted({"v7": 1000, "v8": 0}, mirror=Mirror("v8", 200)))
    kept = RouteSeen(found=True, rules=(RuleSeen("predict", weights={"v7": 1000}, mirrors=(Mirror("v8", 200),)),))
    assert log.saw("a", kept, at(1)) == Reversals()
    assert log.saw("a", seen("argocd", v7=1000, v8=0), at(2)) == Reversals("argocd", 1)


def test_outside_of_an_audience_what_is_stables_is_no_reversal() -> None:
    log = ReversalLog()
    log.wrote("a", wanted({"v7": 0, "v8": 1000}, audience=("beta",)))
    beta, others = RuleSeen("beta", weights={"v8": 1000}), RuleSeen("everyone", weights={"v7": 1000})
    assert log.saw("a", RouteSeen(found=True, rules=(beta, others)), at(1)) == Reversals()
    meddled = replace(others, weights={"v8": 1000})
    assert log.saw("a", RouteSeen(found=True, rules=(beta, meddled), writer="argocd"), at(2)) == Reversals("argocd", 1)


def test_it_says_when_weights_were_changed_last_and_when_the_first_change_is_forgotten() -> None:
    log = ReversalLog()
    for seconds in (0, 60):
        log.wrote("a", wanted({"v7": 950, "v8": 50}))
        found = log.saw("a", seen("argocd", v7=1000, v8=0), at(seconds))
    assert (found.last, found.until) == (at(60), at(600))
