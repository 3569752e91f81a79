"""A person is asked once for each step, and an approval counts although something is missing for a moment."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from modelrollout.api import Verb
from modelrollout.api.status import Phase, Verdict
from modelrollout.decisions.decision import Reason
from tests.unit.decisions.world import World

STEPS = [
    {"name": "first", "weight": 5, "hold": "1m", "approval": True, "require": "Pass"},
    {"name": "second", "weight": 50, "hold": "1m"},
]


def asked() -> World:
    world = World(strategy={"steps": STEPS}).start()
    world.passing()
    world.after(seconds=61)
    assert world.status.phase is Phase.AWAITING_APPROVAL
    return world


def lose_data(world: World) -> None:
    world.fresh = False


def lose_proof(world: World) -> None:
    world.verdicts["errors"] = Verdict.INCONCLUSIVE


def lose_owner(world: World) -> None:
    world.route = replace(world.route, owner=None, rules=(replace(world.route.rules[0], weights={"v7": 1000}),))


@pytest.mark.parametrize(
    ("lose", "said"),
    [(lose_data, "; at present it lacks fresh data"), (lose_proof, "; at present it lacks proof"), (lose_owner, "")],
)
def test_nobody_is_asked_again_because_of_what_is_missing_for_a_moment(
    lose: Callable[[World], None], said: str
) -> None:
    world = asked()
    lose(world)
    decision = world.decide()
    assert decision.status.phase is Phase.AWAITING_APPROVAL
    assert decision.status.message.endswith(f"waits for a person to approve{said}")
    world.reconcile()
    world.passing()
    world.fresh = True
    world.reconcile()
    assert world.status.phase is Phase.AWAITING_APPROVAL
    assert world.reasons().count(Reason.AWAITING_APPROVAL) == 1


def test_who_approves_without_fresh_data_has_approved_and_the_step_is_left_with_them() -> None:
    world = asked()
    world.fresh = False
    world.ask(Verb.APPROVE)
    accepted, answer = world.last_answer()
    assert accepted
    assert answer.startswith("step 1 is approved; it is left when that has come again: errors has no fresh data")
    assert (world.weights["v8"], world.status.phase) == (50, Phase.PROGRESSING)
    world.fresh = True
    world.reconcile()
    assert world.weights["v8"] == 500


def test_a_failed_guardrail_ends_the_question() -> None:
    world = asked()
    world.verdicts["errors"] = Verdict.FAIL
    world.reconcile()
    assert world.weights == {"v7": 1000}
    assert world.status.run.reason == "GuardrailFailed"
