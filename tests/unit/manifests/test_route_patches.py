"""What a patch of a route does, and above all what it does not."""

import copy
import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelrollout.api import ServiceRef
from modelrollout.decisions.decision import TrafficIntent
from modelrollout.decisions.observed import Owner
from modelrollout.manifests.json_patch import Operation, PatchFailed, apply
from modelrollout.manifests.owners import OWNER, owners_of
from modelrollout.manifests.route_patches import UnsafeWrite, orphan_patch, traffic_patch
from modelrollout.manifests.routes import managed_rules, route_seen
from tests.unit.manifests.routes import THREE, TWO, UID, V8, ref, route, rule


def intent(number: int = 1, /, **weights: int) -> TrafficIntent:
    services = {version: f"fraud-{version}" for version in weights}
    owner = Owner(uid=UID, name="fraud", stable="v7", intent=number, rules=("predict",), services=services)
    return TrafficIntent(weights=weights, owner=owner)


def patch(
    document: dict[str, Any], wanted: TrafficIntent, services: Any = TWO, listed: Any = ("predict",)
) -> list[Operation]:
    return traffic_patch(document, managed_rules(document, services, listed, UID).rules, services, wanted)


def test_the_first_patch_tests_what_it_was_made_from_and_writes_weights_and_owner() -> None:
    document = route(rule(ref("fraud-v7", 100), ref("fraud-v8", 0), name="predict"))
    annotation = (
        '{"uid":"6f1c2c0e-5a51-4a3e-9a0b-0d6a54f0b1aa","name":"fraud","stable":"v7","intent":1,"rules":["predict"],'
        '"services":{"v7":"fraud-v7","v8":"fraud-v8"}}'
    )
    at = "/spec/rules/0/backendRefs"
    assert patch(document, intent(v7=950, v8=50)) == [
        {"op": "test", "path": "/metadata/resourceVersion", "value": "41"},
        {"op": "test", "path": f"{at}/0/name", "value": "fraud-v7"},
        {"op": "test", "path": f"{at}/0/weight", "value": 100},
        {"op": "replace", "path": f"{at}/0/weight", "value": 950},
        {"op": "test", "path": f"{at}/1/name", "value": "fraud-v8"},
        {"op": "test", "path": f"{at}/1/weight", "value": 0},
        {"op": "replace", "path": f"{at}/1/weight", "value": 50},
        {"op": "add", "path": "/metadata/annotations", "value": {OWNER: annotation}},
    ]


def test_a_new_version_gets_a_backend_and_an_absent_weight_is_added() -> None:
    document = route(rule(ref("fraud-v7", 1000), ref("fraud-v8", None), name="predict"), annotations={"team": "risk"})
    changes = patch(document, intent(v7=1000, v8=0, v9=0), THREE)
    assert changes[1:-1] == [
        {"op": "test", "path": "/spec/rules/0/backendRefs/1/name", "value": "fraud-v8"},
        {"op": "add", "path": "/spec/rules/0/backendRefs/1/weight", "value": 0},
        {"op": "add", "path": "/spec/rules/0/backendRefs/-", "value": ref("fraud-v9", 0)},
    ]
    assert changes[-1]["path"] == "/metadata/annotations/modelrollout.io~1owner"


def test_a_rule_without_backends_gets_them_all() -> None:
    document = route({"name": "predict"})
    after = apply(document, patch(document, intent(v7=1000, v8=0)))
    assert after["spec"]["rules"][0]["backendRefs"] == [ref("fraud-v7", 1000), ref("fraud-v8", 0)]


def test_of_several_backends_of_a_version_the_first_has_the_share() -> None:
    document = route(rule(ref("fraud-v7", 1), ref("fraud-v8", 1), ref("fraud-v7", 1), name="predict"))
    after = apply(document, patch(document, intent(v7=750, v8=250)))
    assert [each["weight"] for each in after["spec"]["rules"][0]["backendRefs"]] == [750, 250, 0]


def test_what_the_route_says_already_is_not_written_again() -> None:
    document = route(rule(ref("fraud-v7", 1), ref("fraud-v8", 0), name="predict"))
    after = apply(document, patch(document, intent(v7=950, v8=50)))
    assert patch(after, intent(v7=950, v8=50)) == []


