"""Starts that are held, by a layer or by a freeze, on a real API server."""

import json

from kubernetes import client as kubernetes

from modelrollout.api.status import Verdict
from modelrollout.kube.client import Client
from modelrollout.kube.resources import FREEZES
from modelrollout.reconciler.fake import ScriptedExaminer
from tests.cluster.conftest import Kubectl
from tests.cluster.runtime.harness import Model, running, until

QUICK = {"canary": {"weights": [20], "hold": "1s", "samples": 10}}
SLOW = {"canary": {"weights": [20], "hold": "1h"}}


async def test_runs_of_a_layer_wait_for_each_other_and_for_whoever_leads(
    model: Model, client: Client, namespace: str
) -> None:
    layer = {"layer": "checkout"}
    others = [Model(client, namespace, name) for name in ("price", "rank")]
    async with running(namespace) as first:
        await model.create(exclusivity=layer, strategy=SLOW)
        for other in others:
            await other.deploy()
            await other.create(exclusivity=layer, strategy=QUICK)
        for one in (model, *others):
            await one.until_phase("Completed")
        await model.target("v8")
        await model.until_weights(v7=800, v8=200)
        for place, other in enumerate(others, 1):
            await other.target("v8")
            status = await other.until_phase("Queued")
            assert (
                f"the run of fraud goes on{', price is right in front' * (place - 1)}; place {place}"
                in status["message"]
            )
        await first.crash()
    async with running(namespace, identity="operator-1"):
        await model.command("Abort")
        await model.until_phase("RolledBack")
        await others[0].until_weights(v8=1000)
        status = await others[0].until_phase("Completed")
        ended = status["run"]["endedAt"]
        await others[1].until_weights(v8=1000)
        status = await others[1].until_phase("Completed")
    assert status["run"]["startedAt"] >= ended


async def test_a_freeze_of_the_namespace_or_of_all_holds_a_start_and_not_a_rollback(
    model: Model, kubectl: Kubectl, api_client: kubernetes.ApiClient, namespace: str
) -> None:
    home = f"{namespace}-home"
    core = kubernetes.CoreV1Api(api_client)
    core.create_namespace({"metadata": {"name": home}})
    freeze = ("create", "configmap", "modelrollout-freeze")
    examiner = ScriptedExaminer()
    examiner.verdict = Verdict.INCONCLUSIVE
    async with running(namespace, examiner, home=home) as operator:
        await model.create()
        await model.until_phase("Completed")
        for place, where in ((namespace, f"namespace {namespace} is frozen"), (home, "every namespace is frozen")):
            kubectl(*freeze, "-n", place, "--from-literal=reason=the holidays")
            await operator.until_known(FREEZES, place, FREEZES.only)
            await model.target("v8")
            status = await model.until_phase("Queued")
            assert status["message"] == f"v8 waits to be tried: {where}: the holidays"
            kubectl("delete", "configmap", "modelrollout-freeze", "-n", place)
            await model.until_weights(v7=990, v8=10)
            await model.target("v7")
            await model.until_phase("Withdrawn")
        await model.target("v8")
        await model.until_weights(v7=990, v8=10)
        kubectl(*freeze, "-n", namespace, "--from-literal=until=soon")
        await operator.until_known(FREEZES, namespace, FREEZES.only)
        examiner.verdict = Verdict.FAIL
        await model.until_weights(v7=1000)
        await model.until_phase("RolledBack")
        uid = await model.command("Retry")
        status = await model.until_phase("Queued")
        answer = next(one for one in status["commands"] if one["uid"] == uid)
        assert answer["accepted"]
        assert 'data.until "soon" is no RFC 3339 time' in answer["message"]
        shown = json.loads(kubectl("get", "events", "-n", namespace, "-o", "json").stdout)["items"]
        assert {one["reason"] for one in shown} >= {"Frozen", "Thawed"}
        await until("the weights stay", model.weights, lambda weights: weights == {"v7": 1000})
    core.delete_namespace(home)
