"""Experiments from their first weights to their end, whatever that is."""

from datetime import timedelta
from itertools import pairwise

import pytest

from modelrollout.api import Verb
from modelrollout.api.arms import ArmState
from modelrollout.api.status import Outcome, Phase, RunState, Verdict
from modelrollout.decisions.decision import Reason
from tests.unit.decisions.experiment_world import AB_TEST, ExperimentWorld, clicks
from tests.unit.decisions.world import errors_metric

BUTTON = {"v7": (378, 3662), "v8": (462, 3568), "v9": (440, 3479), "v10": (395, 3504)}


def test_all_candidates_get_their_shares_at_once_and_stable_the_rest() -> None:
    world = ExperimentWorld().start()
    assert world.weights == {"v7": 500, "v8": 200, "v9": 300}
    assert world.status.phase is Phase.PROGRESSING
    assert world.status.candidate == "v8 and v9"
    assert world.status.weight_text == "50%"
    assert world.condition("Ready") == ("False", "Progressing")


def test_without_a_split_every_version_gets_the_same_share() -> None:
    world = ExperimentWorld({"abTest": {}}).start()
    assert world.weights == {"v7": 334, "v8": 333, "v9": 333}


def test_no_candidate_gets_traffic_before_all_versions_are_ready() -> None:
    world = ExperimentWorld()
    world.ready("v9", 0)
    world.start()
    assert world.weights == {"v7": 1000}
    world.ready("v9", 1)
    world.after(seconds=1)
    assert world.weights["v9"] == 300


def test_who_is_proven_better_than_all_others_is_promoted_before_the_planned_end() -> None:
    world = ExperimentWorld().start()
    world.better_than_stable("v8", "v9")
    world.after(minutes=1)
    assert world.weights == {"v7": 500, "v8": 200, "v9": 300}, "nobody is promoted among two that cannot be told apart"
    assert world.arm("v9").beats == ["v7"]
    world.duels["v8", "v9"] = Verdict.FAIL
    world.after(minutes=1)
    assert world.weights == {"v9": 1000}
    assert (world.status.run.state, world.status.stable) == (RunState.WATCHING, "v9")
    assert world.status.previous.version == "v7"
    world.after(minutes=15)
    assert world.status.phase is Phase.COMPLETED
    assert world.condition("Ready")[0] == "True"
    assert world.status.history[-1].outcome is Outcome.PROMOTED


def test_a_winner_holds_until_there_is_something_new_among_the_candidates() -> None:
    world = ExperimentWorld().start()
    world.better_than_stable("v9")
    world.duels["v8", "v9"] = Verdict.FAIL
    world.after(minutes=1)
    world.after(minutes=15)
    runs = world.status.run.number
    world.edit(hypothesis="another text")
    world.after(hours=1)
    assert world.status.run.number == runs
    world.said.clear()
    world.seen("v8", revision="rev-v8b")
    world.after(seconds=1)
    assert world.status.run.number == runs + 1
    assert [arm.version for arm in world.status.run.arms] == ["v8"]
    assert world.weights == {"v9": 800, "v8": 200}


def test_a_candidate_whose_guardrail_fails_is_out_and_the_experiment_goes_on_with_the_rest() -> None:
    world = ExperimentWorld().start()
    world.said["v8", "errors"] = Verdict.FAIL
    world.after(seconds=10)
    assert world.weights == {"v7": 700, "v9": 300}
    assert world.arm("v8").state is ArmState.OUT
    assert [(one.version, one.revision) for one in world.status.rejected] == [("v8", "rev-v8")]
    assert world.status.phase is Phase.PROGRESSING
    assert Reason.GUARDRAIL_FAILED in world.reasons()
    world.better_than_stable("v9")
    world.after(minutes=1)
    assert world.weights == {"v9": 1000}, "who is out need not be beaten"


def test_when_every_candidate_is_out_all_traffic_goes_back() -> None:
    world = ExperimentWorld().start()
    world.said |= {("v8", "errors"): Verdict.FAIL, ("v9", "errors"): Verdict.FAIL}
    world.after(seconds=10)
    assert world.weights == {"v7": 1000}
    assert world.status.phase is Phase.ROLLED_BACK
    assert world.status.run.outcome is Outcome.ROLLED_BACK
    assert world.condition("Stalled")[0] == "True"
    runs = world.status.run.number
    world.after(hours=2)
    assert world.status.run.number == runs, "what was rejected is not tried again by accident"
    world.ask(Verb.RETRY)
    assert world.last_answer()[0]
    assert world.status.run.number == runs + 1


