"""What people can ask of a run, and what is refused."""

from datetime import timedelta

import pytest

from modelrollout.api import Verb
from modelrollout.api.status import Outcome, Phase, Verdict
from modelrollout.decisions.observed import CommandSeen
from tests.unit.decisions import world as worlds
from tests.unit.decisions.world import World


def test_abort_takes_back_and_rejects() -> None:
    world = World().start()
    world.ask(Verb.ABORT)
    assert world.weights == {"v7": 1000}
    assert world.last_answer()[0]
    assert world.status.run.outcome is Outcome.ABORTED
    assert world.status.rejected[0].version == "v8"


def test_an_answer_is_written_in_the_same_write_as_its_effect() -> None:
    world = World().start()
    world.frozen_route = True
    before = world.status_writes
    world.ask(Verb.ABORT)
    assert world.status_writes == before + 1
    assert world.status.commands[-1].accepted
    assert world.status.phase is Phase.ROLLING_BACK


def test_a_command_is_answered_once() -> None:
    world = World().start()
    world.ask(Verb.PAUSE)
    world.reconcile()
    assert len(world.status.commands) == 1
    assert len(world.status.paused_by) == 1


def test_pause_stops_progress_and_resume_goes_on() -> None:
    world = World().start()
    world.passing()
    world.ask(Verb.PAUSE)
    world.after(hours=10)
    assert world.weights["v8"] == 50
    assert world.status.phase is Phase.PAUSED
    assert "ana" in world.status.message
    world.ask(Verb.RESUME)
    assert world.weights["v8"] == 250


def test_resume_does_not_override_the_manifest() -> None:
    world = World(paused=True).start()
    world.ask(Verb.RESUME)
    accepted, message = world.last_answer()
    assert not accepted
    assert "spec.paused" in message


def test_a_pause_outlives_a_new_revision() -> None:
    world = World().start()
    world.ask(Verb.PAUSE)
    world.seen("v8", revision="rev-v8-b")
    world.reconcile()
    assert world.status.phase is Phase.PAUSED
    assert world.weights == {"v7": 1000}


def test_promote_leaves_the_step_early() -> None:
    world = World().start()
    world.ask(Verb.PROMOTE)
    assert world.weights["v8"] == 250


def test_promote_is_refused_over_a_failed_goal() -> None:
    goal = {
        "name": "accuracy",
        "role": "Goal",
        "better": "Higher",
        "proportion": {"good": "right_total", "total": "answers_total"},
        "gain": {"difference": 0.01},
    }
    world = World(metrics=[goal]).start()
    world.verdicts["accuracy"] = Verdict.FAIL
    world.ask(Verb.PROMOTE)
    assert not world.last_answer()[0]
    assert world.weights["v8"] == 50


def test_promote_does_not_leave_the_last_step_without_proof() -> None:
    world = World().start()
    world.ask(Verb.PROMOTE)
    world.ask(Verb.PROMOTE)
    world.ask(Verb.PROMOTE)
    accepted, message = world.last_answer()
    assert not accepted
    assert "--full" in message
    assert world.weights["v8"] == 500


def test_promote_full_gives_everything_and_is_recorded_as_forced() -> None:
    world = World().start()
    world.ask(Verb.PROMOTE, full=True)
    assert world.weights == {"v8": 1000}
    world.after(minutes=15)
    assert world.status.run.outcome is Outcome.FORCED


def test_promote_full_never_goes_over_readiness() -> None:
    world = World().start()
    world.ready("v8", 0)
    world.after(seconds=1)
    world.ask(Verb.PROMOTE, full=True)
    assert not world.last_answer()[0]
    assert world.weights == {"v7": 1000}


def test_promote_full_never_goes_over_a_failed_guardrail() -> None:
    world = World(rollback="Hold").start()
    world.verdicts["errors"] = Verdict.FAIL
    world.after(seconds=5)
    world.ask(Verb.PROMOTE, full=True)
    assert not world.last_answer()[0]
    assert world.weights["v8"] == 50


def test_skip_ends_the_hold_and_nothing_else() -> None:
    world = World().start()
    world.ask(Verb.SKIP)
    assert world.last_answer()[0]
    assert world.weights["v8"] == 50, "samples still count"
    world.answers = 1000
    world.after(seconds=1)
    assert world.weights["v8"] == 250


def test_approval_is_waited_for_and_given() -> None:
    canary = {"steps": [{"weight": 5, "approval": True}, {"weight": 50}], "hold": "1m", "samples": 100}
    world = World(strategy={"canary": canary}).start()
    world.ask(Verb.APPROVE)
    assert not world.last_answer()[0], "not before the step has passed"
    world.passing()
    world.after(hours=10)
    assert world.status.phase is Phase.AWAITING_APPROVAL
    world.ask(Verb.APPROVE)
    assert world.weights["v8"] == 500


def test_manual_promotion_waits_for_a_person_after_the_last_step() -> None:
    world = World(promotion="Manual").start()
    world.passing()
    for _ in range(3):
        world.after(seconds=61)
    assert world.status.phase is Phase.AWAITING_APPROVAL
    assert world.weights["v8"] == 500
    world.ask(Verb.PROMOTE)
    assert world.weights == {"v8": 1000}


