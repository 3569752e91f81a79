"""Runs of one layer: one at a time, first come first served, and nothing but the wait."""

import pytest

from modelrollout.api import Verb
from modelrollout.api.status import Outcome, Phase, Verdict
from modelrollout.decisions.decision import Reason
from modelrollout.decisions.observed import Claim
from tests.unit.decisions.street import Street


@pytest.fixture
def street() -> Street:
    """Three rollouts of one layer; `a` has it, then `b`, then `c` was asked for a run."""
    found = Street("ranking", "ranking", "ranking")
    for name in "abc":
        found.target(name, "v8")
    return found


def test_the_first_has_the_layer_and_the_others_say_who_is_in_front(street: Street) -> None:
    assert street.having == ["a"]
    assert [world.status.phase for world in street.worlds] == [Phase.PROGRESSING, Phase.QUEUED, Phase.QUEUED]
    assert street["b"].status.message == "v8 waits for layer ranking: the run of a goes on; place 1 in the queue"
    assert "the run of a goes on, b is right in front; place 2" in street["c"].status.message
    assert street["c"].condition("Reconciling") == ("True", "Queued")
    assert street["c"].condition("Ready") == ("False", "Queued")
    assert street["c"].weights == {"v7": 1000}


def test_they_have_it_in_the_order_in_which_they_were_asked_for(street: Street) -> None:
    street.finish("a")
    assert street.having == ["b"]
    assert "place 1" in street["c"].status.message
    street.finish("b")
    assert street.having == ["c"]
    street.finish("c")
    assert [world.status.stable for world in street.worlds] == ["v8"] * 3


def test_a_watch_has_the_layer_until_it_ends(street: Street) -> None:
    street["a"].passing()
    for _ in range(3):
        street.pass_time(61)
    assert street["a"].status.phase is Phase.WATCHING
    assert street.having == ["a"]
    street.pass_time(901)
    assert street.having == ["b"]


def test_a_run_that_is_taken_back_leaves_the_layer_to_the_next(street: Street) -> None:
    street["a"].verdicts["errors"] = Verdict.FAIL
    street.pass_time(5)
    assert street["a"].status.phase is Phase.ROLLED_BACK
    assert street.having == ["b"]


def test_the_guardrails_of_the_one_in_front_act_as_ever(street: Street) -> None:
    street["a"].verdicts["errors"] = Verdict.FAIL
    street["a"].now = street["b"].now
    street["a"].reconcile()
    assert street["a"].weights == {"v7": 1000}


def test_the_deadline_stands_still_in_the_queue(street: Street) -> None:
    street["a"].edit(paused=True)
    street.pass_time(30 * 86_400)
    assert street["b"].status.phase is Phase.QUEUED
    street["a"].ask(Verb.ABORT)
    street.settle()
    assert street.having == ["b"]
    street.pass_time(5 * 3600)
    assert street["b"].status.phase is Phase.PROGRESSING
    street.pass_time(3601)
    assert street["b"].status.run.outcome is Outcome.NO_EVIDENCE


def test_a_target_that_is_set_back_leaves_the_queue_and_writes_no_route(street: Street) -> None:
    writes = street["b"].route_writes
    street.target("b", "v7")
    assert street["b"].status.phase is Phase.WITHDRAWN
    assert "left the queue" in street["b"].status.message
    assert street["b"].condition("Ready")[0] == "True"
    assert street["b"].status.history[-1].outcome is Outcome.WITHDRAWN
    assert street["b"].route_writes == writes
    assert "place 1" in street["c"].status.message


def test_abort_takes_a_run_out_of_the_queue_until_a_retry_puts_it_at_the_end(street: Street) -> None:
    writes = street["b"].route_writes
    street["b"].ask(Verb.ABORT)
    street.settle()
    assert street["b"].last_answer() == (True, "v8 leaves the queue; v7 serves as before")
    assert street["b"].status.phase is Phase.ROLLED_BACK
    assert street["b"].status.rejected[0].version == "v8"
    assert street["b"].route_writes == writes
    street.pass_time(1)
    street.look(street["b"])
    street["b"].ask(Verb.RETRY)
    street.settle()
    accepted, message = street["b"].last_answer()
    assert accepted
    assert "c is right in front; place 2" in message
    street["a"].ask(Verb.ABORT)
    street.settle()
    assert street.having == ["c"]


@pytest.mark.parametrize("verb", [Verb.PROMOTE, Verb.SKIP, Verb.APPROVE])
def test_other_verbs_have_nothing_to_act_on_in_the_queue(street: Street, verb: Verb) -> None:
    street["b"].ask(verb)
    accepted, message = street["b"].last_answer()
    assert not accepted
    assert "place 1 in the queue" in message
    assert street.having == ["a"]


