"""Sticky users on a real API server with Envoy Gateway's own schema: kept before the split, and set free after it."""

from typing import Any

import pytest

from modelrollout.kube.client import Client
from modelrollout.kube.resources import BACKENDTRAFFICPOLICIES, HTTPROUTES, MODELROLLOUTS, Obj
from tests.cluster.runtime.harness import Model, running, until

POLICY = "fraud-modelrollout"
AB_TEST = {"split": {"v8": 25}, "sticky": {"header": "x-user"}, "until": {"duration": "1h"}}
CLICKS = {
    "name": "clicks",
    "role": "Goal",
    "better": "Higher",
    "proportion": {"good": "clicks_total", "total": "requests_total"},
    "gain": {"difference": 0},
}


async def begin(model: Model, **ab_test: Any) -> None:
    """Ask for an A/B test of v8 against v7 with sticky users."""
    spec = model.spec(strategy={"abTest": {**AB_TEST, **ab_test}}, candidates=["v8"])
    del spec["target"]
    body = {"apiVersion": MODELROLLOUTS.api_version, "kind": MODELROLLOUTS.kind, "metadata": {"name": model.name}}
    spec["metrics"] = [*spec["metrics"], CLICKS]
    await model.client.create(MODELROLLOUTS, model.namespace, {**body, "spec": spec})


async def policy(model: Model) -> Obj | None:
    listed = await model.client.list(BACKENDTRAFFICPOLICIES, model.namespace)
    return next((one for one in listed.items if one["metadata"]["name"] == POLICY), None)


async def header(model: Model) -> str:
    """The header by which the policy keeps users, empty when it keeps none."""
    found = await policy(model)
    hashed = (found or {"spec": {}})["spec"].get("loadBalancer", {}).get("consistentHash", {})
    return str(next((one["name"] for one in hashed.get("headers", [])), ""))


async def marks(model: Model) -> list[str]:
    route = await model.client.get(HTTPROUTES, model.namespace, model.name)
    refs = route["spec"]["rules"][0]["backendRefs"]
    return [ref["filters"][0]["requestHeaderModifier"]["set"][0]["value"] for ref in refs if ref.get("filters")]


async def accept(model: Model) -> None:
    """Let the gateway have taken up the policy as it now is."""
    found = await policy(model)
    assert found is not None
    condition = {
        "type": "Accepted",
        "status": "True",
        "reason": "Accepted",
        "message": "",
        "lastTransitionTime": found["metadata"]["creationTimestamp"],
        "observedGeneration": found["metadata"]["generation"],
    }
    ancestor = {"ancestorRef": {"name": "gateway"}, "controllerName": "example.com/test", "conditions": [condition]}
    status = {"ancestors": [ancestor]}
    await model.client.replace(BACKENDTRAFFICPOLICIES, model.namespace, POLICY, {**found, "status": status}, "status")


async def test_the_split_waits_for_the_gateway_and_its_end_sets_the_users_free(
    model: Model, envoy_gateway_api: None, namespace: str
) -> None:
    async with running(namespace, sticky_users=True):
        await begin(model)
        await until("a policy that keeps users", lambda: header(model), lambda found: found == "x-user")
        assert await marks(model) == ["v8", "v7"]
        said = "not taken up by the gateway yet"
        status = await until("what is waited for", model.status, lambda status: said in status.get("message", ""))
        assert status["phase"] == "Pending"
        assert await model.weights() == {"v7": 1000}
        await accept(model)
        await model.until_weights(v7=750, v8=250)
        assert (await model.status())["run"]["sticky"] == "x-user"

        await model.command("Abort")
        await model.until_weights(v7=1000)
        await until("no mark", lambda: marks(model), lambda found: found == [])
        assert await header(model) == ""
        rested = await policy(model)
        assert rested is not None
        assert [one["name"] for one in rested["spec"]["targetRefs"]] == [POLICY]


@pytest.mark.parametrize("part", ["the policy", "its hash", "a mark"])
async def test_what_somebody_takes_away_is_back_within_two_seconds(
    model: Model, envoy_gateway_api: None, client: Client, namespace: str, part: str
) -> None:
    async with running(namespace, sticky_users=True):
        await begin(model)
        await until("a policy that keeps users", lambda: header(model), lambda found: found == "x-user")
        await accept(model)
        await model.until_weights(v7=750, v8=250)
        found = await policy(model)
        assert found is not None
        if part == "the policy":
            await client.delete(BACKENDTRAFFICPOLICIES, namespace, POLICY, uid=found["metadata"]["uid"])
        elif part == "its hash":
            await client.patch(BACKENDTRAFFICPOLICIES, namespace, POLICY, {"spec": {"loadBalancer": None}})
        else:
            gone = [{"op": "remove", "path": "/spec/rules/0/backendRefs/2/filters"}]
            await client.patch(HTTPROUTES, namespace, model.name, gone)

        async def whole() -> tuple[str, list[str]]:
            return await header(model), await marks(model)

        await until("mended", whole, lambda seen: seen == ("x-user", ["v8", "v7"]), patience=2.0)
        assert await model.weights() == {"v7": 750, "v8": 250}


async def test_a_policy_of_somebody_elses_holds_the_start_and_is_named(
    model: Model, envoy_gateway_api: None, client: Client, namespace: str
) -> None:
    target = {"group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "name": model.name}
    kind = {"apiVersion": BACKENDTRAFFICPOLICIES.api_version, "kind": BACKENDTRAFFICPOLICIES.kind}
    spec = {"targetRefs": [target], "timeout": {"http": {"requestTimeout": "5s"}}}
    body = {**kind, "metadata": {"name": "timeouts"}, "spec": spec}
    theirs = await client.create(BACKENDTRAFFICPOLICIES, namespace, body)
    async with running(namespace, sticky_users=True):
        await begin(model)
        status = await model.until_phase("Pending")
        assert "BackendTrafficPolicy timeouts is about HTTPRoute fraud too" in status["message"]
        (said,) = [one for one in status["conditions"] if one["type"] == "StickyReady"]
        assert (said["status"], said["reason"]) == ("False", "Unusable")
        assert await marks(model) == []
        await client.delete(BACKENDTRAFFICPOLICIES, namespace, "timeouts", uid=theirs["metadata"]["uid"])
        await until("a policy that keeps users", lambda: header(model), lambda found: found == "x-user")


async def test_deleted_in_the_middle_it_leaves_a_route_without_marks_and_all_traffic_on_stable(
    model: Model, envoy_gateway_api: None, client: Client, namespace: str
) -> None:
    async with running(namespace, sticky_users=True):
        await begin(model)
        await until("a policy that keeps users", lambda: header(model), lambda found: found == "x-user")
        await accept(model)
        await model.until_weights(v7=750, v8=250)
        made = await client.get(MODELROLLOUTS, namespace, model.name)
        await client.delete(MODELROLLOUTS, namespace, model.name, uid=made["metadata"]["uid"])
        await model.until_weights(v7=1000)
        assert await marks(model) == []
        assert await model.owner() is None
