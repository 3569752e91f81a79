"""Users kept on one version by the router of the Gateway API: brought about, mended, and taken away again."""

import copy
from dataclasses import replace
from typing import Any

import pytest

from modelrollout.api import ModelRollout, parse_rollout
from modelrollout.decisions.decision import TrafficIntent
from modelrollout.decisions.observed import Sticky, StickySeen
from modelrollout.decisions.traffic import agrees
from modelrollout.kube.cache import Cache
from modelrollout.kube.errors import Forbidden
from modelrollout.kube.resources import BACKENDTRAFFICPOLICIES, HTTPROUTES, Obj
from modelrollout.manifests.sticky_rules import MARK
from modelrollout.routers.gateway_api import GatewayApiRouter
from tests.unit.manifests.routes import ref, route, rule
from tests.unit.routers.world import Server, intent, rollout

POLICY = "fraud-modelrollout"
STICKY = Sticky("x-user", "v7", {"v8": 500})
TARGET = {"group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "name": "fraud"}


def asking(gateway: dict[str, Any] | None = None, header: str = "x-user") -> ModelRollout:
    """An A/B test of v8 against v7 whose users are kept by this header, empty for not at all."""
    spec: dict[str, Any] = rollout(gateway).spec.to_json()
    sticky = {"sticky": {"header": header}} if header else {}
    goal = {"name": "clicks", "role": "Goal", "better": "Higher", "gain": {"difference": 0}}
    goal |= {"proportion": {"good": "clicks_total", "total": "requests_total"}}
    spec |= {"strategy": {"abTest": {"split": {"v8": 50}, **sticky}}, "candidates": ["v8"], "metrics": [goal]}
    del spec["target"]
    metadata = {"name": "fraud", "namespace": "risk", "uid": "uid-1"}
    return parse_rollout(
        {"apiVersion": "modelrollout.io/v1alpha1", "kind": "ModelRollout", "metadata": metadata, "spec": spec}
    )


@pytest.fixture
def server() -> Server:
    made = Server(Cache())
    made.put(HTTPROUTES, route(rule(ref("fraud-v7", 1000), ref("fraud-v8", 0), name="predict")))
    made.cache.replace(BACKENDTRAFFICPOLICIES, "risk", (), "100")
    return made


@pytest.fixture
def router(server: Server) -> GatewayApiRouter:
    return GatewayApiRouter(server, server.cache)


def keeping(number: int = 2, v7: int = 500, v8: int = 500) -> TrafficIntent:
    plain = intent(number, v7=v7, v8=v8)
    return replace(plain, owner=replace(plain.owner, sticks=STICKY.order), sticky=STICKY)


def answer(server: Server, status: str, **more: Any) -> None:
    """Let the gateway speak of the policy as it now is."""
    stored = copy.deepcopy(server.get(BACKENDTRAFFICPOLICIES, POLICY))
    generation = stored["metadata"].setdefault("generation", 1)
    condition = {"type": "Accepted", "status": status, "observedGeneration": generation, **more}
    server.put(BACKENDTRAFFICPOLICIES, {**stored, "status": {"ancestors": [{"conditions": [condition]}]}})


def refs(server: Server) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = server.get(HTTPROUTES, "fraud")["spec"]["rules"][0]["backendRefs"]
    return found


async def test_the_policy_is_there_at_rest_before_it_is_needed(router: GatewayApiRouter, server: Server) -> None:
    assert router.observe(asking()).outdated
    await router.apply(asking(), intent(1, v7=1000, v8=0))
    policy = server.get(BACKENDTRAFFICPOLICIES, POLICY)
    assert policy["spec"]["targetRefs"] == [{**TARGET, "name": POLICY}]
    assert "loadBalancer" not in policy["spec"]
    seen = router.observe(asking())
    assert (seen.outdated, seen.sticky, seen.rules[0].sticky) == (False, StickySeen(), False)


async def test_users_are_kept_by_marks_first_and_then_by_the_policy_and_set_free_the_other_way_round(
    router: GatewayApiRouter, server: Server
) -> None:
    subject = asking()
    await router.apply(subject, intent(1, v7=1000, v8=0))
    server.writes.clear()
    await router.apply(subject, keeping(2, 1000, 0))
    assert server.writes == [("patch", "fraud"), ("patch", POLICY)]
    assert [one["weight"] for one in refs(server)] == [0, 0, 0, 1000]
    assert [one["filters"][0]["requestHeaderModifier"]["set"][0]["name"] for one in refs(server)[2:]] == [MARK, MARK]
    assert server.get(BACKENDTRAFFICPOLICIES, POLICY)["spec"]["targetRefs"] == [{**TARGET, "sectionName": "predict"}]
    assert router.observe(subject).sticky == StickySeen("x-user")
    answer(server, "True")
    seen = router.observe(subject)
    assert seen.sticky == StickySeen("x-user", accepted=True)
    assert agrees(seen, keeping(2, 1000, 0))

    server.writes.clear()
    await router.apply(subject, keeping(3))
    await router.apply(subject, keeping(3))
    assert server.writes == [("patch", "fraud")]
    assert [one["weight"] for one in refs(server)] == [0, 0, 500, 500]

    server.writes.clear()
    over = intent(4, v7=1000, v8=0)
    await router.apply(subject, over)
    assert server.writes == [("patch", POLICY), ("patch", "fraud")]
    assert refs(server) == [ref("fraud-v7", 1000), ref("fraud-v8", 0)]
    assert (router.observe(subject).sticky, agrees(router.observe(subject), over)) == (StickySeen(), True)


async def test_what_is_over_is_taken_away_although_the_spec_asks_for_nothing_of_it_any_more(
    router: GatewayApiRouter, server: Server
) -> None:
    await router.apply(asking(), keeping())
    later = asking(header="")
    assert BACKENDTRAFFICPOLICIES in router.watched(later)
    assert not agrees(router.observe(later), intent(3, v7=1000, v8=0))
    await router.apply(later, intent(3, v7=1000, v8=0))
    assert server.get(BACKENDTRAFFICPOLICIES, POLICY)["spec"]["targetRefs"] == [{**TARGET, "name": POLICY}]
    assert router.observe(later).sticky == StickySeen()
    assert BACKENDTRAFFICPOLICIES not in router.watched(later)


@pytest.mark.parametrize("part", ["mark", "hash", "target"])
async def test_a_part_that_somebody_takes_away_is_missed_and_put_back(
    router: GatewayApiRouter, server: Server, part: str
) -> None:
    subject = asking()
    await router.apply(subject, keeping())
    if part == "mark":
        damaged = copy.deepcopy(server.get(HTTPROUTES, "fraud"))
        del damaged["spec"]["rules"][0]["backendRefs"][2]["filters"]
        server.put(HTTPROUTES, damaged)
    else:
        damaged = copy.deepcopy(server.get(BACKENDTRAFFICPOLICIES, POLICY))
        if part == "hash":
            del damaged["spec"]["loadBalancer"]
        else:
            damaged["spec"]["targetRefs"][0]["name"] = "elsewhere"
        server.put(BACKENDTRAFFICPOLICIES, damaged)
    assert router.observe(subject).sticky.header is None
    assert not agrees(router.observe(subject), keeping())
    await router.apply(subject, keeping())
    assert router.observe(subject).sticky.header == "x-user"
    assert agrees(router.observe(subject), keeping())


def policy_of(name: str, **spec: Any) -> Obj:
    return {"metadata": {"name": name, "namespace": "risk"}, "spec": spec}


async def test_a_policy_of_somebody_elses_for_the_same_route_is_a_problem_until_it_goes(
    router: GatewayApiRouter, server: Server
) -> None:
    theirs = server.put(BACKENDTRAFFICPOLICIES, policy_of("timeouts", targetRefs=[TARGET]))
    seen = router.observe(asking())
    assert "BackendTrafficPolicy timeouts is about HTTPRoute fraud too" in seen.sticky.problem
    assert router.observe(asking(header="")).sticky == StickySeen(), "it is nobody's business without sticky users"
    server.cache.remove(
        BACKENDTRAFFICPOLICIES, {**theirs, "metadata": {**theirs["metadata"], "resourceVersion": "900"}}
    )
    assert router.observe(asking()).sticky.problem == ""


async def test_a_policy_of_our_name_that_somebody_else_made_is_a_problem_and_left_alone(
    router: GatewayApiRouter, server: Server
) -> None:
    server.put(BACKENDTRAFFICPOLICIES, policy_of(POLICY, targetRefs=[{**TARGET, "name": "other"}]))
    before = server.get(BACKENDTRAFFICPOLICIES, POLICY)
    assert "exists and was not created by this ModelRollout" in router.observe(asking()).sticky.problem
    await router.apply(asking(), intent(1, v7=1000, v8=0))
    assert server.get(BACKENDTRAFFICPOLICIES, POLICY) == before


async def test_what_the_gateway_refuses_is_a_problem_in_its_words(router: GatewayApiRouter, server: Server) -> None:
    await router.apply(asking(), keeping())
    answer(server, "False", reason="Conflicted", message="another one was there")
    seen = router.observe(asking()).sticky
    assert (seen.accepted, seen.header) == (False, "x-user")
    assert "Conflicted: another one was there" in seen.problem


@pytest.mark.parametrize(
    ("version", "said"), [(None, "set rbac.stickyUsers of its chart"), ("", "this cluster has no BackendTrafficPolicy")]
)
def test_without_the_right_or_the_kind_a_sentence_says_what_to_do(version: str | None, said: str) -> None:
    server = Server(Cache())
    server.put(HTTPROUTES, route(rule(ref("fraud-v7", 1000), ref("fraud-v8", 0), name="predict")))
    if version is not None:
        server.cache.replace(BACKENDTRAFFICPOLICIES, "risk", (), version)
    seen = GatewayApiRouter(server, server.cache).observe(asking())
    assert said in seen.sticky.problem
    assert seen.sticky.header == ""


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ([rule(ref("fraud-v7"), ref("fraud-v8", 0)), rule(ref("billing"))], "rule 0 of HTTPRoute fraud has no name"),
        (
            [rule(ref("fraud-v7"), ref("fraud-v8", 0), name="predict", sessionPersistence={"sessionName": "s"})],
            "rule predict keeps sessions itself",
        ),
        (
            [rule(ref("fraud-v7"), ref("fraud-v8", 0), *(ref(f"old-{n}", 0) for n in range(13)), name="predict")],
            "rule predict may need 17 backendRefs to keep users, and has room for 16",
        ),
    ],
)
def test_a_rule_where_users_cannot_be_kept_is_named(server: Server, rules: list[dict[str, Any]], said: str) -> None:
    server.put(HTTPROUTES, route(*rules))
    assert said in GatewayApiRouter(server, server.cache).observe(asking()).sticky.problem


