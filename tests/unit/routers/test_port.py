"""What every router promises, in memory; and the fake, over which decisions are tested, promises the same."""

import copy
from collections.abc import Callable

import pytest

from modelrollout.kube.cache import Cache
from modelrollout.kube.errors import Conflict
from modelrollout.kube.resources import HTTPROUTES, Obj, Resource
from modelrollout.kube.trim import trim
from modelrollout.manifests.route_patches import UnsafeWrite
from modelrollout.routers import Holding, RouteUnusable
from modelrollout.routers.fake import FakeRouter
from tests.conformance.promises import RouterPromises
from tests.conformance.site import SOMEBODY
from tests.unit.routers.world import Server, intent, rollout


class Memory:
    """A site in memory; it keeps no managed fields, so that nobody knows who wrote what."""

    namespace = "risk"

    def __init__(self) -> None:
        self.cache = Cache(trim)
        self.writer = Server(self.cache)
        self.writes = self.writer.writes

    async def put(self, resource: Resource, body: Obj, by: str = SOMEBODY) -> None:
        del by
        name = body["metadata"]["name"]
        old = self.writer.objects.get((resource, self.namespace, name), {"metadata": {}})
        metadata = {**old["metadata"], **body["metadata"], "namespace": self.namespace}
        self.writer.put(resource, {**body, "metadata": metadata}, seen=False)

    async def edit(self, resource: Resource, name: str, change: Callable[[Obj], None]) -> None:
        edited = copy.deepcopy(self.writer.get(resource, name))
        change(edited)
        self.writer.put(resource, edited, seen=False)

    async def remove(self, resource: Resource, name: str) -> None:
        del self.writer.objects[resource, self.namespace, name]

    async def look(self, resource: Resource, name: str) -> None:
        found = self.writer.objects.get((resource, self.namespace, name))
        known = self.cache.get(resource, self.namespace, name)
        if found is not None:
            self.cache.apply(resource, copy.deepcopy(found))
        elif known is not None:
            self.cache.remove(resource, known)

    async def get(self, resource: Resource, name: str) -> Obj:
        return self.writer.get(resource, name)


@pytest.fixture
def site() -> Memory:
    return Memory()


class TestRouters(RouterPromises):
    """Every router, in memory."""


class TestFake:
    """The fake keeps its promises in itself: nothing else is there to be written."""

    @pytest.fixture
    def router(self) -> FakeRouter:
        made = FakeRouter()
        made.give("uid-1", v7=1000, v8=0)
        return made

    async def test_what_was_applied_is_observed(self, router: FakeRouter) -> None:
        await router.apply(rollout(), intent(3, v7=950, v8=50))
        seen = router.observe(rollout())
        assert seen.weights() == {"v7": 950, "v8": 50}
        assert seen.owner is not None
        assert (seen.owner.uid, seen.owner.intent) == ("uid-1", 3)

    async def test_what_is_missing_is_seen_as_missing_and_cannot_be_written(self) -> None:
        router = FakeRouter()
        assert not router.observe(rollout()).found
        with pytest.raises(RouteUnusable):
            await router.apply(rollout(), intent(v7=1000, v8=0))

    async def test_an_unsafe_intent_changes_nothing(self, router: FakeRouter) -> None:
        with pytest.raises(UnsafeWrite):
            await router.apply(rollout(), intent(v7=1000, v8=1))
        assert router.observe(rollout()).weights() == {"v7": 1000, "v8": 0}

    @pytest.mark.parametrize(("give_back", "left"), [(True, {"v7": 1000, "v8": 0}), (False, {"v7": 950, "v8": 50})])
    async def test_release_forgets_the_owner_and_may_give_the_traffic_back(
        self, router: FakeRouter, give_back: bool, left: dict[str, int]
    ) -> None:
        await router.apply(rollout(), intent(v7=950, v8=50))
        await router.release(Holding(HTTPROUTES, {}, intent(v7=0, v8=0).owner), give_back=give_back)
        seen = router.observe(rollout())
        assert (seen.weights(), seen.owner) == (left, None)

    def test_what_is_managed_is_claimed_and_watched(self, router: FakeRouter) -> None:
        (claim,) = router.claims(rollout())
        assert claim.rule == FakeRouter.RULE
        assert {kind.kind for kind in router.watched(rollout())} == {claim.kind}

    async def test_it_fails_once_when_a_test_wants_it_to(self, router: FakeRouter) -> None:
        router.error = Conflict("changed", 409)
        with pytest.raises(Conflict):
            await router.apply(rollout(), intent(v7=950, v8=50))
        await router.apply(rollout(), intent(v7=950, v8=50))
        assert [dict(one.weights) for one in router.applied] == [{"v7": 950, "v8": 50}]
