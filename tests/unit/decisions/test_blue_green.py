"""What a blue/green run does: a preview without users' traffic, one switch, a watch that can switch back."""

from typing import Any

import pytest

from modelrollout.api import Verb
from modelrollout.api.status import Outcome, Phase, Verdict
from modelrollout.decisions.decision import Reason
from tests.unit.decisions.world import World, errors_metric

MEMORY = {"name": "memory", "threshold": {"query": "max(memory)", "max": 1}}


def world(**spec: Any) -> World:
    return World(strategy={"blueGreen": {"hold": "2m"}}, metrics=[errors_metric(), MEMORY], **spec)


def test_in_the_preview_the_candidate_gets_no_users_traffic() -> None:
    seen = world().start()
    assert seen.weights == {"v7": 1000}
    assert seen.status.phase is Phase.PROGRESSING
    assert (seen.status.strategy, seen.status.step_text, seen.status.weight_text) == ("blueGreen", "1/1", "0%")
    started = next(event for event in seen.events if event.reason is Reason.RUN_STARTED)
    assert "previewed at its own Service" in started.message


def test_after_the_hold_and_passed_thresholds_everything_moves_in_one_write() -> None:
    seen = world().start()
    seen.verdicts = {"memory": Verdict.PASS}
    writes = seen.route_writes
    seen.after(seconds=119)
    assert seen.weights == {"v7": 1000}
    seen.after(seconds=1)
    assert seen.weights == {"v8": 1000}
    assert seen.route_writes == writes + 1
    assert seen.status.phase is Phase.WATCHING


@pytest.mark.parametrize("verdict", [Verdict.INCONCLUSIVE, Verdict.ERROR])
def test_a_threshold_that_has_not_passed_holds_the_switch(verdict: Verdict) -> None:
    seen = world().start()
    seen.verdicts = {"memory": verdict}
    seen.after(hours=1)
    assert seen.weights == {"v7": 1000}
    assert "waits for" in seen.status.message


def test_a_threshold_that_fails_ends_the_run_before_any_user_saw_it() -> None:
    seen = world().start()
    seen.verdicts = {"memory": Verdict.FAIL}
    seen.after(seconds=10)
    assert seen.weights == {"v7": 1000}
    assert seen.status.run.outcome is Outcome.ROLLED_BACK


def test_a_guardrail_that_fails_in_the_watch_switches_back_in_one_write() -> None:
    seen = world().start()
    seen.verdicts = {"memory": Verdict.PASS}
    seen.after(minutes=2)
    writes = seen.route_writes
    seen.verdicts = {"memory": Verdict.PASS, "errors": Verdict.FAIL}
    seen.after(seconds=15)
    assert seen.weights == {"v7": 1000}
    assert seen.route_writes == writes + 1
    assert seen.status.rejected[-1].version == "v8"


def test_undo_switches_back_in_one_write() -> None:
    seen = world().start()
    seen.verdicts = {"memory": Verdict.PASS}
    seen.after(minutes=2)
    writes = seen.route_writes
    seen.ask(Verb.UNDO)
    assert seen.weights == {"v7": 1000}
    assert seen.route_writes == writes + 1


def test_with_manual_promotion_a_person_makes_the_switch() -> None:
    seen = world(promotion="Manual").start()
    seen.verdicts = {"memory": Verdict.PASS}
    seen.after(minutes=3)
    assert seen.status.phase is Phase.AWAITING_APPROVAL
    assert seen.weights == {"v7": 1000}
    seen.ask(Verb.APPROVE)
    assert seen.weights == {"v8": 1000}


def test_a_candidate_that_loses_its_endpoints_in_the_preview_is_waited_for() -> None:
    seen = world().start()
    seen.verdicts = {"memory": Verdict.PASS}
    seen.ready("v8", 0)
    seen.after(minutes=2)
    assert seen.weights == {"v7": 1000}
    assert seen.status.phase is Phase.HOLDING
    seen.ready("v8", 1)
    seen.after(seconds=1)
    seen.after(minutes=2)
    assert seen.weights == {"v8": 1000}
