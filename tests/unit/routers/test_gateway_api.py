"""The router of the Gateway API, against a cache and an API server in memory."""

from typing import Any

import pytest

from modelrollout.decisions.claims import Claimed
from modelrollout.decisions.observed import RouteSeen, RuleSeen
from modelrollout.kube.cache import Cache
from modelrollout.kube.errors import Conflict, Forbidden
from modelrollout.kube.resources import GRPCROUTES, HTTPROUTES
from modelrollout.manifests.owners import owners_of
from modelrollout.manifests.route_patches import UnsafeWrite
from modelrollout.manifests.second_route import PIN_HEADER, pin_value
from modelrollout.routers import RouteUnusable, all_routers, router_of
from modelrollout.routers.gateway_api import GatewayApiRouter
from modelrollout.routers.orphans import orphans
from tests.unit.manifests.routes import ref, route, rule
from tests.unit.routers.world import Server, intent, rollout

CREATE = {"create": {"parentRefs": [{"name": "public"}], "hostnames": ["fraud.example"]}}


@pytest.fixture
def server() -> Server:
    return Server(Cache())


@pytest.fixture
def router(server: Server) -> GatewayApiRouter:
    return GatewayApiRouter(server, server.cache)


def user_route(*weights: int, kind: str = "HTTPRoute") -> dict[str, Any]:
    return route(rule(ref("fraud-v7", weights[0]), ref("fraud-v8", weights[1]), name="predict"), kind=kind)


def weights(server: Server, name: str = "fraud") -> list[int]:
    return [each["weight"] for each in server.get(HTTPROUTES, name)["spec"]["rules"][0]["backendRefs"]]


async def test_the_first_apply_pins_both_versions_and_then_writes_once(
    router: GatewayApiRouter, server: Server
) -> None:
    server.put(HTTPROUTES, user_route(1, 0))
    await router.apply(rollout(), intent(v7=950, v8=50))
    assert server.writes == [("create", "fraud-modelrollout"), ("patch", "fraud")]
    seen = router.observe(rollout())
    assert seen.weights() == {"v7": 950, "v8": 50}
    assert not seen.outdated
    assert seen.owner is not None
    assert seen.owner.rules == ("predict",)


async def test_later_steps_cost_one_write_each_and_none_when_all_is_said(
    router: GatewayApiRouter, server: Server
) -> None:
    server.put(HTTPROUTES, user_route(1, 0))
    await router.apply(rollout(), intent(1, v7=950, v8=50))
    server.writes.clear()
    await router.apply(rollout(), intent(2, v7=500, v8=500))
    await router.apply(rollout(), intent(2, v7=500, v8=500))
    assert server.writes == [("patch", "fraud")]


async def test_pins_have_a_rule_per_version_with_a_private_header(router: GatewayApiRouter, server: Server) -> None:
    server.put(HTTPROUTES, user_route(1, 0))
    await router.apply(rollout(), intent(v7=1000, v8=0))
    pins = server.get(HTTPROUTES, "fraud-modelrollout")
    assert pins["spec"]["parentRefs"] == [{"name": "public"}]
    assert pins["spec"]["hostnames"] == ["fraud.example"]
    for version, one in zip(("v7", "v8"), pins["spec"]["rules"], strict=True):
        (match,) = one["matches"]
        assert match["headers"] == [{"type": "Exact", "name": PIN_HEADER, "value": pin_value("uid-1", version)}]
        assert one["backendRefs"] == [ref(f"fraud-{version}", 1)]
    assert pins["metadata"]["ownerReferences"][0]["uid"] == "uid-1"
    assert pin_value("uid-1", "v7") != pin_value("uid-2", "v7")


async def test_pins_follow_parents_versions_and_deletion(router: GatewayApiRouter, server: Server) -> None:
    server.put(HTTPROUTES, user_route(1, 0))
    await router.apply(rollout(), intent(v7=1000, v8=0))
    moved = server.get(HTTPROUTES, "fraud") | {
        "spec": {**server.get(HTTPROUTES, "fraud")["spec"], "parentRefs": [{"name": "other"}]}
    }
    server.put(HTTPROUTES, moved)
    assert router.observe(rollout()).outdated
    await router.apply(rollout(), intent(v7=1000, v8=0))
    assert not router.observe(rollout()).outdated
    three = rollout(versions=("v7", "v8", "v9"))
    assert router.observe(three).outdated
    await router.apply(three, intent(2, v7=1000, v8=0, v9=0))
    assert [one["name"] for one in server.get(HTTPROUTES, "fraud-modelrollout")["spec"]["rules"]] == ["v7", "v8", "v9"]
    server.cache.remove(HTTPROUTES, server.get(HTTPROUTES, "fraud-modelrollout"))
    assert router.observe(three).outdated