def test_undo_in_the_watch_is_one_write() -> None:
    world = World().promoted()
    writes = world.route_writes
    world.ask(Verb.UNDO)
    assert world.weights == {"v7": 1000}
    assert world.route_writes == writes + 1
    assert world.status.stable == "v7"
    assert world.status.rejected[-1].version == "v8"
    world.after(hours=1)
    assert world.weights == {"v7": 1000}


def test_undo_after_the_watch_returns_to_the_previous_version() -> None:
    world = World().promoted()
    world.after(minutes=16)
    world.ask(Verb.UNDO)
    assert world.weights == {"v7": 1000}
    assert world.status.run.outcome is Outcome.UNDONE


def test_a_promotion_can_be_undone_although_a_later_candidate_failed() -> None:
    world = World().promoted()
    world.after(minutes=16)
    world.edit(target="v9")
    world.reconcile()
    world.ask(Verb.ABORT)
    world.ask(Verb.UNDO)
    assert world.last_answer() == (True, "all traffic goes back to v7")
    assert world.weights == {"v7": 1000}
    assert [(one.version, one.reason) for one in world.status.rejected] == [("v9", "Aborted"), ("v8", "Undone")]
    world.ask(Verb.UNDO)
    assert world.last_answer() == (False, "no promotion can be undone: nothing was promoted before")


def test_an_undo_does_not_begin_anew_what_ended_without_evidence() -> None:
    world = World(progressDeadline="20m").promoted()
    world.after(minutes=16)
    world.edit(target="v9")
    world.reconcile()
    world.verdicts, world.answers = {}, 0
    world.after(minutes=21)
    assert world.status.run.outcome is Outcome.NO_EVIDENCE
    world.ask(Verb.UNDO)
    assert (world.weights, world.status.run.outcome) == ({"v7": 1000}, Outcome.UNDONE)
    world.ask(Verb.RETRY)
    assert world.weights == {"v7": 950, "v9": 50}


def test_undo_is_refused_when_the_previous_version_is_gone() -> None:
    world = World().promoted()
    world.ready("v7", 0)
    world.ask(Verb.UNDO)
    assert not world.last_answer()[0]
    assert world.weights == {"v8": 1000}


def test_undo_before_any_promotion_is_refused() -> None:
    world = World()
    world.reconcile()
    world.ask(Verb.UNDO)
    assert not world.last_answer()[0]


def test_retry_tries_a_rejected_revision_again_as_a_new_attempt() -> None:
    world = World().start()
    world.ask(Verb.ABORT)
    world.ask(Verb.RETRY)
    assert world.weights == {"v7": 950, "v8": 50}
    assert world.status.run.number == 2
    assert world.status.rejected == []


def test_no_two_runs_of_a_rollout_share_an_id_however_many_there_are() -> None:
    world = World().start()
    ids = [world.status.run.id]
    for _ in range(15):  # more than the history keeps
        for verb in (Verb.ABORT, Verb.RETRY):
            world.now += timedelta(seconds=1)
            world.ask(verb)
        ids.append(world.status.run.id)
    assert len(set(ids)) == 16


def test_a_command_bound_to_another_run_is_refused() -> None:
    world = World().start()
    world.ask(Verb.ABORT, run="v8-other-1")
    accepted, message = world.last_answer()
    assert not accepted
    assert world.status.run.id in message
    assert world.weights["v8"] == 50


def test_an_expired_command_is_refused() -> None:
    world = World().start()
    world.ask(Verb.PAUSE)
    old = world.commands[-1]
    world.commands = (
        *world.commands,
        old.__class__(
            name="late", uid="late", verb=Verb.ABORT, by="bo", created_at=old.created_at,
            expires_at=world.now - timedelta(seconds=1),
        ),
    )  # fmt: skip
    world.reconcile()
    assert not world.last_answer()[0]
    assert world.weights["v8"] == 50


@pytest.mark.parametrize("verb", [Verb.PAUSE, Verb.SKIP, Verb.PROMOTE, Verb.APPROVE, Verb.ABORT])
def test_verbs_of_a_trial_are_refused_without_one(verb: Verb) -> None:
    world = World()
    world.reconcile()
    world.ask(verb)
    assert not world.last_answer()[0]
    assert world.weights == {"v7": 1000}


def test_a_command_whose_answer_made_room_is_not_carried_out_again() -> None:
    world = World()
    world.reconcile()
    for _ in range(12):
        world.now += timedelta(seconds=1)
        world.ask(Verb.UNDO)
    assert len(world.status.commands) == 10
    assert world.status.answered_through == world.commands[1].created_at
    writes = world.status_writes
    world.reconcile()
    assert world.status_writes == writes


def test_a_command_for_an_earlier_rollout_of_the_same_name_is_ignored() -> None:
    world = World().start()
    old = worlds.START - timedelta(seconds=1)
    world.commands = (CommandSeen(name="old", uid="old", verb=Verb.ABORT, by="ana", created_at=old),)
    world.reconcile()
    assert world.status.commands == []
    assert world.weights["v8"] == 50
