"""Rollouts that belong together: none is promoted without the others, and what becomes of one becomes of all."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from modelrollout.api import Verb
from modelrollout.api.status import Outcome, Phase
from modelrollout.decisions.decision import Reason
from modelrollout.decisions.observed import Companion
from modelrollout.decisions.together import companion_of
from tests.unit.decisions.world import START, World

TOGETHER: dict[str, Any] = {"promoteTogether": {"rollouts": ["rank"]}, "strategy": {"canary": {"weights": [5, 50]}}}


def world(companion: Companion, **spec: Any) -> World:
    seen = World(**{**TOGETHER, **spec})
    seen.companions = (companion,)
    seen.start().passing()
    return seen


def known(seen: World) -> Companion:
    """What others know of it."""
    return companion_of("fraud", seen.rollout.spec.target or "", seen.status.stable, seen.status.run)


TRYING = Companion("rank", run="v3-abc-1")
PASSED = Companion("rank", passed=True, run="v3-abc-1")


def test_steps_are_left_as_ever_and_the_last_one_only_when_the_other_has_passed() -> None:
    seen = world(TRYING)
    seen.after(seconds=61)
    assert seen.weights == {"v7": 500, "v8": 500}
    assert not known(seen).passed
    seen.after(seconds=61)
    assert seen.weights == {"v7": 500, "v8": 500}
    assert known(seen).passed
    assert seen.status.message == (
        "step 2 of 2 may be left, v8 has passed and waits for ModelRollout rank (run v3-abc-1)"
    )
    seen.companions = (PASSED,)
    seen.reconcile()
    assert (seen.weights, known(seen).passed) == ({"v8": 1000}, True)


def test_who_is_paused_or_has_lost_its_proof_has_not_passed_any_more() -> None:
    seen = world(TRYING)
    for _ in range(2):
        seen.after(seconds=61)
    seen.ask(Verb.PAUSE)
    assert not known(seen).passed
    seen.ask(Verb.RESUME)
    assert known(seen).passed
    seen.fresh = False
    seen.after(seconds=1)
    assert not known(seen).passed


def test_an_approval_does_not_replace_the_other() -> None:
    seen = world(TRYING, promotion="Manual")
    for _ in range(2):
        seen.after(seconds=61)
    assert seen.status.phase is Phase.AWAITING_APPROVAL
    seen.ask(Verb.APPROVE)
    assert seen.weights == {"v7": 500, "v8": 500}
    assert "waits for ModelRollout rank" in seen.last_answer()[1]
    seen.companions = (PASSED,)
    seen.reconcile()
    assert seen.weights == {"v8": 1000}


def test_one_that_does_not_exist_is_waited_for_and_named() -> None:
    seen = world(Companion("rank", found=False))
    for _ in range(2):
        seen.after(seconds=61)
    assert "waits for ModelRollout rank, which does not exist" in seen.status.message


@pytest.mark.parametrize("steps", [0, 1, 2])
def test_where_one_is_taken_back_so_is_the_other_wherever_it_stands(steps: int) -> None:
    seen = world(TRYING)
    for _ in range(steps):
        seen.after(seconds=61)
    seen.companions = (Companion("rank", taken_back=seen.now, run="v3-abc-1", why="errors failed"),)
    seen.after(seconds=1)
    assert (seen.weights, seen.status.run.outcome) == ({"v7": 1000}, Outcome.NO_EVIDENCE)
    assert seen.status.run.reason == "CompanionTakenBack"
    assert seen.status.run.message == "rank, which it belongs together with, was taken back: errors failed"
    assert seen.status.rejected == []
    assert Reason.COMPANION_TAKEN_BACK in seen.reasons()
    number = seen.status.run.number
    seen.after(hours=1)
    assert seen.status.run.number == number, "a person retries both"


def test_nothing_goes_back_to_a_stable_version_without_ready_endpoints_because_of_another() -> None:
    seen = world(TRYING)
    seen.ready("v7", 0)
    seen.companions = (Companion("rank", taken_back=seen.now, run="v3-abc-1", why="errors failed"),)
    seen.after(seconds=1)
    assert (seen.weights, seen.status.phase) == ({"v7": 950, "v8": 50}, Phase.HOLDING)
    seen.ready("v7", 2)
    seen.reconcile()
    assert (seen.weights, seen.status.run.reason) == ({"v7": 1000}, "CompanionTakenBack")


def test_what_was_taken_back_before_this_run_is_over_and_done_with() -> None:
    seen = world(Companion("rank", taken_back=START - timedelta(hours=1), run="v2-abc-1"))
    seen.after(seconds=61)
    assert seen.weights == {"v7": 500, "v8": 500}


def test_without_the_other_the_deadline_decides() -> None:
    seen = world(TRYING, progressDeadline="1h")
    for _ in range(2):
        seen.after(seconds=61)
    seen.after(hours=2)
    assert seen.status.run.outcome is Outcome.NO_EVIDENCE
    assert "waits for ModelRollout rank" in seen.status.run.message


def test_others_know_of_a_rollout_by_what_becomes_of_it() -> None:
    seen = World(**TOGETHER)
    seen.reconcile()
    assert known(seen).passed, "its target serves"
    seen.edit(target="v8")
    assert not known(seen).passed
    seen.start().passing()
    seen.companions = (PASSED,)
    for _ in range(2):
        seen.after(seconds=61)
    assert (seen.status.phase, known(seen).passed) == (Phase.WATCHING, True)
    seen.ask(Verb.UNDO)
    assert (known(seen).passed, known(seen).taken_back) == (False, seen.now)


@pytest.mark.parametrize("state", ["together", "watching"])
def test_a_run_of_another_target_than_the_one_asked_for_has_not_passed(state: str) -> None:
    seen = world(TRYING if state == "together" else PASSED)
    for _ in range(2):
        seen.after(seconds=61)
    assert known(seen).passed
    seen.edit(target="v9")
    assert not known(seen).passed, "the edit counts before the operator has seen it"


RELEASED = {"promoteTogether": {"rollouts": ["rank"], "release": "2026-12"}}


def test_with_a_release_one_that_does_not_say_it_yet_is_waited_for_although_it_serves_its_target() -> None:
    seen = world(PASSED, **RELEASED)
    for _ in range(2):
        seen.after(seconds=61)
    assert seen.weights == {"v7": 500, "v8": 500}
    assert "waits for ModelRollout rank, which names no release yet, not 2026-12" in seen.status.message
    seen.companions = (replace(PASSED, release="2026-11"),)
    seen.reconcile()
    assert "rank, which is of release 2026-11, not 2026-12" in seen.status.message
    seen.companions = (replace(TRYING, release="2026-12"),)
    seen.reconcile()
    assert "waits for ModelRollout rank (run v3-abc-1)" in seen.status.message
    seen.companions = (replace(PASSED, release="2026-12"),)
    seen.reconcile()
    assert seen.weights == {"v8": 1000}


def test_a_release_that_was_mistyped_is_put_right_in_the_run_that_waits() -> None:
    seen = world(replace(PASSED, release="2026-12"), promoteTogether={"rollouts": ["rank"], "release": "2026-21"})
    for _ in range(2):
        seen.after(seconds=61)
    run = seen.status.run.id
    seen.edit(**RELEASED)
    seen.reconcile()
    assert (seen.weights, seen.status.run.id) == ({"v8": 1000}, run)


def test_a_person_may_promote_one_without_the_other() -> None:
    seen = world(TRYING)
    seen.ask(Verb.PROMOTE, full=True)
    assert seen.weights == {"v8": 1000}
