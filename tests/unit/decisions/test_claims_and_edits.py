"""Adoption, ownership, edits in the middle of a run, and traffic that somebody else changes."""

from dataclasses import replace

from modelrollout.api.status import Phase, Verdict
from modelrollout.decisions.decision import Reason
from modelrollout.decisions.observed import Claim, Owner, Reversals
from tests.unit.decisions.world import World, errors_metric, rule


def test_a_missing_route_is_waited_for() -> None:
    world = World()
    world.route = replace(world.route, found=False, rules=())
    decision = world.reconcile()
    assert decision.traffic is None
    assert world.status.phase is Phase.PENDING
    assert world.condition("RouteClaimed") == ("False", "RouteMissing")


def test_a_route_that_is_not_accepted_is_not_adopted() -> None:
    world = World()
    world.route = replace(world.route, accepted=None)
    world.reconcile()
    assert world.status.stable == ""
    assert world.condition("RouteClaimed") == ("False", "RouteNotAccepted")


def test_several_serving_versions_need_initial_stable() -> None:
    world = World()
    world.route = replace(world.route, rules=(rule({"v7": 600, "v8": 400}),))
    assert world.reconcile().traffic is None
    assert world.status.phase is Phase.INVALID
    assert world.condition("RouteClaimed") == ("False", "AmbiguousStable")
    world.edit(initialStable="v7")
    world.reconcile()
    assert world.status.stable == "v7"
    assert world.weights == {"v7": 1000}


def test_an_unknown_backend_in_a_managed_rule_is_refused() -> None:
    world = World()
    world.route = replace(world.route, rules=(rule({"v7": 1000}, unknown=("billing",)),))
    assert world.reconcile().traffic is None
    assert world.condition("RouteClaimed") == ("False", "UnknownBackend")


def test_without_any_weight_the_target_is_adopted_once_it_is_ready() -> None:
    world = World()
    world.route = replace(world.route, rules=(rule({}),))
    world.ready("v7", 0)
    world.reconcile()
    assert world.condition("RouteClaimed") == ("False", "TargetNotReady")
    world.ready("v7", 1)
    world.reconcile()
    assert world.weights == {"v7": 1000}
    assert "target" in world.events[0].message


def test_the_owner_annotation_wins_over_guessing_when_status_is_lost() -> None:
    world = World(target="v8")
    world.route = replace(
        world.route, rules=(rule({"v7": 500, "v8": 500}),), owner=Owner(uid="gone", name="fraud", stable="v7", intent=4)
    )
    world.reconcile()
    assert world.status.stable == "v7"
    assert world.weights == {"v7": 950, "v8": 50}


def test_the_second_claimant_writes_nothing() -> None:
    world = World()
    world.claim = Claim(held=False, holder="risk/older")
    decision = world.reconcile()
    assert decision.traffic is None
    assert world.route_writes == 0
    assert world.status.phase is Phase.INVALID
    assert "risk/older" in world.status.message
    world.claim = Claim()
    world.reconcile()
    assert world.status.stable == "v7"


def test_a_version_without_a_weight_is_repaired_at_once() -> None:
    world = World()
    world.reconcile()
    world.route = replace(world.route, rules=(rule({"v7": 1000}, absent=("v8",)),))
    decision = world.decide()
    assert decision.traffic is not None
    assert decision.traffic.weights == {"v7": 1000, "v8": 0, "v9": 0}


def test_weights_changed_by_hand_are_set_back_loudly() -> None:
    world = World().start()
    world.route = replace(world.route, rules=(rule({"v7": 500, "v8": 500}),), writer="kubectl-edit")
    decision = world.decide()
    assert decision.traffic is not None
    assert decision.repair_not_before is None
    assert [event.reason for event in decision.events] == [Reason.TRAFFIC_REPAIRED]
    assert "kubectl-edit" in decision.events[0].message


def test_weights_are_repaired_while_idle_too() -> None:
    world = World()
    world.reconcile()
    world.route = replace(world.route, rules=(rule({"v7": 500, "v8": 500}),), writer="somebody")
    world.reconcile()
    assert world.weights == {"v7": 1000}


def test_a_contested_route_is_named_backs_off_and_no_step_advances() -> None:
    world = World().start()
    world.passing()
    world.route = replace(world.route, rules=(rule({"v7": 1000}),), writer="argocd-controller")
    world.reversals = Reversals("argocd-controller", 3)
    world.frozen_route = True
    decision = world.after(seconds=61)
    assert decision.repair_not_before is not None
    assert decision.repair_not_before > world.now
    assert world.condition("TrafficMatches") == ("False", "Contested")
    assert world.status.run.step == 0


