"""What a candidate must show before its first step: that it is the declared model, and every gate, in their order."""

from typing import Any

import pytest

from modelrollout.api import Verb
from modelrollout.api.status import Outcome, Phase, Verdict
from modelrollout.decisions.admission import MODEL_DIFFERS
from modelrollout.decisions.decision import Reason
from tests.unit.decisions.world import World, a_spec

WARM = {"name": "warm", "warmUp": {"path": "/v2/health/ready"}}
GOLDEN = {"name": "golden", "replay": {"configMap": "golden"}}
ACCEPTANCE = {"name": "acceptance", "job": {"cronJob": "acceptance"}}
DIGEST = "sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef"


def declared(**model: str) -> list[dict[str, Any]]:
    """The versions, with that declared of v8's model."""
    versions: list[dict[str, Any]] = a_spec()["versions"]
    return [one | {"model": model} if one["name"] == "v8" else one for one in versions]


def states(world: World) -> list[tuple[str, str]]:
    return [(one.name, str(one.state)) for one in world.status.run.gates]


def test_the_first_weight_waits_until_every_gate_has_passed_one_after_the_other() -> None:
    world = World(gates=[WARM, GOLDEN]).start()
    assert world.weights == {"v7": 1000}
    assert states(world) == [("warm", "Running")]
    world.find("warm", Verdict.PASS)
    assert world.weights == {"v7": 1000}
    assert states(world) == [("warm", "Passed"), ("golden", "Running")]
    world.find("golden", Verdict.PASS)
    assert world.weights == {"v7": 950, "v8": 50}
    assert world.reasons().count(Reason.GATE_PASSED) == 2


def test_blue_green_gates_come_before_the_preview() -> None:
    world = World(strategy={"blueGreen": {"hold": "1m"}}, metrics=[], gates=[GOLDEN]).start()
    world.after(minutes=5)
    assert world.status.phase is Phase.PENDING
    assert "gate golden: golden requests are sent to v8" in world.status.message
    world.find("golden", Verdict.PASS)
    assert world.weights == {"v7": 1000}
    world.after(seconds=60)
    assert world.weights == {"v8": 1000}


def test_a_gate_that_fails_ends_the_run_before_any_user_saw_it_and_is_remembered() -> None:
    world = World(gates=[WARM, GOLDEN]).start()
    world.find("warm", Verdict.PASS)
    world.find("golden", Verdict.FAIL, "3 of 20 answers differ")
    assert world.weights == {"v7": 1000}
    assert world.status.phase is Phase.ROLLED_BACK
    assert world.status.run.outcome is Outcome.ROLLED_BACK
    assert world.status.run.message == "gate golden failed: 3 of 20 answers differ"
    assert [one.reason for one in world.status.rejected] == ["GateFailed"]
    assert states(world)[-1] == ("golden", "Failed")
    world.finds = {}
    world.ask(Verb.RETRY)
    assert states(world) == [("warm", "Running")]


def test_a_gate_that_cannot_be_asked_is_no_failure_and_says_what_is_missing() -> None:
    world = World(gates=[GOLDEN]).start()
    world.find("golden", Verdict.ERROR, "ConfigMap golden is not there: create it")
    assert states(world) == [("golden", "Running")]
    assert "ConfigMap golden is not there: create it" in world.status.message
    world.find("golden", Verdict.PASS)
    assert world.weights["v8"] == 50


def test_a_gate_that_has_passed_is_not_asked_again_by_the_next_operator() -> None:
    world = World(gates=[WARM, GOLDEN]).start()
    world.find("warm", Verdict.PASS)
    world._found.clear()
    world.finds = {}
    world.reconcile()
    assert world.check is not None
    assert world.check.what.name == "golden"


def test_new_pods_are_a_new_question_but_no_job_is_run_twice_for_them() -> None:
    world = World(gates=[GOLDEN, ACCEPTANCE])
    world.seen("v8", addresses=("10.0.0.1:8080",))
    world.start()
    first = world.check
    world.seen("v8", addresses=("10.0.0.1:8080", "10.0.0.2:8080"))
    world.reconcile()
    assert first is not None
    assert world.check is not None
    assert (first.addresses, world.check.addresses) == (("10.0.0.1:8080",), ("10.0.0.1:8080", "10.0.0.2:8080"))
    world.find("golden", Verdict.PASS)
    assert world.check.addresses == ()


def test_an_edited_gate_is_another_one_even_while_it_runs() -> None:
    world = World(gates=[GOLDEN]).start()
    before = world.status.run.gates[0].definition
    world.edit(gates=[GOLDEN | {"replay": {"configMap": "better"}}])
    world.reconcile()
    assert len(world.status.run.gates) == 1
    assert world.status.run.gates[0].definition != before
    world.edit(gates=[])
    world.reconcile()
    assert world.weights["v8"] == 50


