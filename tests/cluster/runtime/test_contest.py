"""Somebody who writes the weights of a route back again and again, on a real API server."""

import json

from modelrollout.kube.client import Client
from modelrollout.kube.resources import HTTPROUTES
from modelrollout.reconciler.fake import ScriptedExaminer
from tests.cluster.conftest import Kubectl
from tests.cluster.runtime.harness import Model, running, until

PATIENT = {"canary": {"weights": [20, 50], "hold": "1s", "samples": 10}}


async def test_a_tool_that_fights_for_the_weights_is_named_and_no_step_advances_meanwhile(
    model: Model, client: Client, namespace: str, kubectl: Kubectl
) -> None:
    route = await client.get(HTTPROUTES, namespace, "fraud")
    metadata = {"name": "fraud", "namespace": namespace}
    wanted = json.dumps({**{key: route[key] for key in ("apiVersion", "kind", "spec")}, "metadata": metadata})

    def sync() -> None:
        who = "--field-manager=argocd-controller"
        kubectl("apply", "--server-side", "--force-conflicts", who, "-f", "-", stdin=wanted)

    async def matches() -> dict[str, str]:
        conditions = (await model.status()).get("conditions", [])
        return next((one for one in conditions if one["type"] == "TrafficMatches"), {})

    async def asked() -> int:
        return examiner.asked

    examiner = ScriptedExaminer()
    examiner.answers = 0  # however long a sync takes, the step is not left before the third
    async with running(namespace, examiner):
        await model.create(strategy=PATIENT)
        await model.until_phase("Completed")
        await model.target("v8")
        for _ in range(3):
            await model.until_weights(v7=800, v8=200)
            sync()
        found = await until("it is named", matches, lambda one: one.get("reason") == "Contested")
        assert found["status"] == "False"
        assert "argocd-controller" in found["message"]
        examiner.answers, before = 1_000_000, examiner.asked
        await until("there is evidence to leave the step", asked, lambda times: times > before + 2)
        status = await model.status()
        assert (status["run"]["state"], status["run"]["step"]) == ("Trial", 0)
        assert "argocd-controller" in status["message"]
        assert await model.weights() == {"v7": 1}  # as the tool wants it: repairs back off to 30 s