def test_the_end_without_a_winner_is_reported_and_stable_keeps_the_traffic() -> None:
    world = ExperimentWorld().start()
    world.better_than_stable("v8", "v9")
    world.after(minutes=61)
    run = world.status.run
    assert world.weights == {"v7": 1000}
    assert (run.outcome, run.reason) == (Outcome.REPORTED, "NoWinner")
    assert run.message.startswith(
        "its time of 1h is over; v8 and v9 are better than v7, and which of them is best cannot"
    )
    assert world.status.phase is Phase.COMPLETED
    assert world.condition("Ready")[0] == "True"
    assert world.status.rejected == []


def test_an_experiment_ends_as_soon_as_nobody_can_win_any_more() -> None:
    world = ExperimentWorld().start()
    world.said |= {("v8", "clicks"): Verdict.FAIL, ("v9", "clicks"): Verdict.FAIL}
    world.after(minutes=1)
    assert world.status.run.outcome is Outcome.REPORTED
    assert world.weights == {"v7": 1000}


def test_a_winner_is_only_reported_where_that_is_asked_for() -> None:
    world = ExperimentWorld({"abTest": AB_TEST | {"then": "Report"}}).start()
    world.better_than_stable("v8")
    world.duels["v8", "v9"] = Verdict.PASS
    world.after(minutes=1)
    assert (world.status.run.outcome, world.status.run.reason) == (Outcome.REPORTED, "Winner")
    assert world.weights == {"v7": 1000}
    said = next(one for one in world.status.metrics if (one.version, one.name) == ("v8", "clicks"))
    assert (said.against, said.verdict) == ("v7", "Pass")
    assert said.chance is not None


def test_a_number_of_answers_of_every_version_ends_it_too() -> None:
    world = ExperimentWorld({"abTest": {"until": {"samples": 5000}}}).start()
    world.after(minutes=1)
    assert world.status.run.state is RunState.TRIAL
    world.counts |= {"v7": (500, 5000), "v8": (500, 5000)}
    world.after(minutes=1)
    assert world.status.run.state is RunState.TRIAL, "v9 has too few"
    world.counts["v9"] = (500, 5000)
    world.after(minutes=1)
    assert world.status.run.outcome is Outcome.REPORTED


def test_without_any_evidence_the_end_says_so_and_holds_nothing_against_anybody() -> None:
    world = ExperimentWorld()
    world.evidence_on = False
    world.start()
    world.after(minutes=61)
    assert world.status.run.outcome is Outcome.NO_EVIDENCE
    assert world.status.rejected == []


def test_a_pause_stops_the_clock_of_the_experiment() -> None:
    world = ExperimentWorld().start()
    world.ask(Verb.PAUSE)
    world.after(hours=3)
    world.ask(Verb.RESUME)
    world.after(minutes=59)
    assert world.status.run.state is RunState.TRIAL
    world.after(minutes=2)
    assert world.status.run.outcome is Outcome.REPORTED


def test_a_candidate_without_endpoints_gets_no_traffic_and_its_share_back() -> None:
    world = ExperimentWorld().start()
    world.ready("v8", 0)
    world.after(seconds=1)
    assert world.weights == {"v7": 700, "v9": 300}
    assert world.arm("v8").state is ArmState.WAITING
    world.ready("v8", 1)
    world.after(seconds=1)
    assert world.weights == {"v7": 500, "v8": 200, "v9": 300}
    world.ready("v8", 0)
    world.after(seconds=1)
    world.after(minutes=6)
    assert world.arm("v8").state is ArmState.OUT
    assert world.status.run.state is RunState.TRIAL


def test_containers_that_restart_take_their_candidate_out_alone() -> None:
    world = ExperimentWorld().start()
    world.seen("v9", restarts=3)
    world.after(seconds=5)
    assert world.arm("v9").reason == "ContainersRestart"
    assert world.weights == {"v7": 800, "v8": 200}


def test_a_manual_promotion_waits_for_a_person() -> None:
    world = ExperimentWorld(promotion="Manual").start()
    world.better_than_stable("v8")
    world.duels["v8", "v9"] = Verdict.PASS
    world.after(minutes=1)
    assert world.status.phase is Phase.AWAITING_APPROVAL
    assert world.weights["v8"] == 200
    world.ask(Verb.APPROVE)
    assert world.last_answer()[0]
    assert world.weights == {"v8": 1000}


def test_abort_ends_the_experiment_and_rejects_nobody() -> None:
    world = ExperimentWorld().start()
    world.ask(Verb.ABORT)
    world.reconcile()
    assert world.weights == {"v7": 1000}
    assert world.status.run.outcome is Outcome.ABORTED
    assert world.status.rejected == []
    world.after(hours=1)
    assert world.status.run.state is RunState.DONE


