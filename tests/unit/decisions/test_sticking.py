"""Users of an experiment are kept on one version from before the split until all traffic is in one place again."""

from dataclasses import replace
from typing import Any

import pytest

from modelrollout.api import Verb
from modelrollout.api.status import Outcome, Phase, RunState, Verdict
from modelrollout.decisions.analysis.begin import initial
from modelrollout.decisions.decision import Reason
from modelrollout.decisions.observed import RuleSeen, Sticky
from modelrollout.decisions.plan import question
from modelrollout.decisions.traffic import intent
from tests.unit.decisions.experiment_world import AB_TEST, ExperimentWorld

STICKY = {"abTest": {**AB_TEST, "sticky": {"header": "x-user"}}}


def kept(world: ExperimentWorld) -> Sticky | None:
    """How the present status asks for users to be kept."""
    found = intent(world.rollout, world.plan or world.rollout.spec, world.status)
    return found.sticky if found is not None else None


def test_the_split_waits_until_the_gateway_keeps_users() -> None:
    world = ExperimentWorld(STICKY)
    world.gateway_accepts = None
    world.start()
    assert world.weights == {"v7": 1000}
    assert (world.status.run.sticky, world.route.rules[0].sticky) == ("x-user", True)
    assert world.status.phase is Phase.PENDING
    assert "not taken up by the gateway yet" in world.status.message
    assert world.condition("StickyReady") == ("Unknown", "Waiting")
    world.gateway_accepts = True
    world.route = replace(world.route, sticky=replace(world.route.sticky, accepted=True))
    world.after(seconds=1)
    assert world.weights == {"v7": 500, "v8": 200, "v9": 300}
    assert world.condition("StickyReady") == ("True", "Kept")
    assert kept(world) == Sticky("x-user", "v7", {"v8": 200, "v9": 300})
    assert Reason.TRAFFIC_REPAIRED not in world.reasons()
    (started,) = [line for line in world.status.last_record if line["decision"] == "RunStarted"]
    assert (started["sticky"], started["weights"]) == ("x-user", {"v8": 200, "v9": 300})


def test_a_gateway_that_never_answers_ends_the_run_by_its_deadline_and_leaves_nothing() -> None:
    world = ExperimentWorld(STICKY, progressDeadline="1h")
    world.gateway_accepts = None
    world.start()
    world.after(hours=1)
    assert world.status.run.outcome is Outcome.NO_EVIDENCE
    assert (world.status.run.sticky, world.route.rules[0].sticky) == ("", False)
    assert world.weights == {"v7": 1000}


def test_what_a_person_must_mend_holds_the_start_and_is_said_once() -> None:
    world = ExperimentWorld(STICKY)
    world.route = replace(world.route, sticky=replace(world.route.sticky, problem="another policy is about the route"))
    world.start()
    world.after(hours=10)
    assert (world.weights, world.status.run.sticky, world.status.run.state) == ({"v7": 1000}, "", RunState.TRIAL)
    assert world.status.phase is Phase.PENDING
    assert "another policy is about the route" in world.status.message
    assert world.condition("StickyReady") == ("False", "Unusable")
    assert world.reasons().count(Reason.STICKY_UNUSABLE) == 1
    world.route = replace(world.route, sticky=replace(world.route.sticky, problem=""))
    world.after(seconds=30)
    assert world.weights == {"v7": 500, "v8": 200, "v9": 300}


@pytest.mark.parametrize("end", ["promoted", "reported", "aborted", "all out"])
def test_users_are_kept_until_all_traffic_has_arrived_and_then_set_free(end: str) -> None:
    strategy: dict[str, Any] = {
        "abTest": {**STICKY["abTest"], "then": "Report" if end == "reported" else "PromoteWinner"}
    }
    world = ExperimentWorld(strategy).start()
    assert world.route.rules[0].sticky
    world.frozen_route = True
    if end == "aborted":
        world.ask(Verb.ABORT)
    elif end == "all out":
        world.said |= {("v8", "errors"): Verdict.FAIL, ("v9", "errors"): Verdict.FAIL}
        world.after(minutes=1)
    else:
        world.better_than_stable("v9")
        world.duels["v8", "v9"] = Verdict.FAIL
        world.after(minutes=1)
    winner = "v9" if end == "promoted" else "v7"
    assert world.status.run.state in (RunState.PROMOTING, RunState.TAKING_BACK)
    assert kept(world) is not None, "nobody moves twice"
    written = world.route_writes
    world.frozen_route = False
    world.after(seconds=1)
    assert world.weights == {winner: 1000}
    assert (kept(world), world.status.run.sticky, world.route.rules[0].sticky) == (None, "", False)
    assert world.route_writes == written + 2, "first the weights, then what kept the users"
    assert Reason.TRAFFIC_REPAIRED not in world.reasons()
    assert world.condition("StickyReady") == ("Unknown", "NotAsked")


def test_after_the_promotion_an_undo_keeps_nobody() -> None:
    world = ExperimentWorld(STICKY).start()
    world.better_than_stable("v9")
    world.duels["v8", "v9"] = Verdict.FAIL
    world.after(minutes=1)
    assert world.status.run.state is RunState.WATCHING
    world.ask(Verb.UNDO)
    assert (world.weights, world.status.run.sticky) == ({"v7": 1000}, "")


def test_other_candidates_begin_a_split_of_their_own() -> None:
    world = ExperimentWorld(STICKY).start()
    world.edit(candidates=["v9"], strategy={"abTest": {"sticky": {"header": "x-user"}, "split": {"v9": 10}}})
    world.reconcile(times=12)
    assert world.weights == {"v7": 900, "v9": 100}
    assert kept(world) == Sticky("x-user", "v7", {"v9": 100})
    assert Reason.TRAFFIC_REPAIRED not in world.reasons()


def test_who_takes_away_what_keeps_users_is_named_and_it_is_put_back() -> None:
    world = ExperimentWorld(STICKY).start()
    rule = world.route.rules[0]
    damaged = RuleSeen(rule.name, rule.weights, sticky=None)
    world.route = replace(
        world.route, rules=(damaged,), sticky=replace(world.route.sticky, header=None), writer="argocd-controller"
    )
    world.after(seconds=1)
    assert world.route.rules[0].sticky
    said = [one.message for one in world.events if one.reason is Reason.TRAFFIC_REPAIRED]
    assert said == [
        "argocd-controller changed the weights, or what keeps users on one version, of the route: they are set back"
    ]


def test_a_policy_that_stops_counting_in_the_middle_is_said() -> None:
    world = ExperimentWorld(STICKY).start()
    world.route = replace(world.route, sticky=replace(world.route.sticky, accepted=None))
    world.gateway_accepts = None
    world.after(minutes=1)
    assert world.condition("StickyReady") == ("False", "Waiting")
    assert Reason.STICKY_UNUSABLE in world.reasons()


def test_requests_are_not_tested_for_their_split_where_users_are_split() -> None:
    def split(strategy: dict[str, Any]) -> list[bool]:
        world = ExperimentWorld(strategy).start()
        asked = question(world.rollout, "", world.plan, world.observed)
        assert asked is not None
        return [getattr(one, "split", None) is not None for one in initial(asked.pairs[0]).metrics.values()]

    assert (split({"abTest": AB_TEST}), split(STICKY)) == ([True, False], [False, False])