async def test_pins_that_cannot_be_made_do_not_keep_traffic_from_moving(
    router: GatewayApiRouter, server: Server
) -> None:
    server.put(HTTPROUTES, user_route(950, 50))
    server.fail["fraud-modelrollout"] = Forbidden("no", 403)
    with pytest.raises(Forbidden):
        await router.apply(rollout(), intent(v7=1000, v8=0))
    assert weights(server) == [1000, 0]


async def test_somebody_elses_route_of_the_name_of_the_pins_is_left_alone(
    router: GatewayApiRouter, server: Server
) -> None:
    server.put(HTTPROUTES, user_route(1, 0))
    other = route(rule(ref("billing")))
    other["metadata"]["name"] = "fraud-modelrollout"
    stored = server.put(HTTPROUTES, other)
    await router.apply(rollout(), intent(v7=950, v8=50))
    assert server.get(HTTPROUTES, "fraud-modelrollout") == stored
    seen = router.observe(rollout())
    assert not seen.outdated
    assert "HTTPRoute fraud-modelrollout exists and was not created by this ModelRollout" in seen.aside
    server.cache.remove(HTTPROUTES, stored)
    del server.objects[HTTPROUTES, "risk", "fraud-modelrollout"]
    seen = router.observe(rollout())
    assert (seen.outdated, seen.aside) == (True, "")


async def test_a_write_from_an_old_reading_is_refused(router: GatewayApiRouter, server: Server) -> None:
    server.put(HTTPROUTES, user_route(1, 0))
    server.put(HTTPROUTES, user_route(0, 1), seen=False)
    with pytest.raises(Conflict):
        await router.apply(rollout(), intent(v7=950, v8=50))
    assert weights(server) == [0, 1]


async def test_an_unsafe_intent_writes_nothing_at_all(router: GatewayApiRouter, server: Server) -> None:
    server.put(HTTPROUTES, user_route(1, 0))
    with pytest.raises(UnsafeWrite):
        await router.apply(rollout(), intent(v7=950, v8=60))
    assert server.writes == []


async def test_a_missing_route_is_said_to_be_missing_and_is_not_made(router: GatewayApiRouter, server: Server) -> None:
    seen = router.observe(rollout())
    assert not seen.found
    assert "HTTPRoute fraud does not exist" in seen.problem
    with pytest.raises(RouteUnusable):
        await router.apply(rollout(), intent(v7=1000, v8=0))
    assert server.writes == []


async def test_a_route_without_managed_rules_is_not_written(router: GatewayApiRouter, server: Server) -> None:
    server.put(HTTPROUTES, route(rule(ref("fraud-v7"))))
    with pytest.raises(RouteUnusable):
        await router.apply(rollout(), intent(v7=1000, v8=0))
    assert ("patch", "fraud") not in server.writes


async def test_a_listed_place_that_has_become_another_rule_is_not_written(
    router: GatewayApiRouter, server: Server
) -> None:
    server.put(HTTPROUTES, route(rule(ref("billing", 1)), rule(ref("fraud-v7"), ref("fraud-v8", 0))))
    with pytest.raises(RouteUnusable):
        await router.apply(rollout({"httpRoute": "fraud", "rules": ["0"]}), intent(v7=1000, v8=0))
    assert server.get(HTTPROUTES, "fraud")["spec"]["rules"][0]["backendRefs"] == [ref("billing", 1)]


async def test_a_route_to_create_is_seen_without_weights_and_made_by_the_first_apply(
    router: GatewayApiRouter, server: Server
) -> None:
    subject = rollout(CREATE)
    missing = router.observe(subject)
    assert missing == RouteSeen(
        found=True, accepted=True, rules=(RuleSeen("model", absent=("v7", "v8")),), series=missing.series
    )
    assert router.claims(subject) == {Claimed("HTTPRoute", "risk", "fraud", "model")}
    await router.apply(subject, intent(v7=0, v8=1000))
    assert server.writes == [("create", "fraud"), ("create", "fraud-modelrollout")]
    made = server.get(HTTPROUTES, "fraud")
    assert made["spec"]["hostnames"] == ["fraud.example"]
    assert made["spec"]["parentRefs"][0]["name"] == "public"
    assert weights(server) == [0, 1000]
    assert owners_of(made)[0].rules == ("model",)
    seen = router.observe(subject)
    assert (seen.weights(), seen.outdated, seen.accepted) == ({"v7": 0, "v8": 1000}, False, None)
    await router.apply(subject, intent(v7=0, v8=1000))
    assert len(server.writes) == 2


