"""A canary end to end on a real API server, with evidence that the test decides."""

from modelrollout.api.status import Verdict
from modelrollout.kube.client import Client
from modelrollout.kube.resources import CONFIGMAPS, CONTROLLERREVISIONS, EVENTS, HTTPROUTES
from modelrollout.reconciler.fake import ScriptedExaminer
from tests.cluster.runtime.harness import Model, running, until


async def test_a_good_version_is_promoted_step_by_step(model: Model, client: Client, namespace: str) -> None:
    async with running(namespace):
        await model.create()
        await model.until_phase("Completed")
        await model.target("v8")
        for weight in (10, 50, 250, 500, 750):
            await model.until_weights(v7=1000 - weight, v8=weight)
        await model.until_weights(v8=1000)
        status = await model.until_phase("Completed")
    assert (status["stable"], status["run"]["outcome"]) == ("v8", "Promoted")
    events = await client.list(EVENTS, namespace)
    reasons = [event["reason"] for event in events.items if event["regarding"]["name"] == "fraud"]
    assert reasons.count("Promoted") == 1
    plans = await client.list(CONTROLLERREVISIONS, namespace)
    assert [plan["metadata"]["name"] for plan in plans.items] == [status["run"]["plan"]]
    record = await client.get(CONFIGMAPS, namespace, "fraud-decisions")
    assert len(record["data"]) >= 5


async def test_a_bad_version_is_taken_back_and_remembered(model: Model, namespace: str) -> None:
    examiner = ScriptedExaminer()
    async with running(namespace, examiner):
        await model.create()
        await model.until_phase("Completed")
        await model.target("v8")
        await model.until_weights(v7=990, v8=10)
        examiner.verdict = Verdict.FAIL
        await model.until_weights(v7=1000)
        status = await model.until_phase("RolledBack")
    assert [entry["version"] for entry in status["rejected"]] == ["v8"]


async def test_traffic_leaves_a_candidate_without_endpoints_within_two_seconds(model: Model, namespace: str) -> None:
    async with running(namespace):
        await model.create(strategy={"canary": {"weights": [20], "hold": "1h"}})
        await model.until_phase("Completed")
        await model.target("v8")
        await model.until_weights(v7=800, v8=200)
        await model.ready("v8", ready=False)
        await until("no weight for v8", model.weights, lambda weights: weights == {"v7": 1000}, patience=2.0)
        await model.ready("v8", ready=True)
        await model.until_weights(v7=800, v8=200)


async def test_weights_that_somebody_else_wrote_are_set_back_within_two_seconds(model: Model, namespace: str) -> None:
    async with running(namespace):
        await model.create()
        await model.until_phase("Completed")
        before = await model.status()
        refs = [{"name": f"fraud-{name}", "port": 8080, "weight": weight} for name, weight in (("v7", 1), ("v8", 1))]
        await model.client.patch(HTTPROUTES, namespace, "fraud", {"spec": {"rules": [{"backendRefs": refs}]}})
        await until("weights are back", model.weights, lambda weights: weights == {"v7": 1000}, patience=2.0)
    assert before["stable"] == "v7"


async def test_a_command_is_answered_in_status_with_its_effect(model: Model, namespace: str) -> None:
    async with running(namespace):
        await model.create(strategy={"canary": {"weights": [20], "hold": "1h"}})
        await model.until_phase("Completed")
        await model.target("v8")
        await model.until_weights(v7=800, v8=200)
        uid = await model.command("Abort", reason="drill")
        await model.until_weights(v7=1000)
        status = await model.until_phase("RolledBack")
    answer = next(result for result in status["commands"] if result["uid"] == uid)
    assert answer["accepted"]
    assert status["run"]["outcome"] == "Aborted"


async def test_a_hanging_prometheus_keeps_no_route_from_being_repaired(model: Model, namespace: str) -> None:
    examiner = ScriptedExaminer()
    examiner.hang = True
    async with running(namespace, examiner):
        await model.create(strategy={"canary": {"weights": [20], "hold": "1h"}})
        await model.until_phase("Completed")
        await model.target("v8")
        await model.until_weights(v7=800, v8=200)
        await until("Prometheus is being asked", _asked(examiner), lambda asked: asked > 0)
        await model.ready("v8", ready=False)
        await until("no weight for v8", model.weights, lambda weights: weights == {"v7": 1000}, patience=2.0)


def _asked(examiner: ScriptedExaminer):
    async def look() -> int:
        return examiner.asked

    return look
