"""What was decided of traffic and does not arrive is said in time, once, and until it has arrived."""

from dataclasses import replace
from datetime import timedelta

import pytest

from modelrollout.api.status import Phase, RunState, Verdict
from modelrollout.decisions.decision import Reason
from modelrollout.decisions.delivery import PATIENCE
from modelrollout.decisions.plan import question
from modelrollout.errors import ModelRolloutError
from modelrollout.kube.errors import Forbidden, OutcomeUnknown, Rejected
from tests.unit.decisions.world import World, rule

FORBIDDEN = Forbidden("PATCH httproutes/fraud: the operator cannot patch httproutes", 403)


def failing(refusal: ModelRolloutError = FORBIDDEN) -> World:
    """A run whose first weight cannot be written."""
    world = World()
    world.reconcile()
    world.evidence_on = False
    world.refusal = refusal
    world.edit(target="v8")
    world.reconcile()
    assert world.status.run.weight == 50
    assert world.weights == {"v7": 1000}
    return world


def said(world: World) -> str:
    return str(world.status.condition("TrafficMatches").message)


@pytest.mark.parametrize(
    "refusal", [FORBIDDEN, Rejected('admission webhook "policy" denied it', 400), OutcomeUnknown("no answer")]
)
def test_a_write_that_keeps_failing_is_said_with_the_words_of_who_refuses_it_and_once(
    refusal: ModelRolloutError,
) -> None:
    world = failing(refusal)
    decision = world.after(seconds=PATIENCE.total_seconds() - 1)
    assert world.condition("TrafficMatches") == ("True", "Matches")
    assert Reason.NOT_CARRIED_OUT not in world.reasons()
    assert decision.wake_at == world.now + timedelta(seconds=1)
    world.after(seconds=1)
    assert world.condition("TrafficMatches") == ("False", "WriteFailing")
    assert str(refusal) in said(world)
    (event,) = [event for event in world.events if event.reason is Reason.NOT_CARRIED_OUT]
    assert event.warning
    assert str(refusal) in event.message
    world.refusal = None
    world.after(seconds=60)
    assert world.weights == {"v7": 950, "v8": 50}
    assert world.condition("TrafficMatches") == ("True", "Matches")
    assert world.reasons().count(Reason.NOT_CARRIED_OUT) == 1


def test_a_status_that_says_so_is_not_written_again_however_long_it_lasts() -> None:
    world = failing(OutcomeUnknown("the webhook at 10.0.0.1:40000 hung up", 500))
    world.after(seconds=61)  # the hold of the step is over, too
    before, first = world.status_writes, said(world)
    for port in range(40001, 40600):
        world.refusal = OutcomeUnknown(f"the webhook at 10.0.0.1:{port} hung up", 500)
        world.after(seconds=10)
    assert world.status_writes == before
    assert said(world) == first


def test_other_words_take_the_place_of_the_first_when_something_else_fails_and_not_at_every_try() -> None:
    world = failing()
    world.after(seconds=30)
    before = world.status_writes
    for turn in range(360):
        world.refusal = OutcomeUnknown("cut", 500) if turn % 2 else FORBIDDEN
        world.after(seconds=10)
    assert world.status_writes - before <= 13
    world.refusal = OutcomeUnknown("the webhook has no endpoints", 500)
    for _ in range(31):
        world.after(seconds=10)
    assert "no endpoints" in said(world)


def test_decisions_that_come_one_after_the_other_do_not_put_it_off() -> None:
    world = failing()
    for number in range(4):
        world.seen("v8", revision=f"rev-{number}")
        world.after(seconds=10)
    assert world.condition("TrafficMatches") == ("False", "WriteFailing")


def test_no_step_is_left_at_weights_that_users_do_not_have_and_the_deadline_stands_still() -> None:
    world = World(progressDeadline="10m").start()
    world.passing()
    world.after(seconds=61)
    assert world.weights == {"v7": 750, "v8": 250}
    world.refusal = FORBIDDEN
    world.after(seconds=61)
    assert world.status.run.weight == 500
    for _ in range(60):
        world.after(seconds=30)
    assert (world.status.run.state, world.status.run.step) == (RunState.TRIAL, 2)
    assert world.weights == {"v7": 750, "v8": 250}
    assert "does not say what was decided" in world.status.message


