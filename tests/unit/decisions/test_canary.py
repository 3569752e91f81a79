"""A canary from the first weight to its end."""

from datetime import timedelta

import pytest

from modelrollout.api import Verb
from modelrollout.api.status import Outcome, Phase, RunState, Verdict
from modelrollout.decisions.decision import Reason
from tests.unit.decisions.world import World, errors_metric, rule


def test_the_version_with_all_the_weight_is_adopted_as_stable() -> None:
    world = World()
    world.reconcile()
    assert world.status.stable == "v7"
    assert world.status.phase is Phase.COMPLETED
    assert world.condition("Ready") == ("True", "Completed")
    assert world.route.owner is not None
    assert world.route.owner.stable == "v7"


def test_a_changed_target_moves_the_first_weight_in_the_same_reconcile() -> None:
    world = World().start()
    assert world.weights == {"v7": 950, "v8": 50}
    assert world.status.phase is Phase.PROGRESSING
    assert world.condition("Ready") == ("False", "Progressing")
    assert world.condition("Reconciling")[0] == "True"


def test_a_good_candidate_walks_every_step_and_is_promoted() -> None:
    world = World().start()
    world.passing()
    seen = [world.weights["v8"]]
    for _ in range(3):
        world.after(seconds=61)
        seen.append(world.weights.get("v8", 0))
    assert seen == [50, 250, 500, 1000]
    assert world.status.phase is Phase.WATCHING
    assert world.status.stable == "v8"
    assert world.status.previous.version == "v7"
    assert world.condition("Ready")[0] == "True"
    world.after(minutes=15)
    assert world.status.phase is Phase.COMPLETED
    assert world.status.run.outcome is Outcome.PROMOTED
    assert [past.outcome for past in world.status.history] == [Outcome.PROMOTED]


def test_a_whole_canary_costs_one_route_write_a_step_and_few_status_writes() -> None:
    world = World()
    world.reconcile()
    before = (world.status_writes, world.route_writes)
    world.edit(target="v8")
    world.reconcile()
    world.passing()
    for _ in range(3):
        world.after(seconds=61)
    world.after(minutes=15)
    assert world.route_writes - before[1] == 4
    assert world.status_writes - before[0] <= 8


def test_a_reconcile_that_changes_nothing_writes_nothing() -> None:
    world = World().start()
    writes = (world.status_writes, world.route_writes)
    for _ in range(20):
        world.after(seconds=1)
    assert (world.status_writes, world.route_writes) == writes


def test_a_step_is_not_left_before_its_hold_is_over() -> None:
    world = World().start()
    world.passing()
    world.after(seconds=59)
    assert world.weights["v8"] == 50
    world.after(seconds=1)
    assert world.weights["v8"] == 250


def test_a_step_is_not_left_before_the_candidate_gave_its_samples() -> None:
    world = World().start()
    world.answers = 99
    world.after(minutes=10)
    assert world.weights["v8"] == 50
    world.answers = 100
    world.after(seconds=1)
    assert world.weights["v8"] == 250


@pytest.mark.parametrize("verdict", [Verdict.ERROR])
def test_an_error_never_lets_a_step_be_left(verdict: Verdict) -> None:
    world = World().start()
    world.answers = 1000
    world.verdicts["errors"] = verdict
    world.after(hours=1)
    world.after(hours=1)
    assert world.weights["v8"] == 50
    assert world.reasons().count(Reason.ANALYSIS_FAILING) == 1


def test_what_is_asked_no_longer_is_not_said_to_fail() -> None:
    world = World().start()
    world.verdicts["errors"] = Verdict.ERROR
    world.after(seconds=30)
    assert world.condition("AnalysisHealthy") == ("False", "Scripted")
    world.ask(Verb.ABORT)
    world.after(minutes=1)
    assert world.condition("AnalysisHealthy") == ("Unknown", "NotAsked")
    (said,) = [one.message for one in world.status.conditions if one.type == "AnalysisHealthy"]
    assert said.startswith("the last run ended with: errors")
    conditions = world.status.conditions
    world.after(hours=1)
    assert world.status.conditions == conditions


def test_stale_data_never_lets_a_step_be_left() -> None:
    world = World().start()
    world.passing()
    world.fresh = False
    world.after(hours=1)
    assert world.weights["v8"] == 50


def test_prometheus_down_from_the_start_never_exceeds_the_first_weight() -> None:
    world = World()
    world.evidence_on = False
    world.start()
    for _ in range(30):
        world.after(minutes=10)
    assert world.weights["v8"] == 50
    assert "GuardrailFailed" not in world.reasons()


