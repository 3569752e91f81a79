"""With scale.mode Managed capacity comes before traffic, and whoever has no traffic goes down after a delay."""

from dataclasses import replace
from typing import Any

import pytest

from modelrollout.api import Verb
from modelrollout.api.status import Verdict
from modelrollout.decisions.capacity import needed
from modelrollout.decisions.decision import Reason, ScaleIntent
from modelrollout.decisions.invariants import InvariantBroken, check
from tests.unit.decisions.world import World


def a_world(delay: str = "10m", **spec: Any) -> World:
    """v7 serves with 4 replicas, the others are scaled to nothing."""
    world = World(scale={"mode": "Managed", "scaleDownDelay": delay}, watch="5m", **spec)
    world.seen("v7", ready=4, replicas=4)
    for name in ("v8", "v9"):
        world.seen(name, ready=0, replicas=0)
    return world


def come_up(world: World, name: str = "v8") -> None:
    """Let the pods of a version become ready, as many as it is to have."""
    world.seen(name, ready=world.versions[name].replicas, problem="")
    world.reconcile()


def pass_steps(world: World, weights: int = 3) -> None:
    """Pass so many steps; the pods for each come up at once."""
    world.passing()
    for _ in range(weights):
        world.after(seconds=61)
        come_up(world)


def ordered(world: World) -> list[tuple[str, int, int]]:
    return [(one.version, one.found, one.replicas) for one in world.scalings]


@pytest.mark.parametrize(
    ("size", "weight", "replicas"),
    [
        (4, 50, 1),
        (4, 250, 1),
        (4, 251, 2),
        (4, 500, 2),
        (4, 1000, 4),
        (10, 5, 1),
        (3, 500, 2),
        (0, 500, 1),
        (1, 1000, 1),
    ],
)
def test_a_weight_needs_its_share_of_stables_replicas_and_at_least_one(size: int, weight: int, replicas: int) -> None:
    assert needed(size, weight) == replicas


def test_a_candidate_comes_up_from_nothing_and_gets_its_weight_when_it_is_ready() -> None:
    world = a_world().start()
    assert ordered(world) == [("v8", 0, 1)]
    assert world.weights == {"v7": 1000}
    assert world.status.message == "waiting for 1 ready replica of v8"
    come_up(world)
    assert world.weights == {"v7": 950, "v8": 50}


def test_each_weight_waits_for_the_replicas_that_it_needs() -> None:
    world = a_world(strategy={"canary": {"weights": [5, 30], "hold": "1m", "samples": 100}}).start()
    come_up(world)
    world.passing()
    world.after(seconds=61)
    assert ordered(world) == [("v8", 0, 1), ("v8", 1, 2)]
    assert world.weights == {"v7": 950, "v8": 50}
    assert world.status.message == "step 1 of 2 may be left, waiting for 2 ready replicas of v8"
    come_up(world)
    assert world.weights == {"v7": 700, "v8": 300}
    world.after(seconds=61)
    assert world.weights == {"v7": 700, "v8": 300}
    come_up(world)
    assert world.weights == {"v8": 1000}
    assert ordered(world)[-1] == ("v8", 2, 4)


def test_a_candidate_that_cannot_come_up_says_why_and_gets_nothing() -> None:
    world = a_world().start()
    world.seen("v8", problem="pod v8-x gets no node: Unschedulable: 3 Insufficient nvidia.com/gpu.")
    world.reconcile()
    assert "Insufficient nvidia.com/gpu" in world.status.message
    assert world.weights == {"v7": 1000}


def test_the_old_version_stays_up_while_it_is_watched_and_goes_down_after_its_delay() -> None:
    world = a_world(delay="10m").start()
    come_up(world)
    pass_steps(world)
    assert (world.status.phase, world.weights) == ("Watching", {"v8": 1000})
    world.after(minutes=5, seconds=1)
    assert world.status.phase == "Completed"
    assert world.versions["v7"].replicas == 4
    world.after(minutes=5)
    assert world.versions["v7"].replicas == 0
    assert ordered(world)[-1] == ("v7", 4, 0)
    assert world.status.scales == []
    assert world.status.stable == "v8"


