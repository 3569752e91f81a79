"""A step with an audience on a real API server: weights in one rule of the user's route, and home from there."""

import pytest

from modelrollout.kube.client import Client
from modelrollout.kube.resources import HTTPROUTES, MODELROLLOUTS, Obj, uid_of
from tests.cluster.runtime.harness import Model, running, until

STEPS = [
    {"name": "beta", "audience": {"rules": ["beta"]}, "weight": 100, "approval": True},
    {"name": "quarter", "weight": 25, "hold": "1s"},
]
HOME = {"beta": {"v7": 1000}, "everyone": {"v7": 1000}}


@pytest.fixture
async def route(model: Model, client: Client, namespace: str) -> Obj:
    """The route with a rule for beta users before the one for everyone, accepted."""
    found = await client.get(HTTPROUTES, namespace, "fraud")
    refs = found["spec"]["rules"][0]["backendRefs"]
    beta = {"name": "beta", "matches": [{"headers": [{"name": "x-beta", "value": "1"}]}], "backendRefs": refs}
    spec = {**found["spec"], "rules": [beta, {"name": "everyone", "backendRefs": refs}]}
    await client.replace(HTTPROUTES, namespace, "fraud", {**found, "spec": spec})
    await model.accept()
    return spec


async def weights(model: Model) -> dict[str, dict[str, int]]:
    """Weights on the route now, by rule, versions without any left out."""
    found = await model.client.get(HTTPROUTES, model.namespace, "fraud")
    return {
        rule["name"]: {ref["name"].rsplit("-", 1)[1]: ref["weight"] for ref in rule["backendRefs"] if ref["weight"]}
        for rule in found["spec"]["rules"]
    }


async def to_beta(model: Model) -> str:
    """Ask for v8, and wait until beta users have it; returns the rollout's uid."""
    created = await model.create(strategy={"steps": STEPS}, metrics=[])
    await model.until_phase("Completed")
    await model.target("v8")
    await model.until_phase("AwaitingApproval")
    assert await weights(model) == {"beta": {"v8": 1000}, "everyone": {"v7": 1000}}
    return uid_of(created)


async def test_beta_users_then_a_quarter_then_everybody_and_the_route_is_the_users_own(
    model: Model, client: Client, namespace: str, route: Obj
) -> None:
    async with running(namespace):
        await to_beta(model)
        status = await model.status()
        assert (status["weightText"], status["run"]["audience"]) == ("100% in beta", ["beta"])
        await model.command("Approve")
        quarter = {"v7": 750, "v8": 250}
        await until("a quarter", lambda: weights(model), lambda found: found == dict.fromkeys(HOME, quarter))
        await until("they are compared", model.status, lambda status: bool(status["run"].get("comparedAt")))
        await model.until_phase("Completed")
        assert await weights(model) == {"beta": {"v8": 1000}, "everyone": {"v8": 1000}}
    found = await client.get(HTTPROUTES, namespace, "fraud")
    assert found["spec"]["rules"][0]["matches"][0]["headers"][0]["name"] == "x-beta"
    assert found["spec"]["rules"][1].get("filters") is None


async def test_what_somebody_gives_the_others_is_taken_back_and_beta_users_keep_it(
    model: Model, client: Client, namespace: str, route: Obj
) -> None:
    async with running(namespace):
        await to_beta(model)
        found = await client.get(HTTPROUTES, namespace, "fraud")
        for ref in found["spec"]["rules"][1]["backendRefs"]:
            ref["weight"] = 500
        await client.replace(HTTPROUTES, namespace, "fraud", found)
        kept = {"beta": {"v8": 1000}, "everyone": {"v7": 1000}}
        await until("set back", lambda: weights(model), lambda seen: seen == kept, patience=2.0)


async def test_a_rule_that_gets_another_name_is_left_alone_and_still_led_home(
    model: Model, client: Client, namespace: str, route: Obj
) -> None:
    async with running(namespace):
        await to_beta(model)
        found = await client.get(HTTPROUTES, namespace, "fraud")
        found["spec"]["rules"][0]["name"] = "insiders"
        await client.replace(HTTPROUTES, namespace, "fraud", found)
        said = (
            "the audience of step 1 is rule beta, which is no managed rule of the route (those are: insiders, everyone)"
        )

        async def claimed() -> str:
            status = await model.status()
            return next(one["message"] for one in status["conditions"] if one["type"] == "RouteClaimed")

        await until("it is said", claimed, lambda message: message.startswith(said))
        assert await weights(model) == {"insiders": {"v8": 1000}, "everyone": {"v7": 1000}}
        await model.command("Abort")
        home = {"insiders": {"v7": 1000}, "everyone": {"v7": 1000}}
        await until("home", lambda: weights(model), lambda seen: seen == home)


@pytest.mark.parametrize("meanwhile", ["running", "stopped"])
async def test_a_rollout_that_is_deleted_gives_beta_users_back(
    model: Model, client: Client, namespace: str, route: Obj, meanwhile: str
) -> None:
    async with running(namespace):
        uid = await to_beta(model)
        if meanwhile == "running":
            await client.delete(MODELROLLOUTS, namespace, "fraud", uid=uid)
            await until("home", lambda: weights(model), lambda seen: seen == HOME, patience=2.0)
    if meanwhile == "stopped":
        await client.delete(MODELROLLOUTS, namespace, "fraud", uid=uid)
        async with running(namespace, identity="operator-1"):
            await until("home", lambda: weights(model), lambda seen: seen == HOME)
            await until("nobody owns the route", model.owner, lambda owner: owner is None)
