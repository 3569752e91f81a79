"""The router of the Gateway API against a real API server and the Gateway API's own schema."""

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from modelrollout.decisions.claims import holders
from modelrollout.decisions.decision import TrafficIntent
from modelrollout.kube.client import FIELD_MANAGER
from modelrollout.kube.errors import Conflict
from modelrollout.kube.resources import GRPCROUTES, HTTPROUTES, MODELROLLOUTS, Obj, Resource
from modelrollout.manifests.own_routes import in_frame
from modelrollout.manifests.owners import OWNER, owners_of
from modelrollout.routers.gateway_api import GatewayApiRouter
from modelrollout.routers.orphans import orphans
from modelrollout.routers.reversals import ReversalLog
from tests.cluster.conftest import Kubectl
from tests.cluster.routers.conftest import Apply, World
from tests.unit.manifests.routes import ref, route, rule
from tests.unit.routers.world import asking, intent, rollout

START = datetime(2026, 11, 1, tzinfo=UTC)


def weights(found: Obj, index: int = 0) -> list[int]:
    return [each["weight"] for each in found["spec"]["rules"][index]["backendRefs"]]


async def put(world: World, body: Obj, resource: Resource = HTTPROUTES) -> Obj:
    metadata = {"name": body["metadata"]["name"], "namespace": world.namespace}
    await world.client.create(resource, world.namespace, {**body, "metadata": metadata})
    return await world.look(resource, metadata["name"])


def two(first: int | None = 1, second: int | None = 0) -> Obj:
    return route(rule(ref("fraud-v7", first), ref("fraud-v8", second), name="predict"))


async def test_only_weights_and_the_annotation_change(world: World, kubectl: Kubectl) -> None:
    header = {"name": "x-seen", "value": "1"}
    more = {"filters": [{"type": "RequestHeaderModifier", "requestHeaderModifier": {"add": [header]}}]}
    body = route(
        rule(ref("billing", 7), name="other"),
        rule(ref("fraud-v7", 100, **more), ref("fraud-v8", 0), name="predict", timeouts={"request": "5s"}, **more),
        rule(ref("fraud-v8", 5), name="preview"),
    )
    body["metadata"] = {"name": "fraud", "namespace": world.namespace}
    kubectl("apply", "-f", "-", stdin=json.dumps(body))
    before = await world.look(HTTPROUTES)

    await world.router.apply(rollout(namespace=world.namespace), intent(v7=950, v8=50))

    after = await world.client.get(HTTPROUTES, world.namespace, "fraud")
    assert weights(after, 1) == [950, 50]
    after["spec"]["rules"][1]["backendRefs"][0]["weight"] = 100
    after["spec"]["rules"][1]["backendRefs"][1]["weight"] = 0
    assert after["spec"] == before["spec"]
    notes = after["metadata"]["annotations"]
    assert notes.pop(OWNER)
    # The cache does without what kubectl remembers here; the patch must not.
    assert notes == before["metadata"]["annotations"]


async def test_of_two_writes_from_one_reading_one_is_refused(world: World) -> None:
    await put(world, two())
    other = World(world.client, world.namespace)
    await other.look(HTTPROUTES)
    subject = rollout(namespace=world.namespace)
    await world.router.apply(subject, intent(1, v7=1000, v8=0))
    await asyncio.gather(world.look(HTTPROUTES), other.look(HTTPROUTES), other.look(HTTPROUTES, "fraud-modelrollout"))

    outcomes = await asyncio.gather(
        world.router.apply(subject, intent(2, v7=950, v8=50)),
        other.router.apply(subject, intent(2, v7=500, v8=500)),
        return_exceptions=True,
    )

    assert sorted(type(outcome) for outcome in outcomes if outcome is not None) == [Conflict]
    won = [950, 50] if outcomes[0] is None else [500, 500]
    assert weights(await world.look(HTTPROUTES)) == won