def test_inconclusive_passes_the_early_steps_and_never_the_last() -> None:
    world = World().start()
    world.answers = 1000
    for _ in range(10):
        world.after(seconds=61)
    assert world.weights["v8"] == 500
    assert world.status.phase is Phase.PROGRESSING


def test_a_failed_guardrail_rolls_back_at_once() -> None:
    world = World().start()
    world.verdicts["errors"] = Verdict.FAIL
    world.after(seconds=5)
    assert world.weights == {"v7": 1000}
    assert world.status.phase is Phase.ROLLED_BACK
    assert world.status.run.outcome is Outcome.ROLLED_BACK
    assert world.condition("Stalled") == ("True", "RolledBack")
    assert Reason.GUARDRAIL_FAILED in world.reasons()


def test_a_failed_guardrail_rolls_back_although_paused() -> None:
    world = World().start()
    world.edit(paused=True)
    world.reconcile()
    world.verdicts["errors"] = Verdict.FAIL
    world.after(seconds=5)
    assert world.weights == {"v7": 1000}


def test_a_failed_guardrail_holds_the_weight_where_rollback_is_hold() -> None:
    world = World(rollback="Hold").start()
    world.verdicts["errors"] = Verdict.FAIL
    world.after(seconds=5)
    world.after(hours=9)
    assert world.weights == {"v7": 950, "v8": 50}
    assert world.status.phase is Phase.HOLDING
    assert world.reasons().count(Reason.GUARDRAIL_HELD) == 1


def test_nothing_rolls_back_onto_a_stable_version_without_endpoints() -> None:
    world = World().start()
    world.ready("v7", 0)
    world.verdicts["errors"] = Verdict.FAIL
    world.after(seconds=5)
    assert world.weights == {"v7": 950, "v8": 50}
    world.ready("v7", 1)
    world.after(seconds=1)
    assert world.weights == {"v7": 1000}


def test_a_failed_goal_blocks_promotion_and_never_rolls_back() -> None:
    goal = {
        "name": "accuracy",
        "role": "Goal",
        "better": "Higher",
        "proportion": {"good": "right_total", "total": "answers_total"},
        "gain": {"difference": 0.01},
    }
    world = World(metrics=[errors_metric(), goal]).start()
    world.passing()
    world.verdicts["accuracy"] = Verdict.FAIL
    world.after(hours=1)
    assert world.weights == {"v7": 950, "v8": 50}
    assert world.status.run.state is RunState.TRIAL


def test_a_monitor_decides_nothing() -> None:
    world = World(metrics=[errors_metric(role="Monitor")]).start()
    world.verdicts["errors"] = Verdict.FAIL
    world.answers = 1000
    for _ in range(3):
        world.after(seconds=61)
    assert world.status.phase is Phase.WATCHING


def test_a_rejected_revision_is_not_tried_again_until_a_person_asks() -> None:
    world = World().start()
    world.verdicts["errors"] = Verdict.FAIL
    world.after(seconds=5)
    world.edit(target="v7")
    world.reconcile()
    assert world.condition("Ready")[0] == "True"
    assert world.condition("Stalled")[0] == "False"
    assert world.status.phase is Phase.COMPLETED
    world.verdicts.clear()
    world.edit(target="v8")
    world.reconcile()
    assert world.weights == {"v7": 1000}
    assert world.condition("Stalled")[0] == "True"
    assert Reason.TARGET_REJECTED in world.reasons()


def test_a_new_revision_of_a_rejected_version_is_tried() -> None:
    world = World().start()
    world.verdicts["errors"] = Verdict.FAIL
    world.after(seconds=5)
    world.verdicts.clear()
    world.seen("v8", revision="rev-v8-fixed")
    world.reconcile()
    assert world.weights == {"v7": 950, "v8": 50}


def test_the_deadline_rolls_back_as_no_evidence_and_holds_nothing_against_the_digest() -> None:
    world = World(progressDeadline="30m").start()
    world.answers = 1000
    for _ in range(2):
        world.after(seconds=61)
    world.after(minutes=31)
    assert world.weights == {"v7": 1000}
    assert world.status.run.outcome is Outcome.NO_EVIDENCE
    assert world.status.rejected == []
    world.after(hours=1)
    assert world.weights == {"v7": 1000}, "the same revision is not tried again by itself"


def test_the_deadline_holds_where_on_deadline_is_hold() -> None:
    world = World(progressDeadline="30m", onDeadline="Hold").start()
    world.after(minutes=31)
    assert world.weights == {"v7": 950, "v8": 50}
    assert world.status.phase is Phase.HOLDING


