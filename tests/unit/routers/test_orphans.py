"""Owners that are gone are found by what the annotation says, and give their traffic back."""

from modelrollout.kube.cache import Cache
from modelrollout.kube.resources import HTTPROUTES
from modelrollout.manifests.owners import owners_of
from modelrollout.routers.gateway_api import GatewayApiRouter
from modelrollout.routers.orphans import orphans
from modelrollout.routers.port import Holding
from tests.unit.manifests.routes import ref, route, rule
from tests.unit.routers.world import Server, intent, rollout


async def _owned() -> tuple[Server, Holding]:
    server = Server(Cache())
    team = {"team": "risk"}
    server.put(HTTPROUTES, route(rule(ref("fraud-v7"), ref("fraud-v8", 0), name="predict"), annotations=team))
    await GatewayApiRouter(server, server.cache).apply(rollout(), intent(v7=950, v8=50))
    (orphan,) = orphans(HTTPROUTES, server.cache.list(HTTPROUTES), living=set(), uids=set())
    server.writes.clear()
    return server, orphan


async def test_only_owners_without_a_living_rollout_are_orphans() -> None:
    server, orphan = await _owned()
    routes = list(server.cache.list(HTTPROUTES))
    assert orphan.service == "fraud-v7"
    assert orphans(HTTPROUTES, routes, living={("risk", "fraud")}, uids={"uid-1"}) == []
    assert orphans(HTTPROUTES, routes, living={("risk", "fraud")}, uids={"born-again"}) == []
    assert orphans(HTTPROUTES, routes, living={("elsewhere", "fraud")}, uids={"uid-2"}) == [orphan]


async def test_traffic_and_annotation_go_in_one_write_and_the_cache_knows_at_once() -> None:
    server, orphan = await _owned()
    await GatewayApiRouter(server, server.cache).release(orphan, give_back=True)
    assert server.writes == [("patch", "fraud")]
    known = server.cache.get(HTTPROUTES, "risk", "fraud")
    assert known is not None
    assert [each["weight"] for each in known["spec"]["rules"][0]["backendRefs"]] == [1000, 0]
    assert owners_of(known) == ()
    assert known["metadata"]["annotations"] == {"team": "risk"}


async def test_without_a_ready_stable_version_the_weights_stay() -> None:
    server, orphan = await _owned()
    await GatewayApiRouter(server, server.cache).release(orphan, give_back=False)
    assert [each["weight"] for each in server.get(HTTPROUTES, "fraud")["spec"]["rules"][0]["backendRefs"]] == [950, 50]
