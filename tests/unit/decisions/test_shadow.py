"""What a shadow does: copies without users' traffic, judged like traffic, then a promotion, a canary or a report."""

from dataclasses import replace
from typing import Any

import pytest

from modelrollout.api import Verb
from modelrollout.api.status import Outcome, Phase, Verdict
from modelrollout.decisions.decision import Reason
from modelrollout.decisions.observed import Mirror
from modelrollout.decisions.questions import question_of
from tests.unit.decisions.world import World, errors_metric

AGREEMENT = {
    "name": "agreement",
    "agreement": {"agreed": 'pairs_total{result="agree"}', "total": "pairs_total", "min": 0.9},
}


def world(then: str = "Promote", **shadow: Any) -> World:
    return World(
        strategy={"shadow": {"percent": 20, "hold": "2m", "then": then, **shadow}}, metrics=[errors_metric(), AGREEMENT]
    )


def test_the_candidate_gets_copies_and_no_users() -> None:
    seen = world().start()
    assert (seen.weights, seen.copies) == ({"v7": 1000}, {"v8": 200})
    assert seen.status.message.startswith("step 1 of 1, v8 at copies of 20 %")
    started = next(event for event in seen.events if event.reason is Reason.RUN_STARTED)
    assert "v8 gets copies of 20 % of v7's traffic" in started.message


def test_a_shadow_that_has_passed_is_promoted_in_one_write_that_ends_the_copies() -> None:
    seen = world().start()
    seen.passing()
    writes = seen.route_writes
    seen.after(seconds=121)
    assert (seen.weights, seen.copies) == ({"v8": 1000}, {})
    assert seen.route_writes == writes + 1
    assert seen.status.phase is Phase.WATCHING


def test_a_shadow_is_not_left_before_every_metric_has_passed() -> None:
    seen = world().start()
    seen.passing()
    seen.verdicts["agreement"] = Verdict.INCONCLUSIVE
    seen.after(minutes=30)
    assert (seen.weights, seen.copies) == ({"v7": 1000}, {"v8": 200})
    assert "waits for proof" in seen.status.message


def test_a_shadow_that_fails_is_taken_back_and_no_user_saw_it() -> None:
    seen = world().start()
    seen.verdicts = {"errors": Verdict.FAIL}
    seen.after(seconds=10)
    assert (seen.weights, seen.copies) == ({"v7": 1000}, {})
    assert seen.status.run.outcome is Outcome.ROLLED_BACK
    assert seen.status.rejected[-1].version == "v8"
    taken = next(event for event in seen.events if event.reason is Reason.GUARDRAIL_FAILED)
    assert "is taken back from copies of 20 %" in taken.message


def test_a_canary_follows_whose_steps_do_not_wait_for_answers_to_copies() -> None:
    seen = world("Canary", canary={"weights": [10], "hold": "1m"}).start()
    seen.passing()
    seen.after(seconds=121)
    assert (seen.weights, seen.copies) == ({"v7": 900, "v8": 100}, {})
    seen.verdicts["agreement"] = Verdict.INCONCLUSIVE  # nobody answers the same request twice any more
    seen.after(seconds=61)
    assert seen.weights == {"v8": 1000}


def test_before_a_canary_a_shadow_need_not_be_proven_unless_that_is_asked_for() -> None:
    canary = {"weights": [10], "hold": "1m"}
    loose, strict = world("Canary", canary=canary).start(), world("Canary", canary=canary, require="Pass").start()
    for seen in (loose, strict):
        seen.answers = 1000
        seen.after(seconds=121)
    assert (loose.weights, strict.weights) == ({"v7": 900, "v8": 100}, {"v7": 1000})


@pytest.mark.parametrize("verdict", [Verdict.PASS, Verdict.FAIL])
def test_a_report_promotes_nothing_and_rejects_nothing(verdict: Verdict) -> None:
    seen = world("Report").start()
    seen.passing()
    seen.verdicts["agreement"] = verdict
    seen.after(seconds=121)
    assert (seen.weights, seen.copies) == ({"v7": 1000}, {})
    assert (seen.status.run.outcome, seen.status.rejected) == (Outcome.REPORTED, [])
    assert seen.status.phase is Phase.COMPLETED
    assert "v8 was tried and is not promoted" in seen.status.message
    assert seen.status.run.reason == ("Passed" if verdict is Verdict.PASS else "GuardrailFailed")


def test_with_manual_promotion_a_person_ends_the_shadow() -> None:
    seen = World(promotion="Manual", strategy={"shadow": {"percent": 20, "hold": "2m", "then": "Promote"}}).start()
    seen.passing()
    seen.after(seconds=121)
    assert seen.status.phase is Phase.AWAITING_APPROVAL
    seen.ask(Verb.APPROVE)
    assert seen.weights == {"v8": 1000}


def test_a_shadow_without_endpoints_gets_no_copies_until_it_is_back() -> None:
    seen = world().start()
    seen.ready("v8", 0)
    seen.after(seconds=1)
    assert (seen.copies, seen.status.phase) == ({}, Phase.HOLDING)
    seen.ready("v8", 1)
    seen.after(seconds=1)
    assert seen.copies == {"v8": 200}


