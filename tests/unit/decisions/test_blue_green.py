"""What a blue/green run does: a preview without users' traffic, one switch, a watch that can switch back."""

from dataclasses import replace
from datetime import timedelta
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


HEADER = {"preview": {"header": {"name": "x-preview", "value": "1"}}}


def previewed(**spec: Any) -> World:
    return World(strategy={"blueGreen": {"hold": "2m", **HEADER}}, metrics=[MEMORY], **spec)


def test_the_header_leads_to_the_candidate_from_the_start_of_the_run_until_the_switch_has_arrived() -> None:
    seen = previewed()
    seen.reconcile()
    assert seen.route.preview == ""
    seen.edit(target="v8")
    seen.reconcile()
    assert (seen.route.preview, seen.weights) == ("v8", {"v7": 1000})
    assert "previewed with x-preview: 1" in seen.status.message
    started = next(event for event in seen.events if event.reason is Reason.RUN_STARTED)
    assert "by the header x-preview: 1" in started.message
    seen.verdicts = {"memory": Verdict.PASS}
    seen.now += timedelta(minutes=2)
    seen.carry_out(seen.decide())
    assert (seen.route.preview, seen.weights) == ("v8", {"v8": 1000})
    seen.reconcile()
    assert (seen.route.preview, seen.status.phase) == ("", Phase.WATCHING)


def test_a_candidate_that_waits_for_its_endpoints_is_not_previewed_yet() -> None:
    seen = previewed()
    seen.reconcile()
    seen.ready("v8", 0)
    seen.edit(target="v8")
    seen.reconcile()
    assert (seen.status.phase, seen.route.preview) == (Phase.PENDING, "")


def test_a_candidate_that_is_withdrawn_is_previewed_no_more() -> None:
    seen = previewed().start()
    seen.edit(target="v7")
    seen.reconcile()
    assert seen.status.run.outcome is Outcome.WITHDRAWN
    assert seen.route.preview == ""


def test_nothing_is_switched_before_the_header_leads_to_the_candidate() -> None:
    seen = previewed()
    seen.frozen_route = True
    seen.start()
    seen.verdicts = {"memory": Verdict.PASS}
    seen.after(minutes=3)
    assert "waits for the preview's route" in seen.status.message
    assert seen.status.run.state == "Trial"
    seen.frozen_route = False
    seen.reconcile()
    assert seen.weights == {"v8": 1000}


def test_a_preview_that_cannot_be_had_is_said_and_keeps_the_run_from_starting_until_it_can() -> None:
    seen = previewed()
    seen.reconcile()
    seen.route = replace(seen.route, aside="HTTPRoute fraud-modelrollout is somebody else's")
    seen.edit(target="v8")
    seen.reconcile()
    assert seen.status.run.exposed_at is None
    assert seen.status.message == "v8 waits: HTTPRoute fraud-modelrollout is somebody else's"
    assert seen.condition("SecondRouteReady") == ("False", "Unusable")
    seen.after(minutes=1)
    assert [event.reason for event in seen.events].count(Reason.SECOND_ROUTE_UNUSABLE) == 1
    seen.route = replace(seen.route, aside="")
    seen.reconcile()
    assert seen.route.preview == "v8"
    assert seen.condition("SecondRouteReady") == ("True", "Usable")


def test_pins_that_cannot_be_had_are_said_and_keep_nothing_from_moving() -> None:
    seen = world()
    seen.reconcile()
    seen.route = replace(seen.route, aside="HTTPRoute fraud-modelrollout is somebody else's")
    seen.edit(target="v8")
    seen.reconcile()
    seen.verdicts = {"memory": Verdict.PASS}
    seen.after(minutes=2)
    assert seen.weights == {"v8": 1000}
    assert seen.condition("SecondRouteReady") == ("False", "Unusable")


def test_a_preview_that_gets_lost_in_the_middle_is_brought_back_and_no_drift_of_weights() -> None:
    seen = previewed().start()
    seen.route = replace(seen.route, preview="")
    seen.reconcile()
    assert seen.route.preview == "v8"
    assert Reason.TRAFFIC_REPAIRED not in seen.reasons()


def test_a_person_who_was_asked_is_not_asked_again_because_the_preview_was_edited() -> None:
    seen = previewed(promotion="Manual").start()
    seen.verdicts = {"memory": Verdict.PASS}
    seen.after(minutes=2)
    assert seen.status.phase is Phase.AWAITING_APPROVAL
    seen.route = replace(seen.route, preview="")
    decision = seen.decide()
    assert decision.status.phase is Phase.AWAITING_APPROVAL
    seen.carry_out(decision)
    seen.reconcile()
    assert (seen.route.preview, seen.reasons().count(Reason.AWAITING_APPROVAL)) == ("v8", 1)


def test_who_approves_while_the_preview_is_mended_has_approved() -> None:
    seen = previewed(promotion="Manual").start()
    seen.verdicts = {"memory": Verdict.PASS}
    seen.after(minutes=2)
    seen.route = replace(seen.route, preview="")
    seen.ask(Verb.APPROVE)
    assert seen.status.run.approved_step == 0
    assert seen.weights == {"v8": 1000}


def test_nobody_is_asked_before_the_preview_is_there() -> None:
    seen = previewed(promotion="Manual").start()
    seen.verdicts = {"memory": Verdict.PASS}
    seen.route = replace(seen.route, preview="")
    seen.now += timedelta(minutes=2)
    assert seen.decide().status.phase is Phase.PROGRESSING