def test_a_delay_shorter_than_the_watch_ends_with_it() -> None:
    world = a_world(delay="5s").start()
    come_up(world)
    pass_steps(world)
    world.after(minutes=4)
    assert world.versions["v7"].replicas == 4
    world.after(minutes=1, seconds=1)
    assert world.versions["v7"].replicas == 0


def test_a_candidate_that_is_taken_back_goes_down_after_the_delay_and_not_before_the_route_lets_go() -> None:
    world = a_world().start()
    come_up(world)
    world.frozen_route = True
    world.verdicts["errors"] = Verdict.FAIL
    world.after(seconds=5)
    world.after(minutes=11)
    assert world.versions["v8"].replicas == 1
    world.frozen_route = False
    world.reconcile()
    assert world.weights == {"v7": 1000}
    world.after(minutes=9)
    assert world.versions["v8"].replicas == 1
    world.after(minutes=1, seconds=1)
    assert world.versions["v8"].replicas == 0
    assert Reason.SCALING_DOWN in world.reasons()
    assert world.versions["v7"].replicas == 4


def test_a_run_that_is_aborted_before_its_pods_came_leaves_none() -> None:
    world = a_world().start()
    world.ask(Verb.ABORT)
    world.after(minutes=11)
    assert world.versions["v8"].replicas == 0
    assert world.status.scales == []


def test_an_order_of_a_run_that_is_over_is_not_carried_out_any_more() -> None:
    world = a_world()
    world.reconcile()
    world.edit(target="v8")
    while world.status.run is None or not world.status.scales:
        decision = world.decide()
        world.rollout = world.rollout.model_copy(update={"status": decision.status})
    world.ask(Verb.ABORT)
    world.after(minutes=11)
    assert world.versions["v8"].replicas == 0
    assert ordered(world) == []


def test_a_version_on_its_way_down_gets_no_traffic_back() -> None:
    world = a_world(delay="5s").start()
    come_up(world)
    pass_steps(world)
    world.after(minutes=6)
    world.seen("v7", ready=4)  # its last pods still answer
    world.ask(Verb.UNDO)
    assert world.last_answer()[0] is False
    assert world.weights == {"v8": 1000}


def test_the_previous_version_is_brought_up_again_when_it_is_asked_for() -> None:
    world = a_world(delay="5s").start()
    come_up(world)
    pass_steps(world)
    world.after(minutes=6)
    world.seen("v7", ready=0)
    world.edit(target="v7")
    world.reconcile()
    assert ordered(world)[-1] == ("v7", 0, 1)
    come_up(world, "v7")
    assert world.weights == {"v8": 950, "v7": 50}


def test_a_revert_is_one_write_while_the_old_version_can_carry_everything_and_a_trial_when_it_cannot() -> None:
    for replicas, weights in ((4, {"v7": 1000}), (1, {"v8": 950, "v7": 50})):
        world = a_world().start()
        come_up(world)
        pass_steps(world)
        world.after(minutes=5, seconds=1)
        world.seen("v7", replicas=replicas, ready=replicas)
        world.edit(target="v7")
        world.reconcile()
        assert world.weights == weights


def test_a_number_that_somebody_else_set_is_left_alone_and_said() -> None:
    world = a_world().start()
    come_up(world)
    world.seen("v8", replicas=3, ready=3)
    world.reconcile()
    assert world.condition("ReplicasManaged") == ("False", "ScaledByOthers")
    assert Reason.REPLICAS_LEFT in world.reasons()
    world.passing()
    world.after(seconds=61)
    assert ordered(world) == [("v8", 0, 1)]
    world.after(seconds=61)
    world.after(seconds=61)
    assert world.weights == {"v7": 500, "v8": 500}
    assert "somebody else scaled it to 3" in world.status.message


