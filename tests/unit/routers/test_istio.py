"""The router of Istio, against a cache and an API server in memory."""

import pytest

from modelrollout.decisions.claims import Claimed
from modelrollout.kube.cache import Cache
from modelrollout.kube.resources import VIRTUALSERVICES
from modelrollout.routers import RouteUnusable
from modelrollout.routers.istio import IstioRouter
from tests.unit.manifests.virtual_services import http, to, virtual_service
from tests.unit.routers.world import Server, asking, intent, rollout

CANARY = {"canary": {"weights": [5, 50]}}
SUBJECT = asking({"istio": {"virtualService": "fraud"}}, CANARY)
LISTED = asking({"istio": {"virtualService": "fraud", "routes": ["primary", "later"]}}, CANARY)


@pytest.fixture
def server() -> Server:
    return Server(Cache())


@pytest.fixture
def router(server: Server) -> IstioRouter:
    return IstioRouter(server, server.cache)


def test_claims_are_the_routes_that_are_managed(router: IstioRouter, server: Server) -> None:
    assert {claim.rule for claim in router.claims(LISTED)} == {"primary", "later"}
    assert router.claims(SUBJECT) == frozenset()
    server.put(VIRTUALSERVICES, virtual_service(http(to("fraud-v7", 1), to("fraud-v8", 0), name="primary")))
    assert {claim.rule for claim in router.claims(LISTED)} == {"primary", "later"}
    assert router.claims(SUBJECT) == {Claimed("VirtualService", "risk", "fraud", "primary")}


async def test_what_serves_no_version_is_not_written(router: IstioRouter, server: Server) -> None:
    server.put(VIRTUALSERVICES, virtual_service(http(to("billing", 1), to("mail", 1), name="primary")))
    with pytest.raises(RouteUnusable):
        await router.apply(LISTED, intent(v7=950, v8=50))
    assert server.writes == []


async def test_a_rollout_on_another_router_is_none_of_its_business(router: IstioRouter) -> None:
    with pytest.raises(RouteUnusable):
        router.observe(rollout())