def test_skip_ends_it_with_what_is_known_but_not_before_a_fixed_horizon() -> None:
    world = ExperimentWorld().start()
    world.ask(Verb.SKIP)
    assert world.status.run.outcome is Outcome.REPORTED
    fixed = ExperimentWorld({"abTest": AB_TEST | {"horizon": "Fixed"}}).start()
    fixed.ask(Verb.SKIP)
    assert fixed.last_answer() == (False, "a fixed horizon is judged once, at its planned end: wait, or abort it")


@pytest.mark.parametrize("full", [True, False])
def test_nobody_is_promoted_by_command_within_an_experiment(*, full: bool) -> None:
    world = ExperimentWorld().start()
    world.ask(Verb.PROMOTE, full=full)
    accepted, message = world.last_answer()
    assert not accepted
    assert "set spec.target" in message


def test_a_target_in_place_of_candidates_begins_a_run_of_its_own() -> None:
    world = ExperimentWorld().start()
    world.document.pop("candidates")
    world.edit(target="v8", strategy={"canary": {"weights": [5, 50]}})
    world.reconcile()
    assert [one.outcome for one in world.status.history] == [Outcome.SUPERSEDED]
    assert world.weights == {"v7": 950, "v8": 50}
    assert world.status.run.arms == []


def test_the_target_set_to_stable_withdraws_the_experiment() -> None:
    world = ExperimentWorld().start()
    world.document.pop("candidates")
    world.edit(target="v7", strategy={"canary": {"weights": [5, 50]}})
    world.reconcile()
    assert world.weights == {"v7": 1000}
    assert world.status.run.outcome is Outcome.WITHDRAWN


def test_another_list_of_candidates_begins_anew() -> None:
    world = ExperimentWorld({"abTest": {}}).start()
    world.edit(candidates=["v8"])
    world.reconcile()
    assert world.weights == {"v7": 500, "v8": 500}
    assert world.status.run.number == 2


def test_a_new_revision_of_a_candidate_begins_anew() -> None:
    world = ExperimentWorld().start()
    world.seen("v9", revision="rev-v9b")
    world.after(seconds=1)
    assert world.status.run.number == 2
    assert world.arm("v9").revision == "rev-v9b"


def test_undo_of_a_winner_returns_to_the_version_before_it_and_rejects_it() -> None:
    world = ExperimentWorld().start()
    world.better_than_stable("v9")
    world.duels["v8", "v9"] = Verdict.FAIL
    world.after(minutes=1)
    world.ask(Verb.UNDO)
    world.reconcile()
    assert world.weights == {"v7": 1000}
    assert [one.version for one in world.status.rejected] == ["v9"]
    world.after(hours=1)
    assert world.status.run.state is RunState.DONE


def test_a_guardrail_that_fails_in_the_watch_takes_the_winner_back() -> None:
    world = ExperimentWorld().start()
    world.better_than_stable("v9")
    world.duels["v8", "v9"] = Verdict.FAIL
    world.after(minutes=1)
    world.said["v9", "errors"] = Verdict.FAIL
    world.after(seconds=10)
    assert world.weights == {"v7": 1000}
    assert world.status.run.outcome is Outcome.ROLLED_BACK


def test_an_experiment_that_changes_nothing_writes_nothing() -> None:
    world = ExperimentWorld().start()
    before = (world.status_writes, world.route_writes)
    for _ in range(20):
        world.after(seconds=5)
    assert world.route_writes == before[1]
    assert world.status_writes - before[0] <= 1


# -- fixed horizon: the button text of four versions ------------------------------------------------------------------


def button(**more: object) -> ExperimentWorld:
    versions = [
        {
            "name": name,
            "service": {"name": f"b-{name}", "port": 80},
            "workload": {"kind": "Deployment", "name": f"b-{name}"},
        }
        for name in BUTTON
    ]
    test = {"until": {"duration": "7d"}, "horizon": "Fixed", **more}
    world = ExperimentWorld(
        {"abTest": test},
        versions=versions,
        candidates=["v8", "v9", "v10"],
        metrics=[errors_metric(), clicks()],
        progressDeadline="10d",
    )
    world.seen("v7")
    world.versions["v10"] = world.versions["v9"]
    world.versions["v10"] = type(world.versions["v9"])(ready=2, revision="rev-v10", restarts=0)
    world.counts = dict(BUTTON)
    return world.start()


