"""The preview by header: brought about, kept, and taken away again by the router of the Gateway API."""

from dataclasses import replace
from typing import Any

import pytest

from modelrollout.decisions.decision import TrafficIntent
from modelrollout.kube.cache import Cache
from modelrollout.kube.errors import Forbidden
from modelrollout.kube.resources import HTTPROUTES
from modelrollout.routers.gateway_api import GatewayApiRouter
from tests.unit.manifests.routes import ref, route, rule
from tests.unit.routers.world import Server, asking, intent

STRATEGY = {"blueGreen": {"preview": {"header": {"name": "x-preview", "value": "1"}}}}
SUBJECT = asking({"gatewayAPI": {"httpRoute": "fraud"}}, STRATEGY)
SECOND = "fraud-modelrollout"


@pytest.fixture
def server() -> Server:
    made = Server(Cache())
    made.put(HTTPROUTES, route(rule(ref("fraud-v7", 1), ref("fraud-v8", 0), name="predict")))
    return made


@pytest.fixture
def router(server: Server) -> GatewayApiRouter:
    return GatewayApiRouter(server, server.cache)


def previewing(version: str, number: int = 1) -> TrafficIntent:
    return replace(intent(number, v7=1000, v8=0), preview=version)


def rules(server: Server) -> list[str]:
    return [one["name"] for one in server.get(HTTPROUTES, SECOND)["spec"]["rules"]]


async def test_a_preview_comes_and_goes_by_one_write_each_and_leaves_the_pins(
    router: GatewayApiRouter, server: Server
) -> None:
    await router.apply(SUBJECT, previewing(""))
    assert (rules(server), router.observe(SUBJECT).preview) == (["v7", "v8"], "")
    managed, _ = server.get(HTTPROUTES, "fraud"), server.writes.clear()
    await router.apply(SUBJECT, previewing("v8"))
    seen = router.observe(SUBJECT)
    assert (rules(server), seen.preview, seen.outdated) == (["preview.0", "v7", "v8"], "v8", False)
    await router.apply(SUBJECT, previewing("v8"))
    await router.apply(SUBJECT, previewing(""))
    assert (rules(server), router.observe(SUBJECT).preview) == (["v7", "v8"], "")
    assert server.writes == [("patch", SECOND), ("patch", SECOND)]
    assert server.get(HTTPROUTES, "fraud") == managed


async def test_a_preview_that_somebody_edits_is_seen_as_outdated_and_mended(
    router: GatewayApiRouter, server: Server
) -> None:
    await router.apply(SUBJECT, previewing("v8"))
    second = server.get(HTTPROUTES, SECOND)
    second["spec"]["rules"][0]["backendRefs"][0]["name"] = "fraud-v7"
    server.put(HTTPROUTES, second)
    seen = router.observe(SUBJECT)
    assert (seen.preview, seen.outdated) == ("", True)
    await router.apply(SUBJECT, previewing("v8"))
    assert (router.observe(SUBJECT).preview, router.observe(SUBJECT).outdated) == ("v8", False)


async def test_a_preview_follows_the_filters_of_the_managed_rule(router: GatewayApiRouter, server: Server) -> None:
    await router.apply(SUBJECT, previewing("v8"))
    managed = server.get(HTTPROUTES, "fraud")
    managed["spec"]["rules"][0]["timeouts"] = {"request": "9s"}
    server.put(HTTPROUTES, managed)
    assert router.observe(SUBJECT).outdated
    await router.apply(SUBJECT, previewing("v8"))
    assert server.get(HTTPROUTES, SECOND)["spec"]["rules"][0]["timeouts"] == {"request": "9s"}


async def test_a_header_that_is_taken_is_said_and_the_pins_are_kept(router: GatewayApiRouter, server: Server) -> None:
    managed = server.get(HTTPROUTES, "fraud")
    managed["spec"]["rules"][0]["matches"] = [{"headers": [{"type": "Exact", "name": "x-preview", "value": "1"}]}]
    server.put(HTTPROUTES, managed)
    await router.apply(SUBJECT, previewing("v8"))
    seen = router.observe(SUBJECT)
    assert "asks for the header x-preview itself" in seen.aside
    assert (rules(server), seen.preview, seen.outdated) == (["v7", "v8"], "", False)


async def test_a_second_route_that_no_gateway_accepts_is_said(router: GatewayApiRouter, server: Server) -> None:
    await router.apply(SUBJECT, previewing("v8"))
    second: dict[str, Any] = server.get(HTTPROUTES, SECOND)
    condition = {"type": "Accepted", "status": "False", "reason": "NotAllowedByListeners", "message": "no"}
    second["status"] = {"parents": [{"parentRef": {"name": "public"}, "conditions": [condition]}]}
    server.put(HTTPROUTES, second)
    assert "no Gateway accepts HTTPRoute fraud-modelrollout: NotAllowedByListeners" in router.observe(SUBJECT).aside


async def test_traffic_is_taken_back_even_where_the_preview_cannot_be_ended(
    router: GatewayApiRouter, server: Server
) -> None:
    await router.apply(SUBJECT, replace(intent(1, v7=0, v8=1000), preview="v8"))
    server.fail[SECOND] = Forbidden("no", 403)
    with pytest.raises(Forbidden):
        await router.apply(SUBJECT, previewing("", 2))
    seen = router.observe(SUBJECT)
    assert (seen.weights(), seen.preview) == ({"v7": 1000, "v8": 0}, "v8")


async def test_a_created_route_has_a_preview_with_its_match() -> None:
    fresh = Server(Cache())
    router = GatewayApiRouter(fresh, fresh.cache)
    template = {"parentRefs": [{"name": "public"}], "match": {"path": {"value": "/v2"}}}
    subject = asking({"gatewayAPI": {"create": template}}, STRATEGY)
    await router.apply(subject, previewing("v8"))
    (match,) = fresh.get(HTTPROUTES, SECOND)["spec"]["rules"][0]["matches"]
    assert match["path"] == {"type": "PathPrefix", "value": "/v2"}
    assert [one["name"] for one in match["headers"]] == ["x-preview"]
    seen = router.observe(subject)
    assert (seen.preview, seen.outdated) == ("v8", False)
