"""Stable loses its ready endpoints in the middle of a trial: nothing may go back to it, and people are told once."""

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