async def test_a_write_from_before_a_foreign_change_is_refused_and_goes_through_once_it_was_seen(
    world: World, apply_as: Apply
) -> None:
    await put(world, two())
    apply_as("argocd-controller", two(3, 1))
    subject = rollout(namespace=world.namespace)
    with pytest.raises(Conflict):
        await world.router.apply(subject, intent(v7=950, v8=50))
    assert weights(await world.look(HTTPROUTES)) == [3, 1]
    await world.router.apply(subject, intent(v7=950, v8=50))
    assert weights(await world.look(HTTPROUTES)) == [950, 50]


async def test_a_weight_that_nobody_wrote_is_stored_as_one_and_set_right(world: World) -> None:
    found = await put(world, two(1000, None))
    assert weights(found) == [1000, 1]
    subject = rollout(namespace=world.namespace)
    assert world.router.observe(subject).rules[0].weights == {"v7": 999, "v8": 1}
    await world.router.apply(subject, intent(v7=1000, v8=0))
    assert weights(await world.look(HTTPROUTES)) == [1000, 0]


async def test_a_version_without_a_backend_gets_one(world: World) -> None:
    await put(world, two())
    await world.router.apply(
        rollout(versions=("v7", "v8", "v9"), namespace=world.namespace), intent(v7=1000, v8=0, v9=0)
    )
    found = await world.look(HTTPROUTES)
    assert found["spec"]["rules"][0]["backendRefs"][2] == ref("fraud-v9", 0)


async def test_the_last_writer_is_known_and_reversals_are_counted(
    world: World, apply_as: Apply, kubectl: Kubectl
) -> None:
    apply_as("argocd-controller", two())
    await world.look(HTTPROUTES)
    subject, log = rollout(namespace=world.namespace), ReversalLog()
    assert world.router.observe(subject).writer == "argocd-controller"
    found = None
    for number in range(1, 4):
        wanted = intent(number, v7=950, v8=50)
        await world.router.apply(subject, wanted)
        log.wrote(subject.metadata.uid, wanted)
        seen = world.router.observe(subject)
        assert seen.writer == FIELD_MANAGER
        assert log.saw(subject.metadata.uid, seen, START).times == number - 1
        apply_as("argocd-controller", two())
        await world.look(HTTPROUTES)
        found = log.saw(subject.metadata.uid, world.router.observe(subject), START)
    assert found is not None
    assert (found.manager, found.times) == ("argocd-controller", 3)
    change = [{"op": "replace", "path": "/spec/rules/0/backendRefs/1/weight", "value": 9}]
    kubectl(
        "-n",
        world.namespace,
        "patch",
        "httproute",
        "fraud",
        "--type=json",
        f"-p={json.dumps(change)}",
        "--field-manager=by-hand",
    )
    await world.look(HTTPROUTES)
    assert world.router.observe(subject).writer == "by-hand"


@pytest.mark.parametrize("field", ["httpRoute", "grpcRoute"])
async def test_pins_suit_the_schema_and_are_written_once(world: World, field: str) -> None:
    kind, resource = {"httpRoute": ("HTTPRoute", HTTPROUTES), "grpcRoute": ("GRPCRoute", GRPCROUTES)}[field]
    body = route(rule(ref("fraud-v7", 1), ref("fraud-v8", 0), name="predict"), kind=kind)
    if kind == "GRPCRoute":
        del body["spec"]["rules"][0]["matches"]
    await put(world, body, resource)
    subject = rollout({field: "fraud"}, namespace=world.namespace)
    await world.router.apply(subject, intent(1, v7=1000, v8=0))
    assert not world.router.observe(subject).outdated
    pins = await world.look(resource, "fraud-modelrollout")
    await world.router.apply(subject, intent(2, v7=950, v8=50))
    again = await world.look(resource, "fraud-modelrollout")
    assert again["metadata"]["resourceVersion"] == pins["metadata"]["resourceVersion"]
    assert weights(await world.look(resource)) == [950, 50]
    moved = rollout({field: "fraud"}, versions=("v7", "v8", "v9"), namespace=world.namespace)
    assert world.router.observe(moved).outdated
    await world.router.apply(moved, intent(3, v7=950, v8=50, v9=0))
    assert len((await world.look(resource, "fraud-modelrollout"))["spec"]["rules"]) == 3
    assert not world.router.observe(moved).outdated