def test_a_contested_route_does_not_stop_a_rollback() -> None:
    world = World().start()
    world.reversals = Reversals("argocd-controller", 3)
    world.verdicts["errors"] = Verdict.FAIL
    world.after(seconds=5)
    assert world.weights == {"v7": 1000}


def test_a_foreign_backend_in_the_middle_stops_progress_but_not_a_rollback() -> None:
    world = World().start()
    world.passing()
    world.route = replace(world.route, rules=(rule({"v7": 950, "v8": 50}, unknown=("billing",)),))
    world.after(minutes=10)
    assert world.status.run.step == 0
    world.verdicts["errors"] = Verdict.FAIL
    world.after(seconds=5)
    assert world.status.run.reason == "GuardrailFailed"


def test_a_changed_strategy_counts_from_the_next_run_on() -> None:
    world = World().start()
    world.edit(strategy={"canary": {"weights": [40], "hold": "1m"}}, metrics=[errors_metric(role="Monitor")])
    world.passing()
    world.after(seconds=61)
    assert world.weights["v8"] == 250


def test_policies_count_at_once() -> None:
    world = World().start()
    world.edit(rollback="Hold")
    world.verdicts["errors"] = Verdict.FAIL
    world.after(seconds=5)
    assert world.weights["v8"] == 50


def test_moving_the_ground_of_a_run_is_refused_and_the_run_goes_on() -> None:
    world = World().start()
    moved = [dict(version) for version in world.document["versions"]]
    moved[1]["service"] = {"name": "elsewhere", "port": 80}
    world.edit(versions=moved)
    world.reconcile()
    assert world.condition("SpecValid") == ("False", "Refused")
    assert world.reasons().count(Reason.SPEC_REFUSED) == 1
    world.passing()
    world.after(seconds=61)
    assert world.weights["v8"] == 250


def test_removing_the_stable_version_is_refused_in_a_run() -> None:
    world = World().start()
    world.edit(versions=[one for one in world.document["versions"] if one["name"] != "v7"])
    world.reconcile()
    assert world.condition("SpecValid") == ("False", "Refused")
    assert world.weights == {"v7": 950, "v8": 50}


def test_removing_the_stable_version_while_idle_touches_nothing() -> None:
    world = World()
    world.reconcile()
    world.edit(versions=[one for one in world.document["versions"] if one["name"] != "v7"], target="v8")
    decision = world.reconcile()
    assert decision.traffic is None
    assert world.condition("SpecValid")[0] == "False"
    assert "v7" in world.status.message or "v7" in world.status.condition("SpecValid").message


def test_an_unreadable_spec_in_a_run_leaves_the_run_and_its_guardrails_going() -> None:
    world = World().start()
    world.spec_error = "spec.strategy: nonsense"
    world.verdicts["errors"] = Verdict.FAIL
    world.after(seconds=5)
    assert world.weights == {"v7": 1000}
    assert world.condition("SpecValid")[0] == "False"


def test_an_unreadable_spec_without_a_run_changes_nothing() -> None:
    world = World()
    world.spec_error = "spec.strategy: nonsense"
    decision = world.reconcile()
    assert decision.traffic is None
    assert world.status.phase is Phase.INVALID


def test_a_workload_changed_while_idle_is_called_unproven_until_something_is_promoted() -> None:
    world = World()
    world.reconcile()
    world.seen("v7", revision="rev-v7-hotfix")
    world.reconcile()
    assert world.condition("UnprovenChange")[0] == "True"
    assert world.reasons().count(Reason.UNPROVEN_CHANGE) == 1
    world.edit(target="v8")
    world.reconcile()
    world.passing()
    for _ in range(3):
        world.after(seconds=61)
    world.after(minutes=15)
    assert world.condition("UnprovenChange")[0] == "False"


def test_a_target_whose_workload_is_missing_waits() -> None:
    world = World()
    world.reconcile()
    world.seen("v8", revision="", workload_found=False, ready=0)
    world.edit(target="v8")
    world.reconcile()
    assert world.status.phase is Phase.PENDING
    assert world.weights == {"v7": 1000}
    world.seen("v8", revision="rev-v8", workload_found=True, ready=1)
    world.reconcile()
    assert world.weights == {"v7": 950, "v8": 50}