def test_a_new_intent_is_written_although_the_weights_stay() -> None:
    document = route(rule(ref("fraud-v7", 1), ref("fraud-v8", 0), name="predict"))
    after = apply(document, patch(document, intent(1, v7=950, v8=50)))
    assert [change["op"] for change in patch(after, intent(2, v7=950, v8=50))] == ["test", "add"]


@pytest.mark.parametrize(
    "weights", [{"v7": 1000}, {"v7": 900, "v8": 50}, {"v7": 1100, "v8": -100}, {"v7": 1, "v8": 1}, {}]
)
def test_an_intent_that_breaks_an_invariant_is_never_sent(weights: dict[str, int]) -> None:
    document = route(rule(ref("fraud-v7"), ref("fraud-v8", 0), name="predict"))
    with pytest.raises(UnsafeWrite):
        patch(document, intent(**weights))


@pytest.mark.parametrize(
    "change",
    [
        lambda document: document["metadata"].update(resourceVersion="42"),
        lambda document: document["spec"]["rules"][0]["backendRefs"].reverse(),
        lambda document: document["spec"]["rules"][0]["backendRefs"][1].update(weight=7),
        lambda document: document["spec"]["rules"].insert(0, rule(ref("billing"))),
    ],
)
def test_a_patch_does_not_fit_a_route_that_has_changed(change: Any) -> None:
    document = route(rule(ref("fraud-v7"), ref("fraud-v8", 0), name="predict"))
    changes = patch(document, intent(v7=950, v8=50))
    change(document)
    with pytest.raises(PatchFailed):
        apply(document, changes)


def test_two_rollouts_share_a_route_by_rules_and_leave_each_other_alone() -> None:
    both = route(
        rule(ref("fraud-v7"), ref("fraud-v8", 0), name="us"),
        rule(ref("fraud-v7"), ref("fraud-v8", 0), name="br"),
    )
    us, br = intent(v7=900, v8=100), intent(v7=500, v8=500)
    us = TrafficIntent(us.weights, Owner("us-uid", "fraud-us", "v7", 1, ("us",), us.owner.services))
    br = TrafficIntent(br.weights, Owner("br-uid", "fraud-br", "v7", 1, ("br",), br.owner.services))
    both = apply(both, patch(both, us, listed=("us",)))
    both = apply(both, patch(both, br, listed=("br",)))
    assert {owner.uid for owner in owners_of(both)} == {"us-uid", "br-uid"}
    assert patch(both, us, listed=("us",)) == patch(both, br, listed=("br",)) == []
    assert [[each["weight"] for each in one["backendRefs"]] for one in both["spec"]["rules"]] == [
        [900, 100],
        [500, 500],
    ]
    gone = next(owner for owner in owners_of(both) if owner.uid == "us-uid")
    left = apply(both, orphan_patch(both, gone, give_back=False))
    assert json.loads(left["metadata"]["annotations"][OWNER])["uid"] == "br-uid"


def test_taking_a_rule_over_removes_its_former_owner_from_the_annotation() -> None:
    document = route(rule(ref("fraud-v7"), ref("fraud-v8", 0), name="predict"))
    former = intent(v7=900, v8=100)
    former = TrafficIntent(former.weights, Owner("gone", "other", "v7", 1, ("predict",), former.owner.services))
    document = apply(document, patch(document, former))
    document = apply(document, patch(document, intent(v7=1000, v8=0)))
    assert [owner.uid for owner in owners_of(document)] == [UID]


def test_an_orphan_gives_all_traffic_of_its_rules_back_and_touches_no_other() -> None:
    document = route(
        rule(ref("fraud-v8", 300), ref("fraud-v7", 700), ref("strange", 5), name="predict"),
        rule(ref("fraud-v8", 3), ref("fraud-v7", 1), name="other"),
        annotations={OWNER: json.dumps({"uid": "gone", "name": "f", "stable": "v7", "rules": ["predict"],
                                        "services": {"v7": "fraud-v7", "v8": "fraud-v8"}})},
    )  # fmt: skip
    (owner,) = owners_of(document)
    after = apply(document, orphan_patch(document, owner, give_back=True))
    assert [[each["weight"] for each in one["backendRefs"]] for one in after["spec"]["rules"]] == [[0, 1000, 5], [3, 1]]
    assert after["metadata"]["annotations"] == {}