def test_gates_of_a_run_with_traffic_are_not_asked_any_more() -> None:
    world = World(gates=[]).start()
    world.edit(gates=[GOLDEN])
    world.reconcile()
    assert world.check is None
    assert world.weights["v8"] == 50


def test_a_gate_that_takes_longer_than_its_deadline_ends_the_run_without_holding_it_against_the_version() -> None:
    world = World(gates=[WARM, GOLDEN | {"deadline": "2m"}]).start()
    world.after(minutes=30)
    world.find("warm", Verdict.PASS)
    world.after(seconds=119)
    assert states(world)[-1] == ("golden", "Running")
    world.after(seconds=1)
    assert world.status.run.outcome is Outcome.NO_EVIDENCE
    assert "gate golden" in world.status.run.message
    assert world.status.rejected == []


def test_a_paused_run_asks_nobody() -> None:
    world = World(gates=[GOLDEN], paused=True).start()
    assert world.check is None
    world.edit(paused=False)
    world.reconcile()
    assert world.check is not None


def test_nothing_is_asked_of_a_rollout_at_rest() -> None:
    world = World(gates=[GOLDEN], versions=declared(name="fraud", version="8"))
    world.reconcile()
    assert world.check is None


@pytest.mark.parametrize(
    ("model", "annotated"),
    [({"digest": DIGEST}, {"digest": f"{DIGEST[:-1]}0"}), ({"uri": "s3://models/8"}, {"uri": "s3://models/7"})],
)
def test_an_annotation_of_another_model_stops_the_start_until_it_is_put_right(
    model: dict[str, str], annotated: dict[str, str]
) -> None:
    world = World(versions=declared(**model))
    world.seen("v8", model=annotated)
    world.start()
    assert world.weights == {"v7": 1000}
    assert world.status.phase is Phase.HOLDING
    assert world.condition("ModelMatches")[0] == "False"
    assert world.condition("Stalled") == ("True", MODEL_DIFFERS)
    assert annotated.popitem()[1] in world.status.message
    assert world.check is None
    world.seen("v8", model=model)
    world.reconcile()
    assert world.weights["v8"] == 50
    assert world.condition("ModelMatches") == ("True", "Annotated")
    assert world.reasons().count(Reason.MODEL_DIFFERS) == 1


def test_a_declaration_that_is_put_right_counts_at_once() -> None:
    world = World(versions=declared(uri="s3://models/8"))
    world.seen("v8", model={"uri": "s3://models/eight"})
    world.start()
    assert world.condition("ModelMatches")[0] == "False"
    world.edit(versions=declared(uri="s3://models/eight"))
    world.reconcile()
    assert world.weights["v8"] == 50


def test_a_server_that_serves_another_version_gets_no_traffic_until_it_serves_the_right_one() -> None:
    world = World(versions=declared(name="fraud", version="8"), gates=[GOLDEN]).start()
    assert "asked which model it serves" in world.status.message
    world.find("model", Verdict.FAIL, "it serves fraud 7, and spec.versions declares fraud 8")
    assert world.weights == {"v7": 1000}
    assert world.status.run.reason == MODEL_DIFFERS
    assert world.check is not None
    assert states(world) == []
    world.find("model", Verdict.PASS)
    assert world.condition("ModelMatches")[0] == "True"
    assert states(world) == [("golden", "Running")]


@pytest.mark.parametrize("verdict", [Verdict.ERROR, Verdict.INCONCLUSIVE])
def test_a_server_that_cannot_be_asked_or_does_not_tell_gives_no_alarm(verdict: Verdict) -> None:
    world = World(versions=declared(name="fraud", version="8")).start()
    world.find("model", verdict)
    assert world.weights["v8"] == 50
    assert world.condition("ModelMatches")[0] == "Unknown"


def test_what_was_said_of_a_model_does_not_outlive_its_trial() -> None:
    world = World(versions=declared(uri="s3://models/8"))
    world.seen("v8", model={"uri": "s3://models/7"})
    world.start()
    world.edit(target="v7")
    world.reconcile()
    assert world.status.phase is Phase.WITHDRAWN
    assert world.condition("ModelMatches") == ("Unknown", "NotOnTrial")


def test_a_promotion_by_force_does_not_pass_over_a_gate() -> None:
    world = World(gates=[GOLDEN]).start()
    world.ask(Verb.PROMOTE, full=True)
    assert world.weights == {"v7": 1000}
    assert world.last_answer()[0] is False
    assert "gate golden" in world.last_answer()[1]