def test_an_old_version_that_somebody_scaled_in_its_delay_is_kept() -> None:
    world = a_world().start()
    come_up(world)
    pass_steps(world)
    world.after(minutes=5, seconds=1)
    world.seen("v7", replicas=2, ready=2)
    world.after(minutes=10)
    assert world.versions["v7"].replicas == 2
    assert world.status.scales == []


def test_an_autoscaler_is_only_helped_up_from_nothing() -> None:
    world = a_world()
    world.seen("v8", autoscaler="HorizontalPodAutoscaler fraud-v8")
    world.start()
    assert ordered(world) == [("v8", 0, 1)]
    come_up(world)
    pass_steps(world)
    assert (ordered(world), world.weights) == ([("v8", 0, 1)], {"v8": 1000})
    assert world.condition("ReplicasManaged") == ("False", "Autoscaled")


def test_an_old_version_that_an_autoscaler_drives_is_not_scaled_down() -> None:
    world = a_world()
    world.seen("v7", autoscaler="HorizontalPodAutoscaler fraud-v7")
    world.start()
    come_up(world)
    pass_steps(world)
    world.after(minutes=20)
    world.after(minutes=20)
    assert world.versions["v7"].replicas == 4
    assert world.status.scales == []


def test_without_the_right_to_scale_it_is_said_and_a_person_can_do_it() -> None:
    world = a_world()
    world.may_scale = False
    world.start()
    assert ordered(world) == []
    assert "rbac.scale" in world.status.message
    assert world.condition("ReplicasManaged") == ("False", "NotAllowed")
    world.seen("v8", replicas=1, ready=1, problem="")
    world.reconcile()
    assert world.weights == {"v7": 950, "v8": 50}


def test_a_forced_promotion_waits_for_its_replicas_and_nothing_else() -> None:
    world = a_world().start()
    come_up(world)
    world.ask(Verb.PROMOTE, full=True)
    accepted, message = world.last_answer()
    assert accepted
    assert "waiting for 4 ready replicas of v8" in message
    assert world.weights == {"v7": 950, "v8": 50}
    come_up(world)
    assert world.weights == {"v8": 1000}
    assert world.status.run.outcome == "Forced"


def test_a_step_that_a_person_leaves_waits_for_its_replicas() -> None:
    world = a_world(strategy={"canary": {"weights": [5, 50], "hold": "1h", "samples": 100}}).start()
    come_up(world)
    world.ask(Verb.PROMOTE)
    assert world.last_answer()[0]
    assert world.weights == {"v7": 950, "v8": 50}
    come_up(world)
    assert world.weights == {"v7": 500, "v8": 500}


def test_a_guardrail_that_fails_while_replicas_are_waited_for_takes_all_back() -> None:
    world = a_world().start()
    come_up(world)
    world.ask(Verb.PROMOTE, full=True)
    world.verdicts["errors"] = Verdict.FAIL
    world.after(seconds=1)
    assert world.weights == {"v7": 1000}
    come_up(world)
    assert world.weights == {"v7": 1000}


def test_a_decision_that_takes_replicas_from_who_has_traffic_never_leaves() -> None:
    world = a_world()
    world.reconcile()
    wrong = replace(world.decide(), scales=(ScaleIntent("v7", 4, 0),))
    with pytest.raises(InvariantBroken, match="v7 would lose replicas"):
        check(world.rollout, wrong, world.observed, 1000)


def test_replicas_are_nobodys_business_without_managed_scale() -> None:
    world = World()
    world.seen("v7", replicas=4, ready=4)
    world.seen("v8", replicas=1, ready=1)
    world.promoted()
    world.after(minutes=60)
    assert world.weights == {"v8": 1000}
    assert world.scalings == []
    assert world.condition("ReplicasManaged") == ("", "")
