"""What every router promises, the fake that tests decide over included: a new one is one more case here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pytest

from modelrollout.api import ModelRollout
from modelrollout.decisions.claims import Claimed
from modelrollout.kube.cache import Cache
from modelrollout.kube.errors import Conflict
from modelrollout.kube.resources import HTTPROUTES, SERVICES, Obj, Resource
from modelrollout.manifests.route_patches import UnsafeWrite
from modelrollout.routers import Holding, Router, RouteUnusable
from modelrollout.routers.fake import FakeRouter
from modelrollout.routers.gateway_api import GatewayApiRouter
from modelrollout.routers.service_selector import ServiceSelectorRouter
from tests.unit.manifests.routes import ref, route, rule
from tests.unit.routers.world import Server, intent, rollout

BEFORE = {"v7": 1000, "v8": 0}


@dataclass(frozen=True)
class Case:
    """A router with version v7 serving, or with nothing there to be written.

    Attributes:
        make: the router on this server.
        there: what it writes to, as somebody else made it; empty for the fake, which keeps it itself.
        rollout: one that asks for this router.
        shifted: weights that it can be brought to from `BEFORE`.
        claim: what the rollout manages there.
    """

    make: Callable[[Server], Router]
    there: Mapping[Resource, tuple[Obj, ...]]
    rollout: ModelRollout
    shifted: Mapping[str, int]
    claim: Claimed

    @property
    def kind(self) -> Resource:
        """Of what it writes to."""
        return next(iter(self.there), HTTPROUTES)

    def router(self, server: Server, *, there: bool = True) -> Router:
        """The router, with what it writes to or without."""
        for kind, objects in self.there.items() if there else ():
            for obj in objects:
                server.put(kind, obj)
        made = self.make(server)
        if there and isinstance(made, FakeRouter):
            made.give("uid-1", **BEFORE)
        return made


def _service(name: str, version: str) -> Obj:
    selector = {"app": "fraud", "version": version}
    return {"metadata": {"namespace": "risk", "name": name}, "spec": {"selector": selector, "ports": [{"port": 80}]}}


CASES = {
    "gateway": Case(
        lambda server: GatewayApiRouter(server, server.cache),
        {HTTPROUTES: (route(rule(ref("fraud-v7", 1), ref("fraud-v8", 0), name=FakeRouter.RULE)),)},
        rollout(),
        {"v7": 950, "v8": 50},
        Claimed("HTTPRoute", "risk", "fraud", FakeRouter.RULE),
    ),
    "service": Case(
        lambda server: ServiceSelectorRouter(server, server.cache),
        {SERVICES: (_service("fraud-v7", "v7"), _service("fraud-v8", "v8"), _service("fraud", "v7"))},
        rollout(service={"name": "fraud"}),
        {"v7": 0, "v8": 1000},
        Claimed("Service", "risk", "fraud", "selector"),
    ),
    "fake": Case(
        lambda _: FakeRouter(),
        {},
        rollout(),
        {"v7": 950, "v8": 50},
        Claimed("HTTPRoute", "risk", "fraud", FakeRouter.RULE),
    ),
}

every = pytest.mark.parametrize("case", CASES.values(), ids=CASES)
real = pytest.mark.parametrize("case", [CASES["gateway"], CASES["service"]], ids=["gateway", "service"])


@pytest.fixture
def server() -> Server:
    return Server(Cache())


@every
async def test_what_was_applied_is_observed(case: Case, server: Server) -> None:
    router = case.router(server)
    assert router.observe(case.rollout).weights() == BEFORE
    await router.apply(case.rollout, intent(3, **case.shifted))
    seen = router.observe(case.rollout)
    assert seen.weights() == case.shifted
    assert seen.owner is not None
    assert (seen.owner.uid, seen.owner.intent) == ("uid-1", 3)


@every
async def test_what_is_missing_is_seen_as_missing_and_cannot_be_written(case: Case, server: Server) -> None:
    router = case.router(server, there=False)
    assert not router.observe(case.rollout).found
    with pytest.raises(RouteUnusable):
        await router.apply(case.rollout, intent(**BEFORE))


@every
async def test_an_unsafe_intent_changes_nothing(case: Case, server: Server) -> None:
    router = case.router(server)
    with pytest.raises(UnsafeWrite):
        await router.apply(case.rollout, intent(v7=1000, v8=1))
    assert router.observe(case.rollout).weights() == BEFORE


@every
@pytest.mark.parametrize("give_back", [False, True])
async def test_release_forgets_the_owner_and_may_give_the_traffic_back(
    case: Case, server: Server, give_back: bool
) -> None:
    router = case.router(server)
    await router.apply(case.rollout, intent(**case.shifted))
    await router.release(_holding(case, router, server), give_back=give_back)
    seen = router.observe(case.rollout)
    assert (seen.weights(), seen.owner) == (BEFORE if give_back else case.shifted, None)


@every
def test_what_is_managed_is_claimed_and_watched(case: Case, server: Server) -> None:
    router = case.router(server)
    assert router.claims(case.rollout) == {case.claim}
    assert router.watched(case.rollout) <= router.kinds
    assert case.claim.kind in {kind.kind for kind in router.watched(case.rollout)}


@real
async def test_what_is_so_already_is_not_written_again(case: Case, server: Server) -> None:
    router = case.router(server)
    await router.apply(case.rollout, intent(**case.shifted))
    before = list(server.writes)
    await router.apply(case.rollout, intent(**case.shifted))
    assert server.writes == before


@real
async def test_a_change_of_traffic_is_one_write(case: Case, server: Server) -> None:
    router = case.router(server)
    await router.apply(case.rollout, intent(1, **BEFORE))
    server.writes.clear()
    await router.apply(case.rollout, intent(2, **case.shifted))
    assert server.writes == [("patch", "fraud")]


@real
async def test_what_somebody_changed_since_it_was_seen_is_not_written_over(case: Case, server: Server) -> None:
    router = case.router(server)
    await router.apply(case.rollout, intent(1, **BEFORE))
    edited = server.get(case.kind, "fraud")
    server.put(case.kind, {**edited, "metadata": {**edited["metadata"], "labels": {"team": "risk"}}}, seen=False)
    with pytest.raises(Conflict):
        await router.apply(case.rollout, intent(2, **case.shifted))
    with pytest.raises(Conflict):
        await router.release(_holding(case, router, server), give_back=True)


@real
async def test_an_earlier_life_of_the_rollout_gives_way_to_the_new_one(case: Case, server: Server) -> None:
    router = case.router(server)
    await router.apply(case.rollout, intent(5, "earlier", **case.shifted))
    assert (seen := router.observe(case.rollout).owner) is not None
    assert seen.uid == "earlier"
    await router.apply(case.rollout, intent(1, **BEFORE))
    assert (seen := router.observe(case.rollout).owner) is not None
    assert seen.uid == "uid-1"


def _holding(case: Case, router: Router, server: Server) -> Holding:
    """What is found of the rollout once it is gone."""
    owner = router.observe(case.rollout).owner
    assert owner is not None
    return Holding(case.kind, server.cache.get(case.kind, "risk", "fraud") or {}, owner)


async def test_the_fake_fails_once_when_a_test_wants_it_to() -> None:
    router = FakeRouter()
    router.give("uid-1", v7=1000, v8=0)
    router.error = Conflict("changed", 409)
    with pytest.raises(Conflict):
        await router.apply(rollout(), intent(v7=950, v8=50))
    await router.apply(rollout(), intent(v7=950, v8=50))
    assert [dict(one.weights) for one in router.applied] == [{"v7": 950, "v8": 50}]