@pytest.mark.parametrize("field", ["httpRoute", "grpcRoute"])
async def test_a_preview_suits_the_schema_and_is_written_once(world: World, field: str) -> None:
    kind, resource = {"httpRoute": ("HTTPRoute", HTTPROUTES), "grpcRoute": ("GRPCRoute", GRPCROUTES)}[field]
    header = {"requestHeaderModifier": {"add": [{"name": "x-seen", "value": "1"}]}}
    managed = rule(
        ref("fraud-v7", 1),
        ref("fraud-v8", 0),
        name="predict",
        filters=[{"type": "RequestHeaderModifier", **header}],
        sessionPersistence={"sessionName": "fraud"},
    )
    if kind == "GRPCRoute":
        del managed["matches"]
    await put(world, route(managed, kind=kind), resource)
    strategy = {"blueGreen": {"preview": {"header": {"name": "x-preview", "value": "1"}}}}
    subject = asking({"gatewayAPI": {field: "fraud"}}, strategy, namespace=world.namespace)
    await world.router.apply(subject, replace(intent(1, v7=1000, v8=0), preview="v8"))
    assert (world.router.observe(subject).preview, world.router.observe(subject).outdated) == ("v8", False)
    second = await world.look(resource, "fraud-modelrollout")
    assert world.router.observe(subject).preview == "v8"
    await world.router.apply(subject, replace(intent(2, v7=1000, v8=0), preview="v8"))
    again = await world.look(resource, "fraud-modelrollout")
    assert again["metadata"]["resourceVersion"] == second["metadata"]["resourceVersion"]
    await world.router.apply(subject, intent(3, v7=0, v8=1000))
    assert len((await world.look(resource, "fraud-modelrollout"))["spec"]["rules"]) == 2


TEMPLATES: list[dict[str, Any]] = [
    {"parentRefs": [{"name": "public"}]},
    {
        "parentRefs": [
            {"name": "public", "namespace": "gateways", "sectionName": "https", "port": 443},
            {"name": "inner"},
        ],
        "hostnames": ["fraud.example", "*.fraud.example"],
        "match": {
            "path": {"type": "Exact", "value": "/v2/models/fraud/infer"},
            "headers": [{"name": "x-a", "value": "b"}],
        },
    },
    {"kind": "GRPCRoute", "parentRefs": [{"name": "public"}]},
    {
        "kind": "GRPCRoute",
        "parentRefs": [{"name": "public"}],
        "match": {"method": {"service": "inference.GRPCInferenceService", "method": "ModelInfer"}},
    },
]


@pytest.mark.parametrize("template", TEMPLATES)
async def test_a_created_route_suits_the_schema_and_differs_from_the_template_only_when_that_changes(
    world: World, template: dict[str, Any]
) -> None:
    resource = GRPCROUTES if template.get("kind") == "GRPCRoute" else HTTPROUTES
    subject = rollout({"create": template}, namespace=world.namespace)
    await world.router.apply(subject, intent(1, v7=0, v8=1000))
    made = await world.look(resource)
    assert weights(made) == [0, 1000]
    assert made["metadata"]["ownerReferences"][0]["uid"] == subject.metadata.uid
    seen = world.router.observe(subject)
    assert (seen.outdated, seen.weights(), seen.owner and seen.owner.rules) == (
        False,
        {"v7": 0, "v8": 1000},
        ("model",),
    )
    await world.router.apply(subject, intent(2, v7=100, v8=900))
    assert weights(await world.look(resource)) == [100, 900]
    changed = rollout({"create": {**template, "hostnames": ["new.example"]}}, namespace=world.namespace)
    assert world.router.observe(changed).outdated
    await world.router.apply(changed, intent(3, v7=100, v8=900))
    made = await world.look(resource)
    assert (made["spec"]["hostnames"], weights(made)) == (["new.example"], [100, 900])
    assert not world.router.observe(changed).outdated


