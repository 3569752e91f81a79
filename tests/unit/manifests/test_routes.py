"""What is read off a route."""

from typing import Any

import pytest

from modelrollout.decisions.observed import Owner, RouteSeen
from modelrollout.manifests.owners import OWNER, with_owner
from modelrollout.manifests.routes import managed_rules, route_seen
from tests.unit.manifests.routes import THREE, TWO, UID, ref, route, rule


def seen(document: dict[str, Any], services: Any = TWO, listed: tuple[str, ...] | None = None) -> RouteSeen:
    return route_seen(document, services, listed, UID, "fraud")


def owned(document: dict[str, Any], **more: Any) -> dict[str, Any]:
    owner = Owner(**{"uid": UID, "name": "fraud", "stable": "v7", **more})
    document["metadata"]["annotations"] = {OWNER: with_owner(document, owner)}
    return document


def names(document: dict[str, Any], services: Any = TWO, listed: tuple[str, ...] | None = None) -> list[str]:
    return [one.name for one in managed_rules(document, services, listed, UID).rules]


def test_rules_with_two_versions_are_managed_and_those_with_one_are_not() -> None:
    document = route(
        rule(ref("fraud-v7"), ref("fraud-v8", 0), name="predict"),
        rule(ref("fraud-v8"), name="preview"),
        rule(ref("billing"), ref("billing-new"), name="other"),
        rule(ref("fraud-v7"), ref("fraud-v8", 0)),
    )
    assert names(document) == ["predict", "3"]


def test_listed_rules_are_found_by_name_and_by_place_and_a_name_wins() -> None:
    document = route(rule(ref("fraud-v7"), name="1"), rule(ref("fraud-v7"), name="b"), rule(ref("fraud-v7")))
    assert names(document, listed=("1",)) == ["1"]
    assert names(document, listed=("2", "b")) == ["b", "2"]
    assert names(document, listed=("0", "1")) == ["1"]


def test_a_missing_listed_rule_leaves_nothing_to_act_on_and_says_what_there_is() -> None:
    found = seen(route(rule(ref("fraud-v7"), name="predict"), rule(ref("fraud-v7"))), listed=("predict", "score"))
    assert found.rules == ()
    assert "no rule score (it has: predict, 1)" in found.problem


def test_a_route_without_managed_rules_says_what_to_add() -> None:
    found = seen(route(rule(ref("fraud-v7"))))
    assert found.rules == ()
    assert "two of fraud-v7:8080, fraud-v8:8080" in found.problem


def test_weights_of_any_sum_are_thousandths_per_version() -> None:
    (one,) = seen(route(rule(ref("fraud-v7", 3), ref("fraud-v8", 1)))).rules
    assert (one.weights, one.absent, one.unknown) == ({"v7": 750, "v8": 250}, (), ())


def test_several_backends_of_one_version_count_together() -> None:
    (one,) = seen(route(rule(ref("fraud-v7", 1), ref("fraud-v8", 2), ref("fraud-v7", 1)))).rules
    assert one.weights == {"v7": 500, "v8": 500}


def test_an_absent_weight_counts_as_none_beside_written_ones_and_is_reported() -> None:
    (one,) = seen(route(rule(ref("fraud-v7", 100), ref("fraud-v8", None)))).rules
    assert (one.weights, one.absent) == ({"v7": 1000, "v8": 0}, ("v8",))


def test_absent_weights_alone_are_shared_evenly_as_the_gateway_does() -> None:
    (one,) = seen(route(rule(ref("fraud-v7", None), ref("fraud-v8", None)))).rules
    assert (one.weights, one.absent) == ({"v7": 500, "v8": 500}, ("v7", "v8"))


def test_a_version_without_a_backend_is_absent() -> None:
    (one,) = seen(route(rule(ref("fraud-v7"), name="predict")), listed=("predict",)).rules
    assert (one.weights, one.absent) == ({"v7": 1000, "v8": 0}, ("v8",))


def test_a_rule_without_any_weight_gives_it_to_nobody() -> None:
    (one,) = seen(route(rule(ref("fraud-v7", 0), ref("fraud-v8", 0)))).rules
    assert one.weights == {}


@pytest.mark.parametrize(
    ("backend", "text"),
    [
        (ref("fraud-v6"), "fraud-v6"),
        (ref("fraud-v6", 0), "fraud-v6"),
        (ref("fraud-v8", port=9090), "fraud-v8:9090"),
        (ref("fraud-v8", namespace="elsewhere"), "elsewhere/fraud-v8"),
        (
            {"group": "inference.networking.k8s.io", "kind": "InferencePool", "name": "fraud-v8"},
            "InferencePool fraud-v8",
        ),
    ],
)
def test_what_is_no_version_of_ours_is_named_before_adoption(backend: dict[str, Any], text: str) -> None:
    (one,) = seen(route(rule(ref("fraud-v7"), ref("fraud-v8", 0), backend))).rules
    assert one.unknown[0].startswith(text)


def test_after_adoption_a_stranger_without_weight_is_left_alone_and_one_with_weight_is_named() -> None:
    document = owned(route(rule(ref("fraud-v7"), ref("fraud-v8", 0), ref("fraud-v6", 0), ref("fraud-v5"))))
    (one,) = seen(document).rules
    assert one.unknown == ("fraud-v5",)


