"""Promises of the router that switches the selector of a Service."""

from typing import Any

import pytest

from modelrollout.kube.cache import Cache
from modelrollout.kube.resources import SERVICES
from modelrollout.kube.trim import trim
from modelrollout.manifests.owners import owners_of
from modelrollout.manifests.route_patches import UnsafeWrite
from modelrollout.routers.orphans import orphans
from modelrollout.routers.port import RouteUnusable
from modelrollout.routers.service_selector import ServiceSelectorRouter
from tests.unit.routers.world import Server, intent, rollout

OLD, NEW = {"app": "fraud", "version": "v7"}, {"app": "fraud", "version": "v8"}


def service(name: str, selector: dict[str, str] | None, **annotations: str) -> dict[str, Any]:
    metadata = {"namespace": "risk", "name": name, "annotations": annotations}
    spec = {"ports": [{"name": "http", "port": 80}], **({"selector": selector} if selector else {})}
    return {"metadata": metadata, "spec": spec}


@pytest.fixture
def server() -> Server:
    """Service `fraud` selects what the Service of v7 selects; the cache holds no more than the operator's does."""
    made = Server(Cache(trim))
    for name, selector in (("fraud-v7", OLD), ("fraud-v8", NEW), ("fraud", OLD)):
        made.put(SERVICES, service(name, selector, team="risk"))
    return made


@pytest.fixture
def router(server: Server) -> ServiceSelectorRouter:
    return ServiceSelectorRouter(server, server.cache)


SUBJECT = rollout(service={"name": "fraud"})


def selected(server: Server) -> dict[str, str]:
    return dict(server.get(SERVICES, "fraud")["spec"]["selector"])


def test_the_version_whose_selector_it_has_gets_everything(router: ServiceSelectorRouter) -> None:
    seen = router.observe(SUBJECT)
    assert (seen.found, seen.accepted, seen.problem) == (True, True, "")
    assert seen.weights() == {"v7": 1000, "v8": 0}


async def test_the_switch_is_one_write_and_leaves_everything_else(
    router: ServiceSelectorRouter, server: Server
) -> None:
    await router.apply(SUBJECT, intent(3, v7=0, v8=1000))
    assert server.writes == [("patch", "fraud")]
    assert selected(server) == NEW
    stored = server.get(SERVICES, "fraud")
    assert stored["metadata"]["annotations"]["team"] == "risk"
    assert stored["spec"]["ports"] == [{"name": "http", "port": 80}]
    seen = router.observe(SUBJECT)
    assert seen.weights() == {"v7": 0, "v8": 1000}
    assert seen.owner is not None
    assert (seen.owner.intent, seen.owner.rules) == (3, ("selector",))


async def test_a_service_that_says_it_already_is_not_written(router: ServiceSelectorRouter, server: Server) -> None:
    await router.apply(SUBJECT, intent(v7=1000, v8=0))
    await router.apply(SUBJECT, intent(v7=1000, v8=0))
    assert server.writes == [("patch", "fraud")]


async def test_traffic_is_never_split(router: ServiceSelectorRouter, server: Server) -> None:
    with pytest.raises(UnsafeWrite, match="cannot split"):
        await router.apply(SUBJECT, intent(v7=500, v8=500))
    assert server.writes == []


async def test_a_version_that_selects_no_pods_gets_nothing(router: ServiceSelectorRouter, server: Server) -> None:
    server.put(SERVICES, service("fraud-v8", None))
    with pytest.raises(RouteUnusable, match="v8"):
        await router.apply(SUBJECT, intent(v7=0, v8=1000))
    assert selected(server) == OLD


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (service("fraud", {"app": "fraud"}), "selects app=fraud, which is the selector of no version's Service"),
        (service("fraud", None), "selects nothing"),
        (service("fraud-v8", OLD), "the Services of v7 and v8 select the same pods"),
    ],
)
def test_what_cannot_be_switched_is_said_and_not_adopted(
    router: ServiceSelectorRouter, server: Server, change: dict[str, Any], said: str
) -> None:
    server.put(SERVICES, change)
    seen = router.observe(SUBJECT)
    assert said in seen.problem
    assert seen.rules == ()


def test_a_versions_own_service_is_no_switch(router: ServiceSelectorRouter) -> None:
    assert "that of version v7" in router.observe(rollout(service={"name": "fraud-v7"})).problem


def test_a_missing_service_is_seen_as_missing(router: ServiceSelectorRouter) -> None:
    seen = router.observe(rollout(service={"name": "absent"}))
    assert not seen.found
    assert "Service absent does not exist" in seen.problem


async def test_another_selector_is_drift_once_the_service_is_ours(
    router: ServiceSelectorRouter, server: Server
) -> None:
    await router.apply(SUBJECT, intent(v7=1000, v8=0))
    mine = server.get(SERVICES, "fraud")
    server.put(SERVICES, {**mine, "spec": {**mine["spec"], "selector": {"app": "other"}}})
    assert router.observe(SUBJECT).weights() == {"v7": 0, "v8": 0}
    await router.apply(SUBJECT, intent(v7=1000, v8=0))
    assert selected(server) == OLD


@pytest.mark.parametrize(("give_back", "left"), [(True, OLD), (False, NEW)])
async def test_what_a_rollout_leaves_behind_goes_back_in_one_write(
    router: ServiceSelectorRouter, server: Server, give_back: bool, left: dict[str, str]
) -> None:
    await router.apply(SUBJECT, intent(v7=0, v8=1000))
    server.writes.clear()
    (held,) = orphans(SERVICES, server.cache.list(SERVICES), living=set(), uids=set())
    await router.release(held, give_back=give_back)
    assert server.writes == [("patch", "fraud")]
    assert selected(server) == left
    assert owners_of(server.get(SERVICES, "fraud")) == ()