async def test_taking_traffic_back_does_not_wait_for_the_policy(router: GatewayApiRouter, server: Server) -> None:
    await router.apply(asking(), keeping())
    server.fail[POLICY] = Forbidden("no right to patch policies", 403)
    with pytest.raises(Forbidden):
        await router.apply(asking(), intent(3, v7=1000, v8=0))
    assert refs(server) == [ref("fraud-v7", 1000), ref("fraud-v8", 0)]
    later = asking(header="")
    assert BACKENDTRAFFICPOLICIES in router.watched(later), "until it rests, it is looked after"
    assert not agrees(router.observe(later), intent(3, v7=1000, v8=0))
    await router.apply(later, intent(3, v7=1000, v8=0))
    assert agrees(router.observe(later), intent(3, v7=1000, v8=0))


async def test_a_created_route_keeps_users_too_and_is_then_what_was_asked_for() -> None:
    server = Server(Cache())
    server.cache.replace(BACKENDTRAFFICPOLICIES, "risk", (), "100")
    router, subject = GatewayApiRouter(server, server.cache), asking({"create": {"parentRefs": [{"name": "public"}]}})
    await router.apply(subject, keeping())
    seen = router.observe(subject)
    assert (seen.outdated, seen.weights(), seen.rules[0].sticky) == (False, {"v7": 500, "v8": 500}, True)
    await router.apply(subject, intent(3, v7=1000, v8=0))
    assert (router.observe(subject).outdated, "filters" in refs(server)[0]) == (False, False)