def test_copies_that_somebody_took_away_are_brought_back() -> None:
    seen = world().start()
    seen.route = replace(seen.route, rules=(replace(seen.route.rules[0], mirrors=()),))
    seen.reconcile()
    assert seen.copies == {"v8": 200}
    assert Reason.TRAFFIC_REPAIRED in seen.reasons()


def test_copies_of_another_share_are_drift_too() -> None:
    seen = world().start()
    seen.route = replace(seen.route, rules=(replace(seen.route.rules[0], mirrors=(Mirror("v8", 1000),)),))
    seen.reconcile()
    assert seen.copies == {"v8": 200}


@pytest.mark.parametrize("verb", [Verb.ABORT])
def test_a_shadow_that_is_aborted_gets_no_copies_any_more(verb: Verb) -> None:
    seen = world().start()
    seen.ask(verb)
    assert (seen.copies, seen.status.run.outcome) == ({}, Outcome.ABORTED)


def test_a_shadow_that_is_withdrawn_gets_no_copies_any_more() -> None:
    seen = world().start()
    seen.edit(target="v7")
    seen.reconcile()
    assert (seen.copies, seen.status.run.outcome) == ({}, Outcome.WITHDRAWN)


def test_where_requests_cannot_be_copied_the_run_waits_and_says_why() -> None:
    seen = world()
    seen.route = replace(seen.route, no_mirror="HTTP route primary has a mirror of its own")
    seen.start()
    assert (seen.copies, seen.status.phase) == ({}, Phase.PENDING)
    assert "v8 waits: HTTP route primary has a mirror of its own" in seen.status.message


@pytest.mark.parametrize(("weight", "percent", "share"), [(0, 100, 0.5), (0, 25, 0.2), (50, 50, 2 / 3)])
def test_copies_are_answers_beside_those_that_users_get(weight: int, percent: int, share: float) -> None:
    step = {"name": "copies", "mirror": percent, "weight": weight}
    seen = World(strategy={"steps": [step, {"name": "more", "weight": 50}]}).start()
    asked = question_of(seen.rollout, seen.plan or seen.rollout.spec, seen.status, seen.observed)
    assert asked is not None
    assert asked.share == pytest.approx(share)


def test_a_candidate_that_is_stable_word_for_word_is_said_once_and_decides_nothing() -> None:
    seen = world().start()
    seen.answers = seen.identical = 999
    seen.after(seconds=1)
    assert seen.condition("CandidateIndistinguishable") == ("", "")
    seen.answers = seen.identical = 1000
    for _ in range(3):
        seen.after(seconds=1)
    assert seen.condition("CandidateIndistinguishable") == ("True", "IdenticalAnswers")
    assert seen.reasons().count(Reason.CANDIDATE_INDISTINGUISHABLE) == 1
    seen.answers = 1001
    seen.after(seconds=1)
    assert seen.condition("CandidateIndistinguishable") == ("False", "AnswersDiffer")
    seen.passing()
    seen.identical = 1_000_000
    seen.after(minutes=3)
    assert seen.weights == {"v8": 1000}


def test_a_shadow_is_scaled_for_its_copies_before_the_first_one() -> None:
    seen = World(strategy={"shadow": {"percent": 50, "hold": "2m"}}, scale={"mode": "Managed"})
    seen.seen("v7", ready=4, replicas=4)
    seen.seen("v8", ready=0, replicas=0)
    seen.start()
    assert [(order.version, order.replicas) for order in seen.scalings] == [("v8", 2)]
    assert seen.copies == {}
    seen.ready("v8", 2)
    seen.reconcile()
    assert seen.copies == {"v8": 500}


GOAL = errors_metric(name="truth", role="Goal", gain={"ratio": 0.5})


def test_a_goal_that_failed_is_reported_at_once_for_it_stays_so() -> None:
    seen = World(strategy={"shadow": {"percent": 20, "hold": "2m"}}, metrics=[errors_metric(), GOAL]).start()
    seen.verdicts = {"truth": Verdict.FAIL}
    seen.after(seconds=1)
    assert (seen.status.run.outcome, seen.status.run.reason) == (Outcome.REPORTED, "GoalFailed")
    assert seen.status.rejected == []


def test_a_goal_that_failed_is_waited_for_where_a_promotion_would_follow() -> None:
    seen = World(
        strategy={"shadow": {"percent": 20, "hold": "2m", "then": "Promote"}}, metrics=[errors_metric(), GOAL]
    ).start()
    seen.verdicts = {"truth": Verdict.FAIL}
    seen.after(minutes=5)
    assert (seen.weights, seen.status.run.outcome) == ({"v7": 1000}, None)


def test_a_report_that_found_too_little_until_its_deadline_says_so() -> None:
    seen = world("Report", deadline="10m").start()
    seen.after(minutes=11)
    assert (seen.status.run.outcome, seen.status.run.reason) == (Outcome.REPORTED, "DeadlinePassed")
    assert seen.copies == {}