def test_the_first_two_button_texts_are_not_told_apart_so_neither_is_promoted() -> None:
    world = button()
    world.after(days=6)
    assert world.status.run.state is RunState.TRIAL, "a fixed horizon is not looked at before its end"
    assert all(arm.beats == [] for arm in world.status.run.arms)
    world.after(days=1, seconds=1)
    run = world.status.run
    assert (run.outcome, run.reason) == (Outcome.REPORTED, "NoWinner")
    assert [(arm.version, arm.beats) for arm in run.arms] == [("v8", ["v7"]), ("v9", ["v7"]), ("v10", [])]
    assert "v8 and v9 are better than v7" in run.message


def test_the_button_texts_stand_in_the_status_with_their_chances_and_p_values() -> None:
    world = button()
    world.after(days=7, seconds=1)
    lines = {one.version: one for one in world.status.metrics if one.name == "clicks" and one.against == "v7"}
    assert [round(100 * float(lines[name].chance), 1) for name in ("v8", "v9", "v10")] == [100.0, 99.9, 90.2]
    corrected = [min(1, 3 * float(lines[name].p_value)) for name in ("v8", "v9", "v10")]
    assert corrected == pytest.approx([0.0015, 0.0062, 0.585], abs=0.0005)
    assert all(one.effect.startswith("difference") for one in lines.values())


def test_a_clear_winner_of_a_fixed_horizon_is_promoted_at_its_end() -> None:
    world = button()
    world.counts["v8"] = (700, 3568)
    world.after(days=7, seconds=1)
    assert world.weights == {"v8": 1000}


# -- bandit -----------------------------------------------------------------------------------------------------------


def bandit(**more: object) -> ExperimentWorld:
    return ExperimentWorld({"bandit": {"until": {"duration": "1d"}, **more}})


def test_a_bandit_moves_towards_the_better_version_by_no_more_than_it_may() -> None:
    world = bandit().start()
    world.counts["v9"] = (600, 4000)
    world.after(seconds=30)
    assert world.weights == {"v7": 334, "v8": 333, "v9": 333}, "not before its interval is over"
    seen = [dict(world.weights)]
    for _ in range(4):
        world.after(minutes=1)
        seen.append(dict(world.weights))
    for before, after in pairwise(seen):
        assert max(abs(after[name] - before[name]) for name in before) <= 101
    assert seen[1]["v9"] > 400
    assert seen[-1]["v9"] == pytest.approx(688, abs=2), "three quarters of what lies above the floors, and its floor"
    assert min(min(one.values()) for one in seen) >= 50
    assert Reason.WEIGHTS_MOVED in world.reasons()


def test_a_bandit_that_would_hardly_move_leaves_its_weights_alone() -> None:
    world = bandit().start()
    for _ in range(5):
        world.after(minutes=1)
    writes = world.route_writes
    for _ in range(5):
        world.after(minutes=1)
    assert world.route_writes == writes


def test_the_same_evidence_gives_the_same_weights() -> None:
    worlds = [bandit().start() for _ in range(2)]
    for world in worlds:
        world.counts["v8"] = (450, 4000)
        for _ in range(3):
            world.after(minutes=1)
    assert worlds[0].weights == worlds[1].weights


def test_a_bandit_stands_still_while_its_data_is_old() -> None:
    world = bandit().start()
    world.counts["v9"] = (600, 4000)
    world.fresh = False
    for _ in range(5):
        world.after(minutes=1)
    assert world.weights == {"v7": 334, "v8": 333, "v9": 333}


def test_a_bandit_decides_by_proof_and_not_by_its_weights() -> None:
    world = bandit().start()
    world.counts["v9"] = (800, 4000)
    for _ in range(10):
        world.after(minutes=1)
    assert world.status.run.state is RunState.TRIAL
    world.better_than_stable("v9")
    world.duels["v8", "v9"] = Verdict.FAIL
    world.after(minutes=1)
    assert world.weights == {"v9": 1000}


def test_a_bandits_candidate_that_comes_back_begins_at_the_floor() -> None:
    world = bandit().start()
    world.ready("v8", 0)
    world.after(seconds=1)
    world.ready("v8", 1)
    world.after(seconds=1)
    assert world.weights == {"v7": 617, "v8": 50, "v9": 333}


def test_the_length_of_an_experiment_without_an_end_is_the_progress_deadline() -> None:
    world = ExperimentWorld({"abTest": {}}, progressDeadline="2h").start()
    world.after(hours=1, minutes=59)
    assert world.status.run.state is RunState.TRIAL
    world.after(minutes=2)
    assert world.status.run.outcome is Outcome.REPORTED
    assert world.status.run.ended_at is not None
    assert world.status.run.ended_at - world.status.run.exposed_at >= timedelta(hours=2)
