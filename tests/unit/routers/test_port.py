"""What every router promises, the fake that tests decide over included."""

from collections.abc import Callable

import pytest

from modelrollout.kube.cache import Cache
from modelrollout.kube.errors import Conflict
from modelrollout.kube.resources import HTTPROUTES
from modelrollout.manifests.route_patches import UnsafeWrite
from modelrollout.routers import Holding, Router, RouteUnusable
from modelrollout.routers.fake import FakeRouter
from modelrollout.routers.gateway_api import GatewayApiRouter
from tests.unit.manifests.routes import ref, route, rule
from tests.unit.routers.world import Server, intent, rollout

Make = Callable[[bool], Router]


def _real(with_route: bool) -> Router:
    server = Server(Cache())
    if with_route:
        server.put(HTTPROUTES, route(rule(ref("fraud-v7", 1), ref("fraud-v8", 0), name=FakeRouter.RULE)))
    return GatewayApiRouter(server, server.cache)


def _fake(with_route: bool) -> Router:
    router = FakeRouter()
    if with_route:
        router.give("uid-1", v7=1000, v8=0)
    return router


def holding(router: Router) -> Holding:
    """What is found of the rollout once it is gone."""
    owner = router.observe(rollout()).owner
    assert owner is not None
    cache = Cache() if isinstance(router, FakeRouter) else router._cache  # type: ignore[attr-defined]
    return Holding(HTTPROUTES, cache.get(HTTPROUTES, "risk", "fraud") or {}, owner)


routers = pytest.mark.parametrize("make", [_real, _fake])


@routers
async def test_what_was_applied_is_observed(make: Make) -> None:
    router = make(True)
    wanted = intent(3, v7=950, v8=50)
    assert router.observe(rollout()).weights() == {"v7": 1000, "v8": 0}
    await router.apply(rollout(), wanted)
    seen = router.observe(rollout())
    assert seen.weights() == wanted.weights
    assert seen.owner is not None
    assert (seen.owner.uid, seen.owner.intent) == ("uid-1", 3)


@routers
async def test_a_missing_route_is_seen_as_missing_and_cannot_be_written(make: Make) -> None:
    router = make(False)
    assert not router.observe(rollout()).found
    with pytest.raises(RouteUnusable):
        await router.apply(rollout(), intent(v7=1000, v8=0))


@routers
async def test_an_unsafe_intent_changes_nothing(make: Make) -> None:
    router = make(True)
    with pytest.raises(UnsafeWrite):
        await router.apply(rollout(), intent(v7=1000, v8=1))
    assert router.observe(rollout()).weights() == {"v7": 1000, "v8": 0}


@routers
@pytest.mark.parametrize(("give_back", "left"), [(False, {"v7": 950, "v8": 50}), (True, {"v7": 1000, "v8": 0})])
async def test_release_forgets_the_owner_and_may_give_the_traffic_back(
    make: Make, give_back: bool, left: dict[str, int]
) -> None:
    router = make(True)
    await router.apply(rollout(), intent(v7=950, v8=50))
    await router.release(holding(router), give_back=give_back)
    seen = router.observe(rollout())
    assert (seen.weights(), seen.owner) == (left, None)


@routers
def test_the_managed_rule_is_claimed_and_its_kind_is_watched(make: Make) -> None:
    router = make(True)
    assert {claim.rule for claim in router.claims(rollout())} == {FakeRouter.RULE}
    assert router.watched(rollout()) == {HTTPROUTES}


async def test_the_fake_fails_once_when_a_test_wants_it_to() -> None:
    router = FakeRouter()
    router.give("uid-1", v7=1000, v8=0)
    router.error = Conflict("changed", 409)
    with pytest.raises(Conflict):
        await router.apply(rollout(), intent(v7=950, v8=50))
    await router.apply(rollout(), intent(v7=950, v8=50))
    assert [dict(one.weights) for one in router.applied] == [{"v7": 950, "v8": 50}]
