"""Where numbers of pods are the weights: the candidate comes up before stable goes down, and nobody else has a say."""

from typing import Any

import pytest

from modelrollout.api import Verb
from modelrollout.api.status import Verdict
from modelrollout.decisions.decision import Reason, ScaleIntent
from modelrollout.decisions.invariants import InvariantBroken, check
from modelrollout.decisions.replica_shares import keeps_share
from tests.unit.decisions.world import World


def a_world(total: int = 10, weights: tuple[int, ...] = (10, 50), **spec: Any) -> World:
    """v7 serves with 10 replicas, the others are scaled to nothing."""
    ratio = {"service": "fraud", "total": total, "scaleDownDelay": "10m"}
    strategy = {"canary": {"weights": list(weights), "hold": "1m", "samples": 100}}
    world = World(**{"traffic": {"replicas": ratio}, "strategy": strategy, "watch": "5m", **spec})
    world.seen("v7", ready=10, replicas=10)
    for name in ("v8", "v9"):
        world.seen(name, ready=0, replicas=0)
    return world


def settle(world: World) -> None:
    """Let the pods of every version be as many as its workload asks for."""
    for name, seen in world.versions.items():
        world.seen(name, ready=seen.replicas)
    world.reconcile()


def replicas(world: World) -> dict[str, int | None]:
    return {name: seen.replicas for name, seen in world.versions.items() if seen.replicas}


def ordered(world: World) -> list[tuple[str, int, int]]:
    return [(one.version, one.found, one.replicas) for one in world.scalings]


def half_way() -> World:
    """In the last step, 5 to 5."""
    world = a_world().start()
    settle(world)
    world.passing()
    world.after(seconds=61)
    settle(world)
    assert replicas(world) == {"v7": 5, "v8": 5}
    return world


def test_the_candidate_is_up_before_it_gets_a_part_and_stable_goes_down_by_as_many() -> None:
    world = a_world().start()
    assert (ordered(world), world.weights) == ([("v8", 0, 1)], {"v7": 1000})
    assert world.status.message == "waiting for 1 ready replica of v8"
    settle(world)
    assert world.weights == {"v7": 900, "v8": 100}
    assert ordered(world)[1:] == [("v7", 10, 9)]


def test_each_step_waits_for_its_pods_and_then_takes_stables_away() -> None:
    world = a_world().start()
    settle(world)
    world.passing()
    world.after(seconds=61)
    assert (ordered(world)[-1], world.weights) == (("v8", 1, 5), {"v7": 900, "v8": 100})
    settle(world)
    assert (ordered(world)[-1], world.weights) == (("v7", 9, 5), {"v7": 500, "v8": 500})


def test_promotion_waits_for_all_pods_and_leaves_those_of_the_old_version_for_an_undo() -> None:
    world = half_way()
    world.after(seconds=61)
    assert (ordered(world)[-1], world.weights) == (("v8", 5, 10), {"v7": 500, "v8": 500})
    settle(world)
    assert (world.weights, world.status.phase) == ({"v8": 1000}, "Watching")
    assert replicas(world) == {"v7": 5, "v8": 10}
    world.after(minutes=5, seconds=1)
    assert world.status.phase == "Completed"
    assert replicas(world) == {"v7": 5, "v8": 10}
    world.after(minutes=5)
    assert replicas(world) == {"v8": 10}
    assert world.status.scales == []


def test_undo_goes_back_at_once_and_lets_the_old_version_grow_afterwards() -> None:
    world = half_way()
    world.after(seconds=61)
    settle(world)
    world.ask(Verb.UNDO)
    assert world.last_answer()[0]
    assert world.weights == {"v7": 1000}
    assert replicas(world) == {"v7": 10, "v8": 10}


def test_a_failed_candidate_loses_its_traffic_at_once_and_stable_gets_its_pods_back() -> None:
    world = half_way()
    world.verdicts["errors"] = Verdict.FAIL
    world.after(seconds=5)
    assert world.weights == {"v7": 1000}
    assert replicas(world) == {"v7": 10, "v8": 5}
    assert world.status.phase == "RolledBack"
    world.after(minutes=11)
    assert replicas(world) == {"v7": 10}
    assert world.status.scales == []


def test_an_order_for_stable_outlives_the_run_that_it_was_given_for() -> None:
    world = half_way()
    world.verdicts["errors"] = Verdict.FAIL
    decision = world.decide()
    world.carry_out(decision)
    world.seen("v7", replicas=5)  # the process died before that write
    world.reconcile()
    assert world.status.phase == "RolledBack"
    assert replicas(world)["v7"] == 10