def test_the_deadline_stands_still_while_paused() -> None:
    world = World(progressDeadline="30m").start()
    world.edit(paused=True)
    world.reconcile()
    world.after(hours=5)
    world.edit(paused=False)
    world.reconcile()
    world.after(minutes=29)
    assert world.weights == {"v7": 950, "v8": 50}
    world.after(minutes=2)
    assert world.weights == {"v7": 1000}


def test_the_deadline_of_a_step_counts_before_the_progress_deadline() -> None:
    canary = {"steps": [{"weight": 5, "deadline": "2m"}, {"weight": 50}], "hold": "1m", "samples": 100}
    world = World(strategy={"canary": canary}).start()
    world.after(minutes=3)
    assert world.status.run.outcome is Outcome.NO_EVIDENCE


def test_a_candidate_that_never_becomes_ready_ends_by_the_deadline() -> None:
    world = World(progressDeadline="10m")
    world.ready("v8", 0)
    world.start()
    assert world.weights == {"v7": 1000}
    assert world.status.phase is Phase.PENDING
    world.after(minutes=11)
    assert world.status.run.outcome is Outcome.NO_EVIDENCE


def test_a_candidate_gets_its_first_weight_when_it_becomes_ready() -> None:
    world = World()
    world.ready("v8", 0)
    world.start()
    world.ready("v8", 1)
    world.after(seconds=1)
    assert world.weights == {"v7": 950, "v8": 50}


def test_a_candidate_without_endpoints_gets_weight_0_and_it_back_when_ready() -> None:
    world = World().start()
    world.ready("v8", 0)
    world.after(seconds=1)
    assert world.weights == {"v7": 1000}
    assert world.status.phase is Phase.HOLDING
    world.ready("v8", 1)
    world.after(seconds=1)
    assert world.weights == {"v7": 950, "v8": 50}
    world.passing()
    world.after(seconds=59)
    assert world.weights["v8"] == 50, "its hold starts anew"


def test_the_third_loss_of_all_endpoints_rolls_back() -> None:
    world = World().start()
    for _ in range(2):
        world.ready("v8", 0)
        world.after(seconds=1)
        world.ready("v8", 1)
        world.after(seconds=1)
    world.ready("v8", 0)
    world.after(seconds=1)
    assert world.status.phase is Phase.ROLLED_BACK
    assert world.status.rejected[0].reason == "CandidateUnavailable"


def test_five_minutes_without_endpoints_roll_back() -> None:
    world = World().start()
    world.ready("v8", 0)
    decision = world.after(seconds=1)
    assert decision.wake_at == world.now + timedelta(minutes=5)
    world.after(minutes=5)
    assert world.status.phase is Phase.ROLLED_BACK


def test_restarting_containers_of_the_candidate_roll_back() -> None:
    world = World().start()
    world.seen("v8", restarts=2)
    world.after(seconds=1)
    assert world.status.phase is Phase.PROGRESSING
    world.seen("v8", restarts=3)
    world.after(seconds=1)
    assert world.status.run.reason == "ContainersRestart"
    assert world.weights == {"v7": 1000}


def test_restarts_from_before_the_trial_do_not_count() -> None:
    world = World()
    world.seen("v8", restarts=7)
    world.start()
    world.seen("v8", restarts=8)
    world.after(seconds=1)
    assert world.status.phase is Phase.PROGRESSING


def test_a_container_killed_for_want_of_memory_rolls_back() -> None:
    world = World().start()
    world.seen("v8", restarts=1, oom_kills=1)
    world.after(seconds=1)
    assert world.status.run.reason == "OutOfMemory"


@pytest.mark.parametrize("back", [0, 1], ids=["while it is down", "as it comes back"])
def test_who_was_killed_for_want_of_memory_and_lost_its_last_endpoint_gets_no_traffic_again(back: int) -> None:
    world = World().start()
    world.ready("v8", 0)
    world.after(seconds=1)
    assert world.status.phase is Phase.HOLDING
    world.seen("v8", ready=back, restarts=1, oom_kills=1)
    world.after(seconds=1)
    assert (world.status.run.reason, world.status.phase) == ("OutOfMemory", Phase.ROLLED_BACK)
    assert Reason.CANDIDATE_BACK not in world.reasons()


def test_who_is_killed_with_rollback_hold_is_held_and_comes_back() -> None:
    world = World(rollback="Hold").start()
    world.ready("v8", 0)
    world.after(seconds=1)
    world.seen("v8", ready=1, restarts=1, oom_kills=1)
    world.after(seconds=1)
    assert Reason.CANDIDATE_BACK in world.reasons()


