"""Promises of the router that lets a Service select the pods of several versions."""

import json
from typing import Any

import pytest

from modelrollout.kube.cache import Cache
from modelrollout.kube.resources import SERVICES
from modelrollout.kube.trim import trim
from modelrollout.manifests.route_patches import UnsafeWrite
from modelrollout.manifests.selectors import WEIGHTS
from modelrollout.routers.port import RouteUnusable
from modelrollout.routers.replicas import ReplicaRatioRouter
from tests.unit.routers.world import Server, asking, intent

ALL = {"app": "fraud"}
TRAFFIC = {"replicas": {"service": "fraud", "total": 10}}
SUBJECT = asking(TRAFFIC, {"canary": {"weights": [10, 50]}})
THREE = asking(TRAFFIC, {"canary": {"weights": [10, 50]}}, ("v7", "v8", "v9"))


def service(name: str, **selector: str) -> dict[str, Any]:
    spec = {"ports": [{"name": "http", "port": 8080}], **({"selector": selector} if selector else {})}
    return {"metadata": {"namespace": "risk", "name": name}, "spec": spec}


@pytest.fixture
def server() -> Server:
    """Service `fraud` selects what the Service of v7 selects."""
    made = Server(Cache(trim))
    for name, version in (("fraud-v7", "v7"), ("fraud-v8", "v8"), ("fraud", "v7")):
        made.put(SERVICES, service(name, app="fraud", version=version))
    return made


@pytest.fixture
def router(server: Server) -> ReplicaRatioRouter:
    return ReplicaRatioRouter(server, server.cache)


def selected(server: Server) -> dict[str, str]:
    return dict(server.get(SERVICES, "fraud")["spec"]["selector"])


async def test_parts_open_the_service_to_both_and_everything_closes_it_again(
    router: ReplicaRatioRouter, server: Server
) -> None:
    await router.apply(SUBJECT, intent(1, v7=900, v8=100))
    assert selected(server) == ALL
    assert json.loads(server.get(SERVICES, "fraud")["metadata"]["annotations"][WEIGHTS]) == {"v7": 900, "v8": 100}
    await router.apply(SUBJECT, intent(2, v7=1000, v8=0))
    assert selected(server) == {"app": "fraud", "version": "v7"}
    assert WEIGHTS not in server.get(SERVICES, "fraud")["metadata"]["annotations"]
    assert server.writes == [("patch", "fraud")] * 2


async def test_a_version_without_a_part_may_carry_any_labels(router: ReplicaRatioRouter, server: Server) -> None:
    server.put(SERVICES, service("fraud-v9", model="another"))
    await router.apply(THREE, intent(1, v7=900, v8=100, v9=0))
    assert selected(server) == ALL
    assert router.observe(THREE).weights() == {"v7": 900, "v8": 100, "v9": 0}


async def test_a_selector_that_somebody_changes_is_drift_once_it_is_ours(
    router: ReplicaRatioRouter, server: Server
) -> None:
    await router.apply(SUBJECT, intent(1, v7=900, v8=100))
    changed = server.get(SERVICES, "fraud")
    changed["spec"]["selector"] = {"app": "other"}
    server.put(SERVICES, changed)
    seen = router.observe(SUBJECT)
    assert (seen.problem, seen.weights()) == ("", {"v7": 0, "v8": 0})
    await router.apply(SUBJECT, intent(1, v7=900, v8=100))
    assert selected(server) == ALL


@pytest.mark.parametrize("text", ["{", "[]", '{"v7": 900}', '{"v7": 900, "v8": 900}', '{"v7": "all", "v8": 0}'])
async def test_shares_that_nobody_can_read_are_counted_instead(
    router: ReplicaRatioRouter, server: Server, text: str
) -> None:
    await router.apply(SUBJECT, intent(1, v7=900, v8=100))
    changed = server.get(SERVICES, "fraud")
    changed["metadata"]["annotations"][WEIGHTS] = text
    server.put(SERVICES, changed)
    assert router.observe(SUBJECT).weights() == {"v7": 0, "v8": 0}  # nobody is ready


@pytest.mark.parametrize(
    ("services", "words"),
    [
        ([service("fraud", team="risk")], "neither the selector of a version's Service nor what they have in common"),
        ([service("fraud")], "selects nothing"),
        ([service("fraud-v8", model="v8")], "have no label in common: let the pods of all versions carry one"),
        ([service("fraud-v7", app="fraud")], "the Service of v7 (app=fraud) selects the pods of v8 too"),
        ([service("fraud-v8", app="fraud", version="v7")], "select the same pods"),
    ],
)
def test_versions_that_pods_cannot_tell_apart_are_not_adopted(
    router: ReplicaRatioRouter, server: Server, services: list[dict[str, Any]], words: str
) -> None:
    for one in services:
        server.put(SERVICES, one)
    seen = router.observe(SUBJECT)
    assert words in seen.problem
    assert seen.rules == ()


async def test_labels_that_change_in_the_middle_do_not_stand_in_the_way_back(
    router: ReplicaRatioRouter, server: Server
) -> None:
    await router.apply(SUBJECT, intent(1, v7=900, v8=100))
    server.put(SERVICES, service("fraud-v8", model="v8"))
    assert router.observe(SUBJECT).problem == ""
    with pytest.raises(UnsafeWrite):
        await router.apply(SUBJECT, intent(2, v7=500, v8=500))
    await router.apply(SUBJECT, intent(3, v7=1000, v8=0))
    assert selected(server) == {"app": "fraud", "version": "v7"}


async def test_a_version_whose_service_is_gone_gets_no_part(router: ReplicaRatioRouter, server: Server) -> None:
    server.put(SERVICES, service("fraud-v8"))
    with pytest.raises(RouteUnusable, match="the Service of v8 does not exist, or selects no pods"):
        await router.apply(SUBJECT, intent(1, v7=900, v8=100))
    assert server.writes == []
