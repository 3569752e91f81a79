"""What a policy would have decided: known histories, and that replaying is the same as having been there."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelrollout.api.status import Verdict
from modelrollout.rehearsal.recording.recorded import Gauge, Recording
from modelrollout.rehearsal.replay.playing import Player, replay
from modelrollout.rehearsal.replay.result import Ending, Replay
from modelrollout.rehearsal.replay.roles import CannotReplay, check_policy, exposure, roles_of
from tests.unit.rehearsal.recordings import BAD_V8, ERRORS, MEMORY, ROLES, SLOW, T0, V7, V8, Pod, policy, recorded

GOOD = recorded(V7, V8)
LATE_FAULT = recorded(V7, replace(V8, worse_from=180.0))
RECORDINGS = {"good": GOOD, "late fault": LATE_FAULT}


def test_a_good_candidate_is_promoted_after_its_holds() -> None:
    done = replay(policy(), GOOD, ROLES, T0)
    assert done.ending is Ending.PROMOTED
    assert done.watched
    assert done.at == T0 + 240
    assert [(step.number, step.weight, step.entered - T0) for step in done.steps] == [(1, 50, 0), (2, 500, 120)]
    assert [one.finding.verdict for one in done.steps[1].metrics] == [Verdict.PASS]
    assert "all 2 steps passed" in done.message


def test_a_bad_candidate_is_taken_back_long_before_its_first_hold_ends() -> None:
    done = replay(policy(), recorded(V7, BAD_V8), ROLES, T0)
    assert (done.ending, done.reason) == (Ending.ROLLED_BACK, "GuardrailFailed")
    assert T0 + 20 < done.at < T0 + 120
    (step,) = done.steps
    (errors,) = step.metrics
    assert (errors.finding.verdict, errors.since, step.left) == (Verdict.FAIL, done.at, done.at)
    assert errors.finding.candidate == pytest.approx(0.08, abs=0.04)


def test_a_late_fault_is_found_in_the_step_where_it_begins() -> None:
    done = replay(policy(), LATE_FAULT, ROLES, T0)
    assert done.ending is Ending.ROLLED_BACK
    assert [step.number for step in done.steps] == [1, 2]
    assert 180 < done.at - T0 <= 270


def test_data_that_end_early_hold_with_what_is_missing() -> None:
    done = replay(policy(), recorded(V7, V8, seconds=60), ROLES, T0)
    assert (done.ending, done.outcome, done.reason) == (Ending.HELD, "", "Hold")
    assert done.at == done.until == T0 + 70  # the newest scrape came a moment after T0 + 60
    assert done.missing[0].startswith("step 1 is held until")


def test_the_watch_after_a_promotion_takes_back_what_breaks_in_it() -> None:
    done = replay(policy(watch="10m"), recorded(V7, replace(V8, worse_from=300.0)), ROLES, T0)
    assert done.ending is Ending.ROLLED_BACK
    assert [step.number for step in done.steps] == [1, 2, None]
    assert done.at > T0 + 300


def test_a_watch_that_the_data_do_not_reach_the_end_of_is_said_to_be_open() -> None:
    done = replay(policy(watch="1h"), recorded(V7, V8, seconds=300), ROLES, T0)
    assert (done.ending, done.watched, done.at) == (Ending.PROMOTED, False, T0 + 240)


def test_a_deadline_without_proof_takes_the_candidate_back_as_no_evidence() -> None:
    few = recorded(V7, replace(V8, rate=0.2))
    done = replay(policy(progressDeadline="5m"), few, ROLES, T0)
    assert (done.ending, done.outcome, done.reason) == (Ending.ROLLED_BACK, "NoEvidence", "DeadlinePassed")
    assert done.at == T0 + 300


def test_a_failed_guardrail_is_held_where_the_policy_says_so() -> None:
    done = replay(policy(rollback="Hold"), recorded(V7, BAD_V8, seconds=200), ROLES, T0)
    assert (done.ending, done.reason) == (Ending.HELD, "GuardrailFailed")
    assert any("failed" in one for one in done.missing)


@pytest.mark.parametrize(("approve", "ending"), [(False, Ending.HELD), (True, Ending.PROMOTED)])
def test_a_step_that_waits_for_a_person_is_approved_only_on_demand(approve: bool, ending: Ending) -> None:
    done = replay(policy(promotion="Manual"), recorded(V7, V8, seconds=300), ROLES, T0, approve=approve)
    assert done.ending is ending
    assert (done.reason == "AwaitingApproval") is not approve


def test_the_recorded_split_of_traffic_is_not_judged() -> None:
    tenth = recorded(replace(V7, rate=120.0), replace(V8, rate=6.0))  # a twentieth, while the policy gives half
    done = replay(policy(canary={"weights": [50]}), tenth, ROLES, T0)
    assert done.ending is Ending.PROMOTED
    assert not any(event.warning for _, event in done.events)


def test_what_was_recorded_before_measures_the_scatter() -> None:
    rollout = policy(analysis={"interval": "10s", "warmUp": "0s", "dispersion": "Auto"})
    pods = (Pod("v7", "a"), Pod("v7", "c"), replace(V8, begin=8400))
    with_past = replay(rollout, recorded(*pods, seconds=9000), ROLES, T0 + 8400.5)
    without = replay(rollout, recorded(*pods[:2], replace(V8, begin=0), seconds=600), ROLES, T0)
    assert not with_past.steps[0].metrics[0].finding.assumed
    assert with_past.steps[0].metrics[0].finding.dispersion < 2
    assert without.steps[0].metrics[0].finding.assumed


def test_recorded_values_of_a_threshold_are_judged_as_live_ones() -> None:
    times = np.arange(T0, T0 + 900, 10.0)
    values = np.where(times > T0 + 150, 0.95, 0.5)
    gauges = {"memory": {"v8": Gauge(times, values)}}
    done = replay(policy(ERRORS, MEMORY), Recording(GOOD.counters, gauges), ROLES, T0)
    assert done.ending is Ending.ROLLED_BACK
    assert done.at == T0 + 180  # the third look in a row beyond the bound
    assert done.steps[-1].metrics[1].finding.reason == "OutsideBounds"


def test_a_policy_without_metrics_goes_by_its_holds() -> None:
    rollout = policy()
    bare = rollout.model_copy(update={"spec": rollout.spec.model_copy(update={"metrics": ()})})
    assert replay(bare, GOOD, ROLES, T0).at == T0 + 240


def test_buckets_that_no_metric_looks_at_change_nothing() -> None:
    both = recorded(V7, V8, slow=True)
    done = replay(policy(ERRORS, SLOW), both, ROLES, T0)
    assert done.ending is Ending.PROMOTED
    slow = done.steps[-1].metrics[1].finding
    assert (slow.candidate, slow.stable) == (pytest.approx(0.05, abs=0.005), pytest.approx(0.05, abs=0.005))


def test_a_restarted_pod_is_no_burst_of_answers() -> None:
    done = replay(policy(), recorded(V7, replace(V8, resets=(95.0,))), ROLES, T0)
    assert done.ending is Ending.PROMOTED


# --- being there ---------------------------------------------------------------------------------------------------


def played(rollout, recording: Recording, restarts: dict[int, bool]):
    """A replay that another process takes over after these moments: from the newest state, or from that in status."""
    player = Player(rollout, recording, ROLES, T0)
    moments = 0
    while player.advance():
        moments += 1
        if moments in restarts:
            newest = json.loads(json.dumps(player.evidence.checkpoint)) if player.evidence is not None else None
            player.restart(newest if restarts[moments] else None)
    return player.result()


@pytest.mark.slow
@pytest.mark.parametrize("name", RECORDINGS)
@settings(max_examples=3)
@given(restarts=st.dictionaries(st.integers(1, 30), st.booleans(), max_size=6))
def test_a_restart_at_any_moment_leads_to_the_same_decisions(name: str, restarts: dict[int, bool]) -> None:
    rollout, recording = policy(), RECORDINGS[name]
    same_decisions(played(rollout, recording, restarts), played(rollout, recording, {}))


@pytest.mark.long
@pytest.mark.parametrize("name", RECORDINGS)
@pytest.mark.parametrize("newest", [True, False], ids=["newest state", "state in status"])
def test_a_restart_at_every_moment_leads_to_the_same_decisions(name: str, newest: bool) -> None:
    whole = played(policy(ERRORS), RECORDINGS[name], {})
    for moment in range(1, 30):
        same_decisions(played(policy(ERRORS), RECORDINGS[name], {moment: newest}), whole)
    same_decisions(played(policy(ERRORS), RECORDINGS[name], dict.fromkeys(range(1, 30), newest)), whole)


def same_decisions(pieces: Replay, whole: Replay) -> None:
    assert replace(pieces, steps=()) == replace(whole, steps=())
    assert [verdicts(step) for step in pieces.steps] == [verdicts(step) for step in whole.steps]


def verdicts(step) -> tuple[object, ...]:
    return (step.number, step.entered, step.left, *((one.finding.metric, one.finding.verdict) for one in step.metrics))


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [37, 125, 241, 258])
def test_nothing_is_decided_from_what_came_later(seconds: int) -> None:
    whole = replay(policy(), LATE_FAULT, ROLES, T0)
    cut = replay(policy(), recorded(V7, replace(V8, worse_from=180.0), seconds=seconds), ROLES, T0)
    end = T0 + seconds
    assert [one for one in cut.events if one[0] <= end] == [one for one in whole.events if one[0] <= end]


# --- who and when --------------------------------------------------------------------------------------------------


def with_versions(*names: str, initial: str | None = None):
    spec = policy().spec
    more = tuple(spec.versions[0].model_copy(update={"name": name}) for name in names)
    return spec.model_copy(update={"versions": (*spec.versions, *more), "initial_stable": initial})


def test_the_only_other_version_is_stable() -> None:
    assert roles_of(policy().spec, None, None) == ROLES


def test_stable_is_named_by_the_option_then_by_initial_stable_then_by_the_data() -> None:
    three = with_versions("v6")
    assert roles_of(three, None, "v6").stable == "v6"
    assert roles_of(with_versions("v6", initial="v7"), None, None).stable == "v7"
    assert roles_of(three, None, None, ("v6", "v8")).stable == "v6"
    assert roles_of(policy().spec, "v7", None) == replace(ROLES, candidate="v7", stable="v8")


@pytest.mark.parametrize(
    ("candidate", "stable", "recorded_versions", "said"),
    [
        (None, None, ("v6", "v7", "v8"), "not clear: it may be v7, v6; name it with --stable"),
        (None, "v8", None, "against itself"),
        (None, "v9", None, "v9 is no version of this rollout: it has v7, v8, v6"),
    ],
)
def test_roles_that_are_not_clear_are_asked_for(candidate, stable, recorded_versions, said: str) -> None:
    with pytest.raises(CannotReplay, match=said):
        roles_of(with_versions("v6"), candidate, stable, recorded_versions)


def test_the_first_weight_is_taken_to_be_at_the_first_sample() -> None:
    assert exposure(policy().spec, GOOD, ROLES) == T0 + 0.25


def test_a_paused_policy_is_refused_since_it_could_decide_nothing() -> None:
    with pytest.raises(CannotReplay, match=r"spec.paused is true, so no run would begin"):
        check_policy(policy(paused=True).spec, GOOD)


def test_an_audience_is_refused_since_nobody_knows_who_was_in_it() -> None:
    steps = [{"audience": {"rules": ["beta"]}, "weight": 100}, {"weight": 50}]
    with pytest.raises(CannotReplay, match="does not tell an audience from everybody"):
        check_policy(policy(strategy={"canary": {"steps": steps}}).spec, GOOD)


def test_a_version_or_counter_that_was_not_recorded_is_named() -> None:
    with pytest.raises(CannotReplay, match="nothing was recorded of v8; versions that were recorded: v7"):
        exposure(policy().spec, recorded(V7, seconds=60), ROLES)
    with pytest.raises(CannotReplay, match="the metric slow; metrics that were recorded: errors"):
        check_policy(policy(ERRORS, SLOW).spec, GOOD)
    above = SLOW | {"latency": SLOW["latency"] | {"above": "300ms"}}
    with pytest.raises(CannotReplay, match=r"slow needs the counters 0.3, \+Inf; recorded were 0.1, 0.25, \+Inf"):
        check_policy(policy(above).spec, recorded(V7, V8, seconds=60, slow=True))


def test_a_shadow_is_replayed_as_recorded_and_ends_in_its_report() -> None:
    shadow = {"shadow": {"percent": 50, "hold": "2m", "samples": 100}}
    done = replay(policy(strategy=shadow), GOOD, ROLES, T0)
    assert (done.ending, done.outcome, done.reason) == (Ending.REPORTED, "Reported", "Passed")
    assert [(step.number, step.weight) for step in done.steps] == [(1, 0)]
    assert not [event for _, event in done.events if event.warning]


def test_nobody_is_called_or_waited_for_in_a_replay() -> None:
    hook = {"name": "ask", "url": "http://hooks.ops/ask"}
    steps = [{"name": "half", "weight": 50, "hold": "2m", "webhooks": [hook]}]
    done = replay(policy(strategy={"steps": steps}, promoteTogether={"rollouts": ["rank"]}), GOOD, ROLES, T0)
    assert done.ending is Ending.PROMOTED