def test_a_step_whose_weight_comes_late_has_its_whole_hold_from_then_on() -> None:
    world = World().start()
    world.passing()
    world.refusal = FORBIDDEN
    world.after(seconds=61)
    world.after(seconds=600)
    assert world.status.run.step == 1
    world.refusal = None
    world.after(seconds=30)
    assert world.weights == {"v7": 750, "v8": 250}
    world.after(seconds=59)
    assert world.weights == {"v7": 750, "v8": 250}
    world.after(seconds=2)
    assert world.weights == {"v7": 500, "v8": 500}


def test_a_short_step_is_not_left_before_its_weight_has_come() -> None:
    world = World(strategy={"canary": {"weights": [5, 50], "hold": "1s", "samples": 0}}, metrics=[]).start()
    world.refusal = FORBIDDEN
    world.after(seconds=2)
    world.after(seconds=5)
    assert (world.status.run.step, world.status.run.state) == (1, RunState.TRIAL)
    assert "its weights on the route" in world.status.message
    world.refusal = None
    world.after(seconds=1)
    assert world.status.run.state is RunState.WATCHING


def test_while_somebody_else_sets_the_weights_what_the_candidate_answers_is_not_held_against_its_own() -> None:
    world = World().start()

    def arrived() -> bool:
        asked = question(world.rollout, "", world.plan, world.observed)
        return asked is not None and asked.arrived

    assert arrived()
    world.route = replace(world.route, rules=(rule({"v7": 1000}),), writer="argocd-controller")
    assert not arrived()


def test_a_guardrail_acts_all_the_same_and_a_way_back_that_cannot_be_written_is_said() -> None:
    world = World().start()
    world.refusal = FORBIDDEN
    world.verdicts["errors"] = Verdict.FAIL
    world.after(seconds=5)
    world.after(seconds=30)
    assert world.status.phase is Phase.ROLLING_BACK
    assert world.condition("TrafficMatches") == ("False", "WriteFailing")
    world.refusal = None
    world.after(seconds=5)
    assert world.status.phase is Phase.ROLLED_BACK
    assert world.condition("TrafficMatches") == ("True", "Matches")


def test_a_run_that_cannot_end_because_its_last_word_cannot_be_written_says_so() -> None:
    """The weights were never moved, so they are right; that the route knows of the end is missing."""
    world = failing()
    world.edit(target="v7")
    world.after(seconds=31)
    assert world.status.run.state is RunState.TAKING_BACK
    assert world.weights == {"v7": 1000}
    assert world.condition("TrafficMatches") == ("False", "WriteFailing")


def test_weights_that_somebody_changed_and_that_cannot_be_set_back_are_more_than_under_repair() -> None:
    world = World().start()
    world.refusal = FORBIDDEN
    world.route = replace(world.route, rules=(replace(world.route.rules[0], weights={"v7": 500, "v8": 500}),))
    world.reconcile()
    assert world.condition("TrafficMatches") == ("False", "Repairing")
    world.after(seconds=30)
    assert world.condition("TrafficMatches") == ("False", "WriteFailing")


def test_what_does_not_arrive_although_nobody_refuses_it_is_said_too() -> None:
    world = World().start()
    world.frozen_route = True
    world.verdicts["errors"] = Verdict.FAIL
    world.after(seconds=5)
    world.after(seconds=30)
    assert world.condition("TrafficMatches") == ("False", "NotCarriedOut")


def test_of_a_route_that_is_gone_nobody_says_that_it_carries_the_weights() -> None:
    world = World().start()
    world.route = replace(world.route, found=False, rules=(), owner=None)
    world.reconcile()
    world.after(seconds=30)
    status, reason = world.condition("TrafficMatches")
    assert (status, reason) == ("False", "NotCarriedOut")
    assert "nothing is written" in said(world)


def test_steps_that_the_gateway_does_not_take_up_are_told_from_writes_that_fail() -> None:
    world = World().start()
    world.frozen_route = True
    world.verdicts["errors"] = Verdict.FAIL
    world.route = replace(world.route, sticky=replace(world.route.sticky, under_way=True))
    world.after(seconds=5)
    world.after(seconds=20)
    assert world.condition("TrafficMatches") == ("True", "Matches")
    world.after(seconds=10)
    assert "the gateway has not taken up" in said(world)
