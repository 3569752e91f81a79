"""Gates and the declared model on a real API server; the model server is a real HTTP server on this machine."""

import json
import socket
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from modelrollout.kube.client import Client
from modelrollout.kube.resources import CONFIGMAPS, CRONJOBS, DEPLOYMENTS, ENDPOINTSLICES, JOBS, Obj
from tests.cluster.runtime.harness import Model, running, until

GOLDEN = [{"name": "golden", "replay": {"configMap": "golden", "tolerance": {"absolute": 0.01}}}]
ACCEPTANCE = [{"name": "acceptance", "job": {"cronJob": "acceptance"}}]
ANNOTATION = "modelrollout.io/model-uri"
CANARY = {"canary": {"weights": [20], "hold": "1h"}}


def own_address() -> str:
    """An address of this machine that an EndpointSlice may hold, which the loopback's is not."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))  # nothing is sent: it only chooses the address
        return str(probe.getsockname()[0])


class ModelServer:
    """Answers every request with one score.

    Attributes:
        score: what it answers.
        asked: how many requests it got.
    """

    def __init__(self) -> None:
        self.score = 0.5
        self.asked = 0

    async def answer(self, _: web.Request) -> web.Response:
        self.asked += 1
        return web.json_response({"id": str(self.asked), "outputs": [{"data": [self.score]}]})


@pytest.fixture
async def server(model: Model, namespace: str) -> AsyncIterator[ModelServer]:
    """The server of v8, whose EndpointSlice leads to it."""
    answers = ModelServer()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answers.answer)
    test_server = TestServer(app, host=own_address())
    await test_server.start_server()
    stored = await model.client.get(ENDPOINTSLICES, namespace, "fraud-v8-1")
    endpoints = [{**stored["endpoints"][0], "addresses": [own_address()]}]
    patch = {"ports": [{"name": "http", "port": test_server.port}], "endpoints": endpoints}
    await model.client.patch(ENDPOINTSLICES, namespace, "fraud-v8-1", patch)
    yield answers
    await test_server.close()


async def golden(client: Client, namespace: str, score: float) -> None:
    line = {"request": {"path": "/infer", "body": {}}, "expect": {"body": {"outputs": [{"data": [score]}]}}}
    text = "\n".join([json.dumps(line)] * 5)
    body = {"metadata": {"name": "golden"}, "data": {"requests.jsonl": text}}
    await client.create(CONFIGMAPS, namespace, body)


async def test_golden_answers_open_the_way_and_are_asked_for_once_in_a_run(
    model: Model, client: Client, namespace: str, server: ModelServer
) -> None:
    async with running(namespace):
        await model.create(strategy=CANARY, gates=GOLDEN)
        await model.until_phase("Completed")
        await model.target("v8")
        await until("it is said what is missing", model.status, lambda one: "ConfigMap golden is not" in one["message"])
        assert (await model.weights(), server.asked) == ({"v7": 1000}, 0)
        # An edited gate is asked at once, not only when the next time has come.
        await golden(client, namespace, 0.505)
        await model.patch({"spec": {"gates": [GOLDEN[0] | {"deadline": "1m"}, {"name": "b", "warmUp": {"path": "/"}}]}})
        await model.until_weights(v7=800, v8=200)
    asked = server.asked
    async with running(namespace, identity="operator-1"):
        await model.patch({"spec": {"paused": True}})
        await model.until_phase("Paused")
    assert server.asked == asked == 5 + 20


async def test_a_wrong_golden_answer_ends_the_run_before_any_weight(
    model: Model, client: Client, namespace: str, server: ModelServer
) -> None:
    await golden(client, namespace, 0.9)
    async with running(namespace):
        await model.create(strategy={"blueGreen": {"hold": "0s"}}, metrics=[], gates=GOLDEN)
        await model.until_phase("Completed")
        await model.target("v8")
        status = await model.until_phase("RolledBack")
    assert await model.weights() == {"v7": 1000}
    assert "line 1, at $.outputs[0].data[0]: expected 0.9, found 0.5" in status["run"]["message"]
    assert [(one["version"], one["reason"]) for one in status["rejected"]] == [("v8", "GateFailed")]


@pytest.mark.parametrize(("ended", "phase"), [("Complete", "Promoted"), ("Failed", "RolledBack")])
async def test_a_job_decides_and_the_next_operator_waits_for_the_same_one(
    model: Model, client: Client, namespace: str, ended: str, phase: str
) -> None:
    await client.create(CRONJOBS, namespace, cron_job())
    async with running(namespace):
        await model.create(strategy={"blueGreen": {"hold": "0s"}}, metrics=[], gates=ACCEPTANCE)
        await model.until_phase("Completed")
        await model.target("v8")
        job = await one_job(client, namespace)
    async with running(namespace, identity="operator-1"):
        await until("it waits", model.status, lambda one: f"Job {job['metadata']['name']}" in one["message"])
        assert await model.weights() == {"v7": 1000}
        await end(client, namespace, job, ended)
        await until(phase, model.status, lambda one: one["run"].get("outcome") == phase)
    assert len((await client.list(JOBS, namespace)).items) == 1
    status = await model.status()
    if ended == "Failed":
        assert (
            f"its logs: kubectl logs --namespace {namespace} job/{job['metadata']['name']}" in status["run"]["message"]
        )
    else:
        assert await model.weights() == {"v8": 1000}


async def test_an_annotation_of_another_model_stops_the_start_until_it_is_put_right(
    model: Model, client: Client, namespace: str
) -> None:
    await annotate(client, namespace, "s3://models/fraud/7")
    spec = model.spec()
    spec["versions"][1]["model"] = {"uri": "s3://models/fraud/8"}
    async with running(namespace):
        await model.create(strategy=CANARY, versions=spec["versions"])
        await model.until_phase("Completed")
        await model.target("v8")
        status = await model.until_phase("Holding")
        assert await model.weights() == {"v7": 1000}
        (condition,) = [one for one in status["conditions"] if one["type"] == "ModelMatches"]
        assert (condition["status"], condition["reason"]) == ("False", "UriDiffers")
        assert "s3://models/fraud/7" in condition["message"]
        await annotate(client, namespace, "s3://models/fraud/8")
        await model.until_weights(v7=800, v8=200)


async def annotate(client: Client, namespace: str, uri: str) -> None:
    patch = {"spec": {"template": {"metadata": {"annotations": {ANNOTATION: uri}}}}}
    await client.patch(DEPLOYMENTS, namespace, "fraud-v8", patch)


def cron_job() -> Obj:
    pod = {"restartPolicy": "Never", "containers": [{"name": "try", "image": "registry.invalid/try:1"}]}
    spec = {
        "suspend": True,
        "schedule": "0 0 1 1 *",
        "jobTemplate": {"spec": {"backoffLimit": 0, "template": {"spec": pod}}},
    }
    return {"metadata": {"name": "acceptance", "labels": {"modelrollout.io/gate": "true"}}, "spec": spec}


async def one_job(client: Client, namespace: str) -> Obj:
    async def jobs() -> list[Obj]:
        return (await client.list(JOBS, namespace)).items

    return dict((await until("the Job is made", jobs, bool))[0])


async def end(client: Client, namespace: str, job: Obj, kind: str) -> None:
    """Let the Job end, in the place of its controller, which does not run here."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    before = {"Complete": "SuccessCriteriaMet", "Failed": "FailureTarget"}[kind]
    conditions = [
        {"type": each, "status": "True", "reason": "AsTheTestSays", "lastTransitionTime": now}
        for each in (before, kind)
    ]
    status: dict[str, Any] = {"startTime": now, "conditions": conditions}
    if kind == "Complete":
        status["completionTime"] = now
    await client.patch(JOBS, namespace, job["metadata"]["name"], {"status": status}, "status")
