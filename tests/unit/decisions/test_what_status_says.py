"""The status as people and tools read it: conditions, weights, numbers, and when something is looked at next."""

from dataclasses import replace
from datetime import timedelta

from modelrollout.api.status import Phase, Verdict
from modelrollout.decisions.analysis.looking import initial, judge
from modelrollout.decisions.decision import Reason
from modelrollout.decisions.metric_status import metric_status
from tests.unit.decisions.analysis_histories import Pod, folded, history, question
from tests.unit.decisions.world import World, rule


def kstatus(world: World) -> dict[str, str]:
    """The three conditions that tools read."""
    return {kind: world.condition(kind)[0] for kind in ("Ready", "Reconciling", "Stalled")}


def test_ready_reconciling_and_stalled_say_what_kstatus_expects_of_the_generation_that_was_seen() -> None:
    world = World()
    world.reconcile()
    assert kstatus(world) == {"Ready": "True", "Reconciling": "False", "Stalled": "False"}
    world.edit(target="v8")
    assert world.status.observed_generation == world.generation - 1, "nobody has seen the edit yet"
    world.reconcile()
    assert kstatus(world) == {"Ready": "False", "Reconciling": "True", "Stalled": "False"}
    world.verdicts = {"errors": Verdict.FAIL}
    world.after(seconds=1)
    assert kstatus(world) == {"Ready": "False", "Reconciling": "False", "Stalled": "True"}
    assert world.status.observed_generation == world.generation
    assert {one.observed_generation for one in world.status.conditions} == {world.generation}


def test_weights_are_told_as_they_are_wanted_and_as_the_route_has_them() -> None:
    world = World().start()
    world.passing()
    world.frozen_route = True
    world.after(seconds=61)
    weights = world.status.weights
    assert (weights.desired, weights.observed) == ({"v7": 750, "v8": 250}, {"v7": 950, "v8": 50})
    world.frozen_route = False
    world.after(seconds=1)
    world.after(seconds=61)
    weights = world.status.weights
    assert (weights.desired, weights.observed) == ({"v7": 500, "v8": 500}, {"v7": 750, "v8": 250}), "as of its writing"


def test_the_next_check_is_when_a_hold_or_the_watch_ends_and_there_is_none_at_rest() -> None:
    world = World().start()
    assert world.status.next_check == world.now + timedelta(minutes=1), "the hold of the first step"
    world.promoted()
    assert world.status.phase is Phase.WATCHING
    assert world.status.next_check == world.status.run.watch_until
    world.after(minutes=16)
    assert (world.status.phase, world.status.next_check) == (Phase.COMPLETED, None)


def test_each_metric_has_its_values_against_its_limit_its_effect_and_how_far_it_is_decided() -> None:
    asked = question()
    found = judge(folded(initial(asked), asked, history([Pod("v7", "a"), Pod("v8", "b", bad=0.10)], 60), 60), asked)
    line = metric_status(found.findings[0])
    assert (line.name, line.role, line.verdict, line.reason) == ("errors", "Guardrail", "Fail", "Worse")
    assert line.candidate is not None
    assert line.stable is not None
    assert line.limit is not None
    assert float(line.candidate) > float(line.limit) > float(line.stable)
    assert str(line.effect).startswith("ratio ")
    assert float(line.evidence_fail or 0) >= 1
    assert (line.candidate_count or 0) > 900


def test_each_kind_of_event_has_a_reason_of_its_own() -> None:
    good, bad = World().promoted(), World().start()
    good.after(minutes=16)
    bad.verdicts = {"errors": Verdict.FAIL}
    bad.after(seconds=1)
    assert good.reasons() == [
        Reason.ADOPTED,
        Reason.RUN_STARTED,
        Reason.STEP_STARTED,
        Reason.STEP_STARTED,
        Reason.PROMOTED,
        Reason.COMPLETED,
    ]
    assert bad.reasons() == [Reason.ADOPTED, Reason.RUN_STARTED, Reason.GUARDRAIL_FAILED]
    assert [event.warning for event in bad.events] == [False, False, True]


def test_a_spec_without_the_version_that_serves_is_said_to_be_so_once() -> None:
    world = World()
    world.reconcile()
    versions = [one for one in world.document["versions"] if one["name"] != "v7"]
    world.edit(versions=versions, target="v8")
    assert world.tells_nothing_more()
    assert world.status.phase is Phase.INVALID
    assert world.status.message.startswith("v7 serves all traffic but is not in spec.versions any more")
    assert world.reasons().count(Reason.SPEC_REFUSED) == 1


def test_a_refusal_longer_than_a_condition_is_told_once() -> None:
    world = World().start()
    world.spec_error = "spec.metrics: " + "no " * 500
    assert world.tells_nothing_more()
    assert world.reasons().count(Reason.SPEC_REFUSED) == 1


def test_an_obstacle_longer_than_a_condition_is_told_once() -> None:
    world = World()
    unknown = tuple(f"somebody-elses-service-{number}" for number in range(100))
    world.route = replace(world.route, rules=(rule({"v7": 1000}, unknown=unknown),))
    assert world.tells_nothing_more()
    assert world.reasons().count(Reason.ROUTE_REFUSED) == 1


def test_a_run_that_cannot_write_its_route_says_so() -> None:
    world = World().start()
    world.route = replace(world.route, found=False)
    world.reconcile()
    assert world.status.message.startswith("step 1 of 3, v8 at 5 %; the route does not exist yet")


def test_a_target_that_cannot_begin_again_says_why() -> None:
    world = World().start()
    world.edit(target="v7")
    world.reconcile()
    assert world.status.phase is Phase.WITHDRAWN
    world.seen("v8", revision="", workload_found=False)
    world.edit(target="v8")
    world.reconcile()
    assert world.status.phase is Phase.PENDING
    assert world.status.message == "v8 waits to be tried: its workload or Service was not found"
    world.seen("v8", workload_found=True)
    world.reconcile()
    assert world.status.message == "v8 waits to be tried: what its pods run is not known yet"


def test_a_hold_that_ends_on_another_day_says_on_which() -> None:
    world = World(strategy={"canary": {"weights": [5, 50], "hold": "30h"}}).start()
    assert world.status.message.endswith("; held until 22 Nov 09:00:00 UTC")
