"""What is held, because stable is lost or because the spec says so, is told once, and only while it is so."""

import pytest

from modelrollout.api.status import Phase, Verdict
from modelrollout.decisions.decision import Reason
from tests.unit.decisions.experiment_world import ExperimentWorld
from tests.unit.decisions.world import World


def test_the_run_goes_on_when_stable_is_back() -> None:
    world = World().start()
    world.ready("v7", 0)
    world.reconcile()
    assert (world.status.phase, world.status.run.reason) == (Phase.HOLDING, "StableUnavailable")
    world.ready("v7", 2)
    world.reconcile()
    assert (world.status.phase, world.status.run.reason) == (Phase.PROGRESSING, "")
    assert world.condition("Stalled")[0] == "False"


@pytest.mark.parametrize("rollback", ["Auto", "Hold"])
def test_a_failure_that_cannot_be_taken_back_is_told_once(rollback: str) -> None:
    world = World(rollback=rollback).start()
    world.ready("v7", 0)
    world.verdicts["errors"] = Verdict.FAIL
    world.reconcile()
    assert world.tells_nothing_more()
    assert (world.status.phase, world.status.run.reason) == (Phase.HOLDING, "GuardrailFailed")
    assert world.reasons().count(Reason.GUARDRAIL_HELD) == 1


def test_of_an_experiment_too() -> None:
    world = ExperimentWorld().start()
    world.ready("v7", 0)
    world.said["v8", "errors"] = Verdict.FAIL
    world.reconcile()
    assert world.tells_nothing_more()
    assert world.reasons().count(Reason.GUARDRAIL_HELD) == 1


def test_two_candidates_that_fail_in_two_ways_are_told_of_once_each() -> None:
    world = ExperimentWorld(rollback="Hold").start()
    world.said["v8", "errors"] = Verdict.FAIL
    world.seen("v9", restarts=3)
    world.reconcile()
    assert world.tells_nothing_more()
    assert world.reasons().count(Reason.GUARDRAIL_HELD) == 2
    assert [world.arm(name).reason for name in ("v8", "v9")] == ["GuardrailFailed", "ContainersRestart"]


def test_neither_a_question_nor_a_deadline_makes_a_held_failure_be_told_again() -> None:
    world = ExperimentWorld(rollback="Hold", promotion="Manual").start()
    world.said["v8", "errors"] = Verdict.FAIL
    world.reconcile()
    world.better_than_stable("v9")
    world.duels["v8", "v9"] = Verdict.FAIL
    world.reconcile()
    assert world.tells_nothing_more()
    assert world.status.phase is Phase.AWAITING_APPROVAL
    assert world.reasons().count(Reason.GUARDRAIL_HELD) == world.reasons().count(Reason.AWAITING_APPROVAL) == 1


def test_nor_does_the_end_of_an_experiment_of_which_nothing_is_known() -> None:
    world = ExperimentWorld(rollback="Hold", onDeadline="Hold").start()
    world.seen("v8", restarts=3)
    world.evidence_on = False
    world.after(hours=2)
    assert world.tells_nothing_more()
    assert world.reasons().count(Reason.GUARDRAIL_HELD) == world.reasons().count(Reason.DEADLINE_PASSED) == 1


def test_no_other_run_takes_the_place_of_one_whose_stable_version_is_lost() -> None:
    world = World().start()
    world.ready("v7", 0)
    world.seen("v8", revision="rev-mended")
    world.reconcile()
    assert (world.weights, world.status.phase) == ({"v7": 950, "v8": 50}, Phase.HOLDING)
    world.edit(target="v9")
    world.reconcile()
    assert world.weights == {"v7": 950, "v8": 50}
    world.ready("v7", 2)
    world.reconcile()
    assert world.weights == {"v7": 950, "v9": 50}