def test_a_changed_baseline_starts_the_evidence_of_the_step_anew() -> None:
    world = World().start()
    world.passing()
    world.after(seconds=50)
    world.seen("v7", revision="rev-v7-changed")
    world.reconcile()
    assert Reason.BASELINE_CHANGED in world.reasons()
    world.after(seconds=59)
    assert world.weights["v8"] == 50
    world.after(seconds=1)
    assert world.weights["v8"] == 250


def test_a_new_revision_of_the_candidate_restarts_the_run_at_the_first_weight() -> None:
    world = World().start()
    world.passing()
    world.after(seconds=61)
    assert world.weights["v8"] == 250
    world.seen("v8", revision="rev-v8-b")
    world.reconcile()
    assert world.weights == {"v7": 950, "v8": 50}
    assert world.status.run.id == "v8-rev-v8-b-2"
    assert world.status.history[-1].outcome is Outcome.SUPERSEDED


def test_finish_first_lets_the_run_go_on_over_a_new_revision() -> None:
    world = World(onNewRevision="FinishFirst").start()
    world.passing()
    world.after(seconds=61)
    world.seen("v8", revision="rev-v8-b")
    world.reconcile()
    assert world.weights["v8"] == 250


def test_a_changed_target_takes_the_old_candidate_off_in_the_same_write() -> None:
    world = World().start()
    world.passing()
    world.after(seconds=61)
    writes = world.route_writes
    world.edit(target="v9")
    world.reconcile()
    assert world.weights == {"v7": 950, "v9": 50}
    assert world.route_writes == writes + 1


def test_target_set_back_to_stable_withdraws_without_a_grudge() -> None:
    world = World().start()
    world.edit(target="v7")
    world.reconcile()
    assert world.weights == {"v7": 1000}
    assert world.status.phase is Phase.WITHDRAWN
    assert world.condition("Ready")[0] == "True"
    assert world.status.rejected == []
    world.edit(target="v8")
    world.reconcile()
    assert world.weights == {"v7": 950, "v8": 50}
    assert world.status.run.number == 2


def test_a_guardrail_that_fails_in_the_watch_takes_traffic_back() -> None:
    world = World().promoted()
    world.verdicts["errors"] = Verdict.FAIL
    world.after(seconds=5)
    assert world.weights == {"v7": 1000}
    assert world.status.stable == "v7"
    assert world.status.phase is Phase.ROLLED_BACK


def test_a_promoted_version_that_loses_its_endpoints_in_the_watch_goes_back() -> None:
    world = World().promoted()
    world.ready("v8", 0)
    world.after(seconds=1)
    assert world.weights == {"v7": 1000}


def test_after_the_watch_the_promoted_version_is_the_baseline_of_the_next_run() -> None:
    world = World().promoted()
    world.after(minutes=15)
    world.verdicts.clear()
    world.answers = 0
    world.edit(target="v9")
    world.reconcile()
    assert world.weights == {"v8": 950, "v9": 50}


def test_a_target_back_to_the_old_version_in_the_watch_returns_in_one_write() -> None:
    world = World().promoted()
    writes = world.route_writes
    world.edit(target="v7")
    world.reconcile()
    assert world.weights == {"v7": 1000}
    assert world.route_writes == writes + 1
    assert world.status.phase is Phase.WITHDRAWN


def test_a_restart_between_status_and_route_converges_to_the_same_weights() -> None:
    world = World()
    world.reconcile()
    world.edit(target="v8")
    world.frozen_route = True
    world.reconcile()
    assert world.weights == {"v7": 1000}
    world.frozen_route = False
    world.reconcile()
    assert world.weights == {"v7": 950, "v8": 50}


def test_a_decision_that_leaves_the_weights_still_changes_the_fence() -> None:
    world = World()
    world.reconcile()
    world.edit(target="v8")
    world.frozen_route = True
    world.reconcile()
    world.frozen_route = False
    world.verdicts["errors"] = Verdict.FAIL
    world.reconcile()
    assert world.weights == {"v7": 1000}
    assert world.route.owner is not None
    assert world.route.owner.intent == world.status.run.intent > 0


def test_every_managed_rule_must_agree() -> None:
    world = World().start()
    world.route = world.route.__class__(
        found=True,
        accepted=True,
        rules=(world.route.rules[0], rule({"v7": 1000})),
        owner=world.route.owner,
        writer="kubectl-edit",
    )
    assert world.decide().traffic is not None


def test_no_two_runs_share_an_id_although_others_came_between() -> None:
    world = World().promoted()
    world.edit(target="v9")
    world.reconcile()
    world.edit(target="v8")
    world.reconcile()
    world.verdicts["errors"] = Verdict.FAIL
    world.edit(target="v9")
    world.reconcile()
    ids = [past.run for past in world.status.history]
    assert len(ids) == len(set(ids)) >= 3
