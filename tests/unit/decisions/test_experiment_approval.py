"""A person is asked about one winner, and approves of that one alone."""

from modelrollout.api import Verb
from modelrollout.api.status import Phase, Verdict
from modelrollout.decisions.decision import Reason
from tests.unit.decisions.experiment_world import ExperimentWorld


def asked(**more: object) -> ExperimentWorld:
    """v8 has won, and a person is asked."""
    world = ExperimentWorld(promotion="Manual", **more).start()
    win(world, "v8")
    assert world.status.phase is Phase.AWAITING_APPROVAL
    return world


def win(world: ExperimentWorld, name: str) -> None:
    world.better_than_stable(name)
    world.duels["v8", "v9"] = Verdict.PASS if name == "v8" else Verdict.FAIL
    world.after(minutes=1)


def test_the_question_is_over_when_the_winner_is_out() -> None:
    world = asked()
    world.said["v8", "errors"] = Verdict.FAIL
    world.reconcile()
    assert (world.status.phase, world.status.run.reason) == (Phase.PROGRESSING, "")
    world.ask(Verb.APPROVE)
    assert world.last_answer() == (False, "nothing waits for approval yet: the experiment goes on")


def test_an_approval_is_of_the_winner_that_was_asked_about() -> None:
    world = asked()
    world.ask(Verb.PAUSE)
    world.ask(Verb.APPROVE)
    assert world.last_answer() == (True, "the promotion of v8 is approved")
    win(world, "v9")
    world.ask(Verb.RESUME)
    assert world.weights == {"v7": 500, "v8": 200, "v9": 300}
    assert world.status.message.startswith("v9 is better than v7 and v8")
    world.ask(Verb.APPROVE)
    assert world.weights == {"v9": 1000}
    assert world.status.last_record[-1]["approved"] == "by ana: drill"


def test_a_person_is_asked_once_although_the_proof_is_lost_for_a_moment() -> None:
    world = asked()
    world.fresh = False
    world.reconcile()
    assert world.status.phase is Phase.AWAITING_APPROVAL
    world.ask(Verb.APPROVE)
    assert world.weights == {"v7": 500, "v8": 200, "v9": 300}
    world.fresh = True
    world.reconcile()
    assert world.weights == {"v8": 1000}
    assert world.reasons().count(Reason.AWAITING_APPROVAL) == 1


def test_a_winner_without_ready_endpoints_is_waited_for() -> None:
    world = ExperimentWorld().start()
    world.ready("v8", 0)
    win(world, "v8")
    assert world.weights == {"v7": 700, "v9": 300}
    world.ready("v8", 1)
    world.reconcile()
    assert world.weights == {"v8": 1000}