def test_a_promotion_can_be_undone_while_the_next_run_waits(street: Street) -> None:
    street["a"].ask(Verb.ABORT)
    street.settle()
    street.finish("b")
    assert street["b"].status.stable == "v8"
    street.target("b", "v9")
    assert street["b"].status.phase is Phase.QUEUED
    street["b"].ask(Verb.UNDO)
    street.settle()
    assert street["b"].last_answer()[0]
    assert street["b"].weights == {"v7": 1000}
    assert [one.version for one in street["b"].status.rejected] == ["v8"]
    assert street["b"].status.phase is Phase.QUEUED


def test_an_undo_that_cannot_be_carried_out_leaves_the_queue_as_it_is(street: Street) -> None:
    street["a"].ask(Verb.ABORT)
    street.settle()
    street.finish("b")
    street.target("b", "v9")
    waiting = street["b"].status.run.id
    street["b"].ready("v7", 0)
    street["b"].ask(Verb.UNDO)
    assert not street["b"].last_answer()[0]
    assert street["b"].status.run.id == waiting


def test_a_fast_revert_does_not_queue(street: Street) -> None:
    street["a"].ask(Verb.ABORT)
    street.settle()
    street.finish("b")
    street.target("b", "v9")
    assert street.having == ["c"]
    street.target("b", "v7")
    assert street["b"].weights == {"v7": 1000}
    assert street["b"].status.run.reason == "Reverted"


def test_a_new_revision_keeps_the_place_and_a_new_target_does_not(street: Street) -> None:
    street["b"].seen("v8", revision="rev-new")
    street.pass_time(1)
    assert street["b"].status.run.revision == "rev-new"
    assert "place 1" in street["b"].status.message
    assert street["b"].reasons().count(Reason.QUEUED) == 1
    street.target("b", "v9")
    assert "place 2" in street["b"].status.message
    assert "place 1" in street["c"].status.message


def test_a_run_that_restarts_goes_to_the_end_of_the_queue(street: Street) -> None:
    street["a"].seen("v8", revision="rev-new")
    street.pass_time(1)
    assert street.having == ["b"]
    assert "c is right in front; place 2" in street["a"].status.message
    assert street["a"].weights == {"v7": 1000}


def test_whoever_cannot_start_is_passed_over_and_keeps_its_place(street: Street) -> None:
    street["b"].claim = Claim(held=False, holder="risk/older")
    street.settle()
    assert street["b"].status.phase is Phase.INVALID
    assert "place 1" in street["c"].status.message
    street["b"].claim = Claim()
    street.settle()
    assert "place 2" in street["c"].status.message
    street["b"].spec_error = "spec.metrics: no"
    street.settle()
    assert street["b"].status.phase is Phase.INVALID
    street["a"].ask(Verb.ABORT)
    street.settle()
    assert street.having == ["c"]
    street["b"].spec_error = ""
    street.settle()
    assert "the run of c goes on; place 1" in street["b"].status.message


def test_who_pauses_before_the_start_lets_others_go_first(street: Street) -> None:
    street["b"].ask(Verb.PAUSE)
    street.settle()
    assert street["b"].status.phase is Phase.PAUSED
    street["a"].ask(Verb.ABORT)
    street.settle()
    assert street.having == ["c"]
    street["b"].ask(Verb.RESUME)
    street.settle()
    assert street["b"].status.phase is Phase.QUEUED


def test_what_is_edited_in_the_queue_counts_at_the_start(street: Street) -> None:
    street["b"].edit(strategy={"canary": {"weights": [40], "hold": "1m"}})
    street["a"].ask(Verb.ABORT)
    street.settle()
    assert street["b"].weights == {"v7": 600, "v8": 400}
    assert street["b"].status.step_text == "1/1"


def test_who_leaves_the_layer_need_not_wait(street: Street) -> None:
    street["c"].edit(exclusivity=None)
    street.settle()
    assert street["c"].status.phase is Phase.PROGRESSING
    assert street.having == ["a"]


def test_other_layers_and_rollouts_without_one_mind_nobody() -> None:
    street = Street("ranking", "prices", "")
    for name in "abc":
        street.target(name, "v8")
    assert {world.status.phase for world in street.worlds} == {Phase.PROGRESSING}


def test_of_two_asked_for_in_the_same_millisecond_the_smaller_uid_goes_first() -> None:
    street = Street("ranking", "ranking", "ranking")
    street.target("c", "v8")
    for name in "ba":
        street[name].edit(target="v8")
    street.settle()
    street.finish("c")
    assert street.having == ["a"]


def test_a_layer_that_is_edited_with_the_target_counts_for_the_new_run() -> None:
    street = Street("ranking", "prices")
    street.target("b", "v8")
    street.target("a", "v8")
    street.pass_time(1)
    street["a"].edit(target="v9", exclusivity={"layer": "prices"})
    street.settle()
    assert street["a"].status.phase is Phase.QUEUED
    assert street.having == ["b"]