def test_a_rule_that_was_ours_stays_ours_when_a_version_leaves_the_spec() -> None:
    leaving = rule(ref("fraud-v8"), ref("fraud-v6", 0))
    services = {"v6": "fraud-v6", "v8": "fraud-v8"}
    assert names(owned(route(leaving), rules=("0",), services=services)) == ["0"]
    assert names(owned(route({**leaving, "name": "predict"}), rules=("predict",))) == ["predict"]


def test_a_rule_that_moved_into_the_place_of_ours_does_not_become_ours() -> None:
    preview, other = rule(ref("fraud-v8")), rule(ref("billing"))
    ours = rule(ref("fraud-v7"), ref("fraud-v8", 0))
    services = {"v7": "fraud-v7", "v8": "fraud-v8"}
    assert names(owned(route(preview, ours), rules=("0",), services=services)) == ["1"]
    assert names(owned(route(other, ours), rules=("0",), services=services)) == ["1"]


def test_rules_of_another_owner_do_not_become_ours_by_its_annotation() -> None:
    document = owned(route(rule(ref("fraud-v8"), name="predict")), uid="other", name="other", rules=("predict",))
    assert names(document) == []


@pytest.mark.parametrize(
    ("statuses", "accepted"),
    [((), None), (("True",), True), (("False",), False), (("False", "True"), True), (("Unknown",), None)],
)
def test_one_parent_that_accepts_is_enough(statuses: tuple[str, ...], accepted: bool | None) -> None:
    document = route(rule(ref("fraud-v7"), ref("fraud-v8", 0)))
    document["spec"]["parentRefs"] = [{"name": f"gateway-{index}"} for index in range(len(statuses))]
    document["status"] = {
        "parents": [
            {
                "parentRef": {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": f"gateway-{index}"},
                "conditions": [
                    {"type": "ResolvedRefs", "status": "True"},
                    {"type": "Accepted", "status": status, "reason": "NotAllowedByListeners", "message": "no listener"},
                ],
            }
            for index, status in enumerate(statuses)
        ]
    }
    found = seen(document)
    assert found.accepted is accepted
    assert ("NotAllowedByListeners: no listener" in found.problem) == (accepted is False)


def test_a_parent_that_the_route_has_left_has_no_say() -> None:
    document = route(rule(ref("fraud-v7"), ref("fraud-v8", 0)))
    condition = {"type": "Accepted", "status": "True"}
    document["status"] = {"parents": [{"parentRef": {"name": "former"}, "conditions": [condition]}]}
    assert seen(document).accepted is None


def test_the_owner_is_the_one_that_concerns_this_rollout() -> None:
    document = route(
        rule(ref("fraud-v7"), ref("fraud-v8", 0), name="br"),
        rule(ref("fraud-v7"), ref("fraud-v8", 0), name="us"),
    )
    owned(document, uid="us-uid", name="fraud-us", rules=("us",))
    owned(document, uid="br-uid", name="fraud-br", rules=("br",))
    assert route_seen(document, TWO, ("us",), "us-uid", "fraud-us").owner == Owner(
        "us-uid", "fraud-us", "v7", 0, ("us",)
    )
    assert seen(document, listed=("br",)).owner == Owner("br-uid", "fraud-br", "v7", 0, ("br",))


def test_an_earlier_life_of_the_rollout_is_found_by_name() -> None:
    document = owned(
        route(rule(ref("fraud-v7"), ref("fraud-v8", 0))), uid="before-the-restore", stable="v8", rules=("gone",)
    )
    owner = seen(document).owner
    assert owner is not None
    assert (owner.uid, owner.stable) == ("before-the-restore", "v8")


@pytest.mark.parametrize(
    "text", ["", "{", "7", '"x"', '{"uid":"a"}', '{"uid":1,"name":"b","stable":"c"}', '[{"uid":"a","name":"b"}]']
)
def test_an_annotation_that_cannot_be_read_names_nobody(text: str) -> None:
    assert seen(route(rule(ref("fraud-v7"), ref("fraud-v8", 0)), annotations={OWNER: text})).owner is None


def _entry(manager: str, time: str, *, rules: bool = True, **more: Any) -> dict[str, Any]:
    return {
        "manager": manager,
        "time": time,
        "fieldsV1": {"f:spec": {"f:rules" if rules else "f:hostnames": {}}},
        **more,
    }


def test_the_writer_is_who_last_wrote_the_rules() -> None:
    entries = [
        _entry("modelrollout", "2026-11-01T00:00:01Z"),
        _entry("argocd-controller", "2026-11-01T00:00:02Z", operation="Apply"),
        _entry("kubectl-edit", "2026-11-01T00:00:03Z", rules=False),
        _entry("envoy-gateway", "2026-11-01T00:00:04Z", subresource="status"),
    ]
    document = route(rule(ref("fraud-v7"), ref("fraud-v8", 0)), managedFields=entries)
    assert seen(document).writer == "argocd-controller"
    assert seen(route(rule(ref("fraud-v7"), ref("fraud-v8", 0)))).writer == ""


def test_grpc_routes_are_read_alike() -> None:
    (one,) = seen(route(rule(ref("fraud-v7", 9), ref("fraud-v9", 1)), kind="GRPCRoute"), THREE).rules
    assert (one.weights, one.absent) == ({"v7": 900, "v8": 0, "v9": 100}, ("v8",))