async def test_a_created_route_follows_its_template_and_keeps_the_intended_weights(
    router: GatewayApiRouter, server: Server
) -> None:
    await router.apply(rollout(CREATE), intent(v7=900, v8=100))
    changed = rollout({"create": {"parentRefs": [{"name": "public"}], "match": {"path": {"value": "/v2"}}}})
    assert router.observe(changed).outdated
    await router.apply(changed, intent(v7=900, v8=100))
    made = server.get(HTTPROUTES, "fraud")
    assert "hostnames" not in made["spec"]
    assert made["spec"]["rules"][0]["matches"] == [{"path": {"type": "PathPrefix", "value": "/v2"}}]
    assert weights(server) == [900, 100]
    assert not router.observe(changed).outdated


async def test_a_created_route_that_somebody_edits_is_mended(router: GatewayApiRouter, server: Server) -> None:
    await router.apply(rollout(CREATE), intent(v7=900, v8=100))
    made = server.get(HTTPROUTES, "fraud")
    server.put(HTTPROUTES, made | {"spec": {**made["spec"], "hostnames": ["evil.example"]}})
    assert router.observe(rollout(CREATE)).outdated
    await router.apply(rollout(CREATE), intent(v7=900, v8=100))
    assert server.get(HTTPROUTES, "fraud")["spec"]["hostnames"] == ["fraud.example"]


async def test_a_route_that_is_not_ours_is_never_taken_over_by_create(router: GatewayApiRouter, server: Server) -> None:
    server.put(HTTPROUTES, user_route(1, 0))
    seen = router.observe(rollout(CREATE))
    assert (seen.found, seen.rules) == (True, ())
    assert "was not created by this ModelRollout" in seen.problem
    with pytest.raises(RouteUnusable):
        await router.apply(rollout(CREATE), intent(v7=0, v8=1000))
    assert weights(server) == [1, 0]


async def test_grpc_routes_and_their_pins_are_grpc_routes(router: GatewayApiRouter, server: Server) -> None:
    server.put(GRPCROUTES, user_route(1, 0, kind="GRPCRoute"))
    subject = rollout({"grpcRoute": "fraud", "rules": ["predict"]})
    assert router.watched(subject) == {GRPCROUTES}
    await router.apply(subject, intent(v7=950, v8=50))
    assert router.observe(subject).weights() == {"v7": 950, "v8": 50}
    pins = server.get(GRPCROUTES, "fraud-modelrollout")
    assert pins["kind"] == "GRPCRoute"
    assert "path" not in pins["spec"]["rules"][0]["matches"][0]


async def test_a_created_grpc_route_matches_its_method(router: GatewayApiRouter, server: Server) -> None:
    match = {"method": {"service": "inference.GRPCInferenceService"}, "headers": [{"name": "x", "value": "1"}]}
    template = {"kind": "GRPCRoute", "parentRefs": [{"name": "public"}], "match": match}
    await router.apply(rollout({"create": template}), intent(v7=0, v8=1000))
    (match,) = server.get(GRPCROUTES, "fraud")["spec"]["rules"][0]["matches"]
    assert match == {
        "method": {"type": "Exact", "service": "inference.GRPCInferenceService"},
        "headers": [{"type": "Exact", "name": "x", "value": "1"}],
    }


async def test_release_leaves_the_pins(router: GatewayApiRouter, server: Server) -> None:
    server.put(HTTPROUTES, user_route(1, 0))
    await router.apply(rollout(), intent(v7=950, v8=50))
    server.writes.clear()
    (found,) = orphans(HTTPROUTES, [server.get(HTTPROUTES, "fraud")], living=set(), uids=set())
    await router.release(found, give_back=False)
    assert server.writes == [("patch", "fraud")]
    assert weights(server) == [950, 50]
    assert owners_of(server.get(HTTPROUTES, "fraud")) == ()


def test_claims_are_the_rules_that_are_managed(router: GatewayApiRouter, server: Server) -> None:
    listed = rollout({"httpRoute": "fraud", "rules": ["0", "later"]})
    assert {claim.rule for claim in router.claims(listed)} == {"0", "later"}
    assert router.claims(rollout()) == frozenset()
    server.put(HTTPROUTES, user_route(1, 0))
    assert {claim.rule for claim in router.claims(listed)} == {"predict", "later"}
    assert router.claims(rollout()) == {Claimed("HTTPRoute", "risk", "fraud", "predict")}


def test_a_rollout_finds_its_router_by_its_traffic(server: Server) -> None:
    routers = all_routers(server, server.cache)
    assert isinstance(router_of(rollout(), routers), GatewayApiRouter)
    with pytest.raises(RouteUnusable):
        router_of(rollout(), {})