async def test_claims_on_one_route_go_by_rules_and_age(world: World) -> None:
    await put(
        world,
        route(
            rule(ref("fraud-v7"), ref("fraud-v8", 0), name="br"),
            rule(ref("fraud-v7"), ref("fraud-v8", 0), name="us"),
        ),
    )
    wants = {
        uid: rollout({"httpRoute": "fraud", "rules": rules}, uid=uid, name=f"fraud-{uid}", namespace=world.namespace)
        for uid, rules in {"a": ["br"], "b": ["us"], "c": ["1"]}.items()
    }
    claims = holders((uid, f"risk/{uid}", START, world.router.claims(subject)) for uid, subject in wants.items())
    assert {uid: claim.holder for uid, claim in claims.items()} == {"a": "", "b": "", "c": "risk/b"}

    other = World(world.client, world.namespace)
    await other.look(HTTPROUTES)
    await world.router.apply(wants["a"], _owned_by(intent(v7=900, v8=100), "a"))
    with pytest.raises(Conflict):
        await other.router.apply(wants["b"], _owned_by(intent(v7=500, v8=500), "b"))
    await other.look(HTTPROUTES)
    await other.router.apply(wants["b"], _owned_by(intent(v7=500, v8=500), "b"))
    found = await world.look(HTTPROUTES)
    assert (weights(found, 0), weights(found, 1)) == ([900, 100], [500, 500])
    assert {(owner.uid, owner.rules) for owner in owners_of(found)} == {("a", ("br",)), ("b", ("us",))}


async def test_release_leaves_the_traffic_and_an_orphan_gives_it_back(world: World) -> None:
    await put(world, two())
    subject = rollout(namespace=world.namespace)
    await world.router.apply(subject, intent(1, v7=950, v8=50))
    (held,) = orphans(HTTPROUTES, world.cache.list(HTTPROUTES), living=set(), uids=set())
    await world.router.release(held, give_back=False)
    found = await world.look(HTTPROUTES)
    assert (weights(found), owners_of(found)) == ([950, 50], ())

    await world.router.apply(subject, intent(2, v7=500, v8=500))
    (orphan,) = orphans(HTTPROUTES, world.cache.list(HTTPROUTES), living=set(), uids=set())
    stale = World(world.client, world.namespace)
    await stale.look(HTTPROUTES)
    await world.router.release(orphan, give_back=True)
    found = await world.look(HTTPROUTES)
    assert (weights(found), owners_of(found)) == ([1000, 0], ())
    with pytest.raises(Conflict):
        await stale.router.apply(subject, intent(2, v7=250, v8=750))


async def test_created_routes_and_pins_belong_to_the_stored_rollout(world: World, kubectl: Kubectl) -> None:
    draft = rollout({"create": {"parentRefs": [{"name": "public"}]}}, namespace=world.namespace)
    body = {
        "apiVersion": "modelrollout.io/v1alpha1",
        "kind": "ModelRollout",
        "metadata": {"name": "fraud"},
        "spec": draft.spec.to_json(),
    }
    stored = await world.client.create(MODELROLLOUTS, world.namespace, body)
    subject = rollout(
        {"create": {"parentRefs": [{"name": "public"}]}}, uid=stored["metadata"]["uid"], namespace=world.namespace
    )
    router = GatewayApiRouter(world.client, world.cache)
    await router.apply(subject, intent(uid=subject.metadata.uid, v7=0, v8=1000))
    for name in ("fraud", "fraud-modelrollout"):
        found = await world.look(HTTPROUTES, name)
        (reference,) = found["metadata"]["ownerReferences"]
        assert (reference["kind"], reference["uid"], reference["controller"]) == (
            "ModelRollout",
            subject.metadata.uid,
            True,
        )
        assert in_frame(found, found)


def _owned_by(wanted: TrafficIntent, uid: str) -> TrafficIntent:
    owner = wanted.owner
    return TrafficIntent(
        wanted.weights, type(owner)(uid=uid, name=f"fraud-{uid}", stable="v7", intent=1, services=owner.services)
    )
