"""Steps with an audience: rules of the route in which the candidate's weight counts, before everybody's turn."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from modelrollout.api import Verb, parse_spec
from modelrollout.api.status import Outcome, Phase, Verdict
from modelrollout.decisions.decision import Reason, ScaleIntent
from modelrollout.decisions.gate import deciding
from modelrollout.decisions.invariants import InvariantBroken, check
from modelrollout.decisions.plan import question
from modelrollout.decisions.strategies import compile_steps
from modelrollout.decisions.traffic import intent
from modelrollout.kube.errors import Forbidden
from tests.unit.decisions.world import World, a_spec, errors_metric, rule

MEMORY = {"name": "memory", "threshold": {"query": "max(memory)", "max": 1}}
BETA = {"name": "beta", "audience": {"rules": ["beta"]}, "weight": 100, "hold": "1m"}
STEPS: list[dict[str, Any]] = [
    BETA,
    {"name": "tenth", "weight": 10, "hold": "1m"},
    {"name": "half", "weight": 50, "hold": "1m"},
]


def world(*steps: dict[str, Any], **spec: Any) -> World:
    """A route with a rule for beta users and one for everyone, and steps of which the first is for beta users."""
    seen = World(strategy={"steps": list(steps or STEPS)}, **{"metrics": [errors_metric(), MEMORY], **spec})
    rules = tuple(replace(rule({"v7": 1000}), name=name) for name in ("beta", "everyone"))
    seen.route = replace(seen.route, rules=rules)
    return seen


def begun(*steps: dict[str, Any], **spec: Any) -> World:
    """In the step of the beta users."""
    return world(*steps, **spec).start()


def by_rule(seen: World) -> Mapping[str, Mapping[str, int]]:
    """Weights by rule, versions without any left out."""
    return {one.name: {name: weight for name, weight in one.weights.items() if weight} for one in seen.route.rules}


def everywhere(**weights: int) -> Mapping[str, Mapping[str, int]]:
    """The same weights in both rules."""
    return {"beta": weights, "everyone": weights}


AT_HOME = everywhere(v7=1000)
TO_BETA = {"beta": {"v8": 1000}, "everyone": {"v7": 1000}}


def rename(seen: World, old: str, new: str) -> None:
    """Somebody gives a rule of the route another name; its weights stay."""
    rules = tuple(replace(one, name=new if one.name == old else one.name) for one in seen.route.rules)
    seen.route = replace(seen.route, rules=rules)
    seen.reconcile()


def test_beta_users_meet_the_candidate_then_a_tenth_of_all_then_half_then_everybody() -> None:
    seen = begun()
    seen.passing()
    course = [by_rule(seen)]
    for _ in range(3):
        seen.after(seconds=61)
        course.append(by_rule(seen))
    assert course == [
        TO_BETA,
        everywhere(v7=900, v8=100),
        everywhere(v7=500, v8=500),
        everywhere(v8=1000),
    ]


def test_a_canary_walks_through_audiences_too_and_after_a_shadow() -> None:
    steps = [{"audience": {"rules": ["beta"]}, "weight": 100}, {"weight": 5}]
    canary = {"steps": steps, "samples": 70}
    for strategy in ({"canary": canary}, {"shadow": {"then": "Canary", "canary": canary}}):
        compiled = compile_steps(parse_spec(a_spec(strategy=strategy)))[-2:]
        assert [(one.audience, one.weight, one.samples) for one in compiled] == [(("beta",), 1000, 0), ((), 50, 70)]


def test_where_the_weight_counts_is_said_wherever_the_weight_is() -> None:
    seen = begun()
    status = seen.status
    assert status.message.startswith("step 1 of 3 (beta), v8 at 100 % in rule beta")
    assert status.weight_text == "100% in beta"
    assert (status.weights.desired, status.weights.observed) == ({"v7": 0, "v8": 1000}, {"v8": 1000})
    assert status.last_record[0]["audience"] == ["beta"]
    assert "v8 gets 100 % of v7's traffic in rule beta" in seen.events[-1].message
    seen.passing()
    seen.after(seconds=61)
    assert seen.status.weight_text == "10%"
    seen.after(seconds=61)
    left = [(line["weight"], line.get("audience")) for line in seen.status.last_record if "Passed" in line["decision"]]
    assert left == [(1000, ["beta"]), (100, None)]
    assert seen.condition("TrafficMatches") == ("True", "Matches")


def test_a_comparison_neither_keeps_the_step_nor_needs_samples_in_it() -> None:
    seen = begun()
    seen.verdicts = {"memory": Verdict.PASS}
    seen.after(seconds=61)
    assert seen.status.run.step == 1, "errors have no evidence yet, and no answers were counted"
    spec = parse_spec(seen.document)
    assert [deciding(spec, step) for step in compile_steps(spec)[:2]] == [("memory",), ("errors", "memory")]


def test_a_threshold_that_fails_takes_the_candidate_back_from_its_audience() -> None:
    seen = begun()
    seen.verdicts = {"memory": Verdict.FAIL}
    seen.after(seconds=1)
    assert by_rule(seen) == AT_HOME
    assert seen.status.run.outcome is Outcome.ROLLED_BACK
    assert "v8 is taken back from 100 % in rule beta (step 1)" in [one.message for one in seen.events][-1]


def test_containers_that_keep_restarting_take_it_back_too() -> None:
    seen = begun()
    seen.seen("v8", restarts=3)
    seen.after(seconds=1)
    assert (by_rule(seen), seen.status.run.reason) == (AT_HOME, "ContainersRestart")


def test_an_audience_without_ready_candidate_goes_home_and_comes_back_alone() -> None:
    seen = begun()
    seen.ready("v8", 0)
    seen.reconcile()
    assert by_rule(seen) == AT_HOME
    seen.ready("v8", 2)
    seen.after(seconds=10)
    assert by_rule(seen) == TO_BETA


def test_a_person_may_promote_from_an_audience_to_everybody() -> None:
    seen = begun()
    seen.ask(Verb.PROMOTE, full=True)
    assert by_rule(seen) == everywhere(v8=1000)


def test_weights_that_somebody_gives_the_others_are_set_back() -> None:
    seen = begun()
    meddled = tuple(replace(one, weights={"v7": 500, "v8": 500}) for one in seen.route.rules)
    seen.route = replace(seen.route, rules=meddled, writer="kubectl-edit")
    seen.reconcile()
    assert (by_rule(seen), seen.reasons()[-1]) == (TO_BETA, Reason.TRAFFIC_REPAIRED)


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        (("gold",), "the audience of step 1 is rule gold, which is no managed rule of the route (those are: beta, ev"),
        (("beta", "everyone"), "the audience of step 1 has all managed rules of the route (beta, everyone), so it is"),
    ],
)
def test_an_audience_that_the_route_cannot_tell_from_others_is_said_before_any_run(
    names: tuple[str, ...], sentence: str
) -> None:
    seen = world({**BETA, "audience": {"rules": list(names)}}, *STEPS[1:])
    seen.reconcile()
    assert seen.status.phase is Phase.INVALID
    assert seen.status.message.startswith(sentence)
    assert seen.condition("RouteClaimed") == ("False", "AudienceUnusable")
    assert seen.route_writes == 0


def test_a_rule_that_vanishes_meanwhile_stops_the_run_and_nothing_is_written() -> None:
    seen = begun()
    seen.passing()
    written = seen.route_writes
    rename(seen, "beta", "insiders")
    seen.after(hours=1)
    assert seen.route_writes == written
    assert by_rule(seen) == {"insiders": {"v8": 1000}, "everyone": {"v7": 1000}}
    assert "the audience of step 1 is rule beta, which is no managed rule" in seen.status.message
    assert seen.condition("TrafficMatches") == ("False", "AudienceUnusable")
    rename(seen, "insiders", "beta")
    seen.after(seconds=1)
    assert (seen.status.run.step, seen.condition("RouteClaimed")) == (1, ("True", "Held"))


def test_guardrails_take_back_from_a_rule_that_has_another_name_by_now() -> None:
    seen = begun()
    rename(seen, "beta", "insiders")
    seen.verdicts = {"memory": Verdict.FAIL}
    seen.after(seconds=1)
    assert by_rule(seen) == {"insiders": {"v7": 1000}, "everyone": {"v7": 1000}}


def test_a_rule_that_is_not_needed_any_more_may_go() -> None:
    seen = begun()
    seen.passing()
    seen.after(seconds=61)
    rename(seen, "beta", "insiders")
    seen.after(seconds=61)
    assert seen.status.run.step == 2


def test_the_owner_annotation_leads_home_from_any_step() -> None:
    seen = begun()
    wanted = intent(seen.rollout, parse_spec(seen.document), seen.status)
    assert wanted is not None
    assert (wanted.owner.stable, dict(wanted.of("beta")), dict(wanted.of("everyone"))) == (
        "v7",
        {"v7": 0, "v8": 1000, "v9": 0},
        {"v7": 1000, "v8": 0, "v9": 0},
    )


def test_the_versions_are_compared_from_the_first_step_for_everybody_on() -> None:
    seen = begun()
    asked = question(seen.rollout, "", seen.plan, seen.observed)
    assert asked is not None
    assert asked.audience
    seen.passing()
    seen.after(seconds=61)
    everybody = seen.now
    seen.after(seconds=61)
    asked = question(seen.rollout, "", seen.plan, seen.observed)
    assert asked is not None
    assert (asked.audience, asked.opened) == (False, everybody.timestamp())
    assert asked.since < everybody.timestamp()


def test_weights_for_everybody_that_come_late_open_late() -> None:
    seen = begun()
    seen.passing()
    seen.refusal = Forbidden("PATCH httproutes/fraud: the operator cannot patch httproutes", 403)
    seen.after(seconds=61)
    seen.after(minutes=10)
    assert (seen.status.run.step, by_rule(seen)) == (1, TO_BETA)
    asked = question(seen.rollout, "", seen.plan, seen.observed)
    assert asked is not None
    assert (asked.audience, asked.opened) == (True, None)
    seen.refusal = None
    seen.after(seconds=1)
    asked = question(seen.rollout, "", seen.plan, seen.observed)
    assert asked is not None
    assert (asked.audience, asked.opened) == (False, seen.now.timestamp())


def test_stable_keeps_its_replicas_beside_an_audience_that_has_everything() -> None:
    seen = begun(scale={"mode": "Managed"})
    decision = seen.decide()
    check(seen.rollout, decision, seen.observed, 1000)
    with pytest.raises(InvariantBroken, match="v7 would lose replicas while it has traffic"):
        check(seen.rollout, replace(decision, scales=(ScaleIntent("v7", 2, 1),)), seen.observed, 1000)


def test_everybody_gets_no_candidate_that_is_not_ready() -> None:
    seen = begun()
    seen.passing()
    seen.now += timedelta(seconds=61)
    decision = seen.decide()
    assert decision.status.run is not None
    assert decision.status.run.step == 1
    seen.ready("v8", 0)
    with pytest.raises(InvariantBroken, match="v8 would get more traffic without a ready endpoint"):
        check(seen.rollout, decision, seen.observed, 1000)
