"""Blue/green with a preview by header on a real API server: brought about, kept, and taken away again."""

from typing import Any

from modelrollout.kube.client import Client
from modelrollout.kube.resources import HTTPROUTES, Obj
from tests.cluster.runtime.harness import Model, running, until

SECOND = "fraud-modelrollout"
STRATEGY = {"blueGreen": {"hold": "0s", "preview": {"header": {"name": "x-preview", "value": "1"}}}}


async def preview(model: Model) -> str:
    """Service that the preview's header leads to, empty when there is none."""
    found = await _second(model)
    rules = found["spec"]["rules"] if found else []
    for one in rules:
        names = {header["name"] for header in one["matches"][0]["headers"]}
        if "x-preview" in names:
            return str(one["backendRefs"][0]["name"])
    return ""


async def _second(model: Model) -> Obj | None:
    listed = await model.client.list(HTTPROUTES, model.namespace)
    return next((one for one in listed.items if one["metadata"]["name"] == SECOND), None)


async def in_preview(model: Model) -> None:
    """Ask for v8, and wait until only a person's approval is missing."""
    await model.create(strategy=STRATEGY, promotion="Manual", metrics=[])
    await model.until_phase("Completed")
    await model.target("v8")
    await model.until_phase("AwaitingApproval")


async def test_a_preview_lasts_until_the_switch_and_leaves_no_trace(model: Model, namespace: str) -> None:
    async with running(namespace):
        await in_preview(model)
        assert await preview(model) == "fraud-v8"
        assert await model.weights() == {"v7": 1000}
        await model.command("Approve")
        await model.until_weights(v8=1000)
        await model.until_phase("Completed")
        await until("no preview", lambda: preview(model), lambda found: found == "")
    second = await _second(model)
    assert second is not None
    assert len(second["spec"]["rules"]) == 2


async def test_a_preview_that_is_edited_or_deleted_is_back_within_two_seconds(
    model: Model, client: Client, namespace: str
) -> None:
    async with running(namespace):
        await in_preview(model)
        second: Any = await _second(model)
        rules = [{**second["spec"]["rules"][0], "backendRefs": [{"name": "fraud-v7", "port": 8080}]}]
        await client.patch(HTTPROUTES, namespace, SECOND, {"spec": {"rules": rules}})
        await until("mended", lambda: preview(model), lambda found: found == "fraud-v8", patience=2.0)
        second = await _second(model)
        await client.delete(HTTPROUTES, namespace, SECOND, uid=second["metadata"]["uid"])
        await until("back", lambda: preview(model), lambda found: found == "fraud-v8", patience=2.0)
        assert (await model.status())["phase"] == "AwaitingApproval"
        assert await model.weights() == {"v7": 1000}


async def test_somebody_elses_route_of_that_name_is_left_alone_said_and_waited_for(
    model: Model, client: Client, namespace: str
) -> None:
    kind = {"apiVersion": HTTPROUTES.api_version, "kind": HTTPROUTES.kind}
    body = {**kind, "metadata": {"name": SECOND}, "spec": {"parentRefs": [{"name": "gateway"}]}}
    theirs = await client.create(HTTPROUTES, namespace, body)
    async with running(namespace):
        await model.create(strategy=STRATEGY, promotion="Manual", metrics=[])
        await model.until_phase("Completed")
        await model.target("v8")
        status = await model.until_phase("Pending")
        (condition,) = [one for one in status["conditions"] if one["type"] == "SecondRouteReady"]
        assert condition["status"] == "False"
        assert f"HTTPRoute {SECOND} exists and was not created by this ModelRollout" in condition["message"]
        assert condition["message"] in status["message"]
        found: Any = await _second(model)
        assert found["metadata"]["resourceVersion"] == theirs["metadata"]["resourceVersion"]
        await client.delete(HTTPROUTES, namespace, SECOND, uid=theirs["metadata"]["uid"])
        await until("a preview", lambda: preview(model), lambda service: service == "fraud-v8", patience=2.0)
        status = await model.until_phase("AwaitingApproval")
    (condition,) = [one for one in status["conditions"] if one["type"] == "SecondRouteReady"]
    assert condition["status"] == "True"