def test_a_candidate_without_endpoints_makes_room_for_stable_and_comes_back_with_its_part() -> None:
    world = a_world().start()
    settle(world)
    world.ready("v8", 0)
    world.reconcile()
    assert (world.weights, replicas(world)) == ({"v7": 1000}, {"v7": 10, "v8": 1})
    settle(world)
    assert (world.weights, replicas(world)) == ({"v7": 900, "v8": 100}, {"v7": 9, "v8": 1})


def test_a_candidate_that_is_up_already_has_exactly_its_part_before_it_gets_traffic() -> None:
    world = a_world()
    world.seen("v8", ready=4, replicas=4)
    world.start()
    assert (ordered(world), world.weights) == ([("v8", 4, 1)], {"v7": 1000})
    settle(world)
    assert world.weights == {"v7": 900, "v8": 100}


def test_a_version_that_has_no_part_goes_down_before_the_first_weight() -> None:
    world = a_world()
    world.seen("v9", ready=3, replicas=3)
    world.start()
    assert ("v9", 3, 0) in ordered(world)
    settle(world)
    assert replicas(world) == {"v7": 9, "v8": 1}


def test_another_number_is_put_back_while_a_run_goes_on_and_left_alone_at_rest() -> None:
    world = half_way()
    world.seen("v8", replicas=7, ready=7)
    world.reconcile()
    assert ordered(world)[-1] == ("v8", 7, 5)
    assert Reason.REPLICAS_REPAIRED in world.reasons()
    world.ask(Verb.ABORT)
    settle(world)
    world.after(minutes=11)
    world.seen("v7", replicas=14, ready=14)
    world.reconcile()
    assert replicas(world) == {"v7": 14}


def test_a_new_revision_in_the_middle_begins_anew_with_stable_at_full_strength() -> None:
    world = half_way()
    world.seen("v8", revision="rev-v8b")
    world.reconcile()
    assert world.weights == {"v7": 1000}
    assert replicas(world) == {"v7": 10, "v8": 1}


@pytest.mark.parametrize(
    ("seen", "words"),
    [
        ({"autoscaler": "HorizontalPodAutoscaler fraud"}, "v8 is scaled by HorizontalPodAutoscaler fraud"),
        ({"replicas": None}, "keeps no number of replicas"),
    ],
)
def test_who_cannot_be_scaled_gets_no_traffic_and_a_sentence_why(seen: dict[str, Any], words: str) -> None:
    world = a_world()
    world.seen("v8", ready=1, **seen)
    world.start()
    assert words in world.status.message
    assert (world.weights, ordered(world)) == ({"v7": 1000}, [])
    assert world.condition("ReplicasManaged") == ("False", "Refused")


def test_without_the_right_to_scale_no_run_starts() -> None:
    world = a_world()
    world.may_scale = False
    world.start()
    assert "set rbac.scale in its chart's values" in world.status.message
    assert world.weights == {"v7": 1000}


def test_nobody_is_taken_away_from_a_stable_version_that_is_larger_than_the_run() -> None:
    world = a_world()
    world.seen("v7", ready=12, replicas=12)
    world.start()
    assert "v7 has 12 replicas, and during a run all versions together have 10" in world.status.message
    assert (world.weights, ordered(world)) == ({"v7": 1000}, [])


def test_an_autoscaler_that_comes_in_the_middle_stops_the_steps_and_not_the_way_back() -> None:
    world = half_way()
    world.seen("v8", autoscaler="HorizontalPodAutoscaler fraud")
    world.after(seconds=61)
    assert world.weights == {"v7": 500, "v8": 500}
    world.verdicts["errors"] = Verdict.FAIL
    world.after(seconds=5)
    assert world.weights == {"v7": 1000}


def test_no_decision_takes_replicas_away_that_carry_traffic() -> None:
    assert keeps_share(5, 500, 10)
    assert not keeps_share(4, 500, 10)
    world = half_way()
    decision = world.decide()
    wrong = type(decision)(
        decision.status, write_status=False, traffic=decision.traffic, scales=(ScaleIntent("v7", 5, 4),)
    )
    with pytest.raises(InvariantBroken, match="would lose replicas"):
        check(world.rollout, wrong, world.observed, 500, 10)