def test_an_orphan_whose_stable_version_is_not_ready_keeps_its_weights() -> None:
    document = route(rule(ref("fraud-v7", 1), ref("fraud-v8", 0), name="predict"))
    document = apply(document, patch(document, intent(v7=700, v8=300)))
    after = apply(document, orphan_patch(document, intent(v7=0, v8=0).owner, give_back=False))
    assert after["spec"] == document["spec"]
    assert owners_of(after) == ()


# Routes of any shape: the versions' Services, strangers, filters, absent weights, other rules, in any order.
backends = st.builds(
    lambda name, weight, more: ref(name, weight, **more),
    st.sampled_from(["fraud-v7", "fraud-v8", "fraud-v9", "stranger"]),
    st.one_of(st.none(), st.integers(0, 1_000_000)),
    st.sampled_from(
        [
            {},
            {
                "filters": [
                    {"type": "RequestHeaderModifier", "requestHeaderModifier": {"add": [{"name": "a", "value": "b"}]}}
                ]
            },
        ]
    ),
)
rules = st.builds(
    lambda refs, more: rule(*refs, **more),
    st.lists(backends, max_size=5),
    st.sampled_from([{}, {"filters": [{"type": "URLRewrite"}]}, {"timeouts": {"request": "1s"}}]),
)
annotations = st.one_of(st.none(), st.dictionaries(st.sampled_from(["team", "a/b", "c~d"]), st.text(max_size=5)))


@st.composite
def intents(draw: Any, versions: tuple[str, ...]) -> TrafficIntent:
    cuts = sorted(draw(st.lists(st.integers(0, 1000), min_size=len(versions) - 1, max_size=len(versions) - 1)))
    edges = [0, *cuts, 1000]
    shares = [high - low for low, high in itertools.pairwise(edges)]
    return intent(draw(st.integers(0, 9)), **dict(zip(versions, shares, strict=True)))


def _foreign(document: dict[str, Any], managed: set[int], services: dict[str, ServiceRef]) -> dict[str, Any]:
    """All that is not ours to change: everything but the versions' weights in managed rules, and our annotation."""
    rest = copy.deepcopy(document)
    kept = rest["metadata"].get("annotations") or {}
    kept.pop(OWNER, None)
    rest["metadata"]["annotations"] = kept
    own = {service.name for service in services.values()}
    for index in managed:
        refs = rest["spec"]["rules"][index]["backendRefs"]
        for each in refs:
            if each["name"] in own:
                each.pop("weight", None)
    return rest


@given(st.lists(rules, min_size=1, max_size=4), annotations, st.data())
def test_a_patched_route_says_the_intent_and_nothing_else_has_changed(
    several: list[Any], notes: Any, data: Any
) -> None:
    document = route(*several, **({} if notes is None else {"annotations": notes}))
    chosen = data.draw(st.sets(st.integers(0, len(several) - 1), min_size=1))
    listed = tuple(map(str, sorted(chosen)))
    wanted = data.draw(intents(("v7", "v8")))
    before = copy.deepcopy(document)

    after = apply(document, patch(document, wanted, listed=listed))

    assert document == before
    for one in route_seen(after, TWO, listed, UID, "fraud").rules:
        assert dict(one.weights) == wanted.weights
        assert one.absent == ()
    assert owners_of(after) == (wanted.owner,)
    added = {"fraud-v7", "fraud-v8"}
    for index in chosen:
        old, new = (each["spec"]["rules"][index]["backendRefs"] for each in (before, after))
        assert {each["name"] for each in new[len(old) :]} == added - {each["name"] for each in old}
        del new[len(old) :]
    assert _foreign(after, chosen, TWO) == _foreign(before, chosen, TWO)
    assert not patch(apply(document, patch(document, wanted, listed=listed)), wanted, listed=listed)


def test_a_backend_at_another_port_is_not_the_version() -> None:
    document = route(rule(ref("fraud-v7"), ref("fraud-v8", 5, port=9090), name="predict"))
    after = apply(document, patch(document, intent(v7=900, v8=100)))
    assert after["spec"]["rules"][0]["backendRefs"][1:] == [ref("fraud-v8", 5, port=9090), ref(V8.name, 100)]
