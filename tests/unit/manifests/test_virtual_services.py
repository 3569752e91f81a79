"""What is read off a VirtualService, and what is written into it."""

from dataclasses import replace
from typing import Any

import pytest

from modelrollout.decisions.observed import Mirror, RouteSeen
from modelrollout.manifests.json_patch import PatchFailed, apply
from modelrollout.manifests.owners import OWNER, owners_of, with_owner
from modelrollout.manifests.route_patches import UnsafeWrite
from modelrollout.manifests.virtual_service_patches import release_patch, weights_patch
from modelrollout.manifests.virtual_services import managed_routes, service_of, virtual_service_seen
from tests.unit.manifests.routes import THREE, TWO
from tests.unit.manifests.virtual_services import http, to, virtual_service
from tests.unit.routers.world import intent


def seen(document: dict[str, Any], *listed: str, services: Any = TWO) -> RouteSeen:
    return virtual_service_seen(document, services, listed or None, "uid-1", "fraud")


def owned(document: dict[str, Any], *rules: str, services: Any = TWO) -> dict[str, Any]:
    """The same after this rollout has adopted it."""
    owner = replace(intent(**dict.fromkeys(services, 0)).owner, rules=rules)
    return {
        **document,
        "metadata": {**document["metadata"], "annotations": {OWNER: with_owner(document, owner)}},
    }


def patched(
    document: dict[str, Any], *listed: str, services: Any = TWO, **weights: int
) -> tuple[list[Any], list[dict[str, Any]]]:
    """The patch, and the routes after it."""
    rules = managed_routes(document, services, listed or None, "uid-1").rules
    patch = weights_patch(document, rules, services, intent(**weights))
    return patch, apply(document, patch)["spec"]["http"]


@pytest.mark.parametrize(
    ("host", "service"),
    [
        ("fraud-v7", "fraud-v7"),
        ("fraud-v7.risk.svc.cluster.local", "fraud-v7"),
        ("fraud-v7.risk.svc.corp.example", "fraud-v7"),
        ("fraud-v7.ads.svc.cluster.local", ""),
        ("fraud-v7.risk", ""),
        ("fraud-v7.example", ""),
    ],
)
def test_a_host_is_a_service_of_the_namespace_by_its_short_or_its_full_name(host: str, service: str) -> None:
    assert service_of(host, "risk") == service


@pytest.mark.parametrize(
    ("weights", "read"),
    [
        ((95, 5), {"v7": 950, "v8": 50}),
        ((3, 1), {"v7": 750, "v8": 250}),
        ((100, None), {"v7": 1000, "v8": 0}),
        ((None, 1), {"v7": 0, "v8": 1000}),
        ((None, None), {}),
        ((0, 0), {}),
        ((-1, 1), {"v7": 0, "v8": 1000}),
    ],
)
def test_weights_may_have_any_sum_and_one_that_is_absent_counts_as_none(
    weights: tuple[int | None, int | None], read: dict[str, int]
) -> None:
    (rule,) = seen(virtual_service(http(to("fraud-v7", weights[0]), to("fraud-v8", weights[1])))).rules
    assert (rule.weights, rule.absent, rule.unknown) == (read, (), ())


@pytest.mark.parametrize("weight", [None, 0, 100])
def test_a_single_destination_has_everything_whatever_its_weight(weight: int | None) -> None:
    (rule,) = seen(virtual_service(http(to("fraud-v7", weight), name="primary")), "primary").rules
    assert (rule.weights, rule.absent) == ({"v7": 1000, "v8": 0}, ("v8",))


def test_routes_with_two_versions_are_managed_and_those_with_one_are_not() -> None:
    document = virtual_service(
        http(to("fraud-v8"), name="pin"),
        http(to("fraud-v7", 1), to("fraud-v8", 0), name="primary"),
        http(name="moved", redirect={"uri": "/v3"}),
        http(to("billing", 1), to("elsewhere.example", 1), name="other"),
    )
    assert [rule.name for rule in seen(document).rules] == ["primary"]


def test_a_route_without_a_name_goes_by_its_place_and_all_routes_of_a_name_count() -> None:
    two = (to("fraud-v7", 1), to("fraud-v8", 0))
    document = virtual_service(http(*two, name="primary"), http(*two), http(*two, name="primary"))
    assert [rule.name for rule in seen(document, "1").rules] == ["1"]
    assert [rule.index for rule in managed_routes(document, TWO, ["primary"], "uid-1").rules] == [0, 2]


def test_a_port_may_be_left_out_but_another_one_is_no_version() -> None:
    (rule,) = seen(virtual_service(http(to("fraud-v7", 1, port=None), to("fraud-v8", 0, port=9000))), "0").rules
    assert (rule.weights, rule.absent, rule.unknown) == ({"v7": 1000, "v8": 0}, ("v8",), ("fraud-v8:9000",))


def test_who_is_no_version_is_named_with_its_subset_and_after_adoption_only_with_a_weight() -> None:
    routes = http(to("fraud-v7", 1), to("fraud-v8", 0), to("fraud", 0, subset="v9"), to("billing", 1))
    (rule,) = seen(virtual_service(routes)).rules
    assert rule.unknown == ("fraud (subset v9)", "billing")
    (rule,) = seen(owned(virtual_service(routes), "0")).rules
    assert rule.unknown == ("billing",)


def test_what_is_not_there_to_be_managed_is_said_with_what_to_do() -> None:
    document = virtual_service(http(to("fraud", 1, subset="v7"), to("fraud", 0, subset="v8"), name="primary"))
    assert "has no HTTP route predict (it has: primary)" in seen(document, "predict").problem
    assert "Subsets of one host are not told apart: give every version a Service" in seen(document).problem
    assert "destinations to two of fraud-v7, fraud-v8" in seen(virtual_service()).problem
    moved = seen(virtual_service(http(name="moved", redirect={"uri": "/v3"})), "moved")
    assert (moved.rules, moved.found) == ((), True)
    assert "has no destinations" in moved.problem


def test_only_weights_and_the_annotation_change() -> None:
    more = {"timeout": "5s", "retries": {"attempts": 1}, "mirror": {"host": "shadow"}, "headers": {"request": {}}}
    document = virtual_service(
        http(to("fraud-v8"), name="pin"),
        http(to("fraud-v7", 100, headers={"response": {"set": {"x": "1"}}}), to("fraud-v8", 0), name="primary", **more),
    )
    patch, after = patched(document, v7=950, v8=50)
    assert patch[0] == {"op": "test", "path": "/metadata/resourceVersion", "value": "41"}
    assert {"op": "test", "path": "/spec/http/1/route/1/destination/host", "value": "fraud-v8"} in patch
    assert [entry["weight"] for entry in after[1]["route"]] == [950, 50]
    after[1]["route"][0]["weight"], after[1]["route"][1]["weight"] = 100, 0
    assert after == document["spec"]["http"]


def test_a_weight_is_written_only_where_it_says_something_else() -> None:
    document = virtual_service(http(to("fraud-v7"), name="primary"))
    _, after = patched(document, "primary", v7=1000, v8=0)
    assert after[0]["route"] == [to("fraud-v7", 1000), to("fraud-v8", 0)]
    document = virtual_service(http(to("fraud-v7", 1000), to("fraud-v8")))
    patch, after = patched(document, v7=1000, v8=0)
    assert after == document["spec"]["http"]
    assert [operation["path"] for operation in patch] == ["/metadata/resourceVersion", "/metadata/annotations"]


def test_a_version_without_a_destination_gets_one_and_one_with_two_keeps_the_first() -> None:
    document = virtual_service(http(to("fraud-v7", 50), to("fraud-v7.risk.svc.cluster.local", 50), to("fraud-v8", 0)))
    _, after = patched(document, services=THREE, v7=900, v8=0, v9=100)
    assert [entry.get("weight") for entry in after[0]["route"]] == [900, 0, 0, 100]
    assert after[0]["route"][3] == to("fraud-v9", 100)


def test_a_patch_does_not_fit_what_somebody_changed_meanwhile() -> None:
    document = virtual_service(http(to("fraud-v7", 1), to("fraud-v8", 0)))
    patch, _ = patched(document, v7=950, v8=50)
    edited = virtual_service(http(to("fraud-v8", 1), to("fraud-v7", 0)))
    with pytest.raises(PatchFailed):
        apply(edited, patch)
    with pytest.raises(UnsafeWrite):
        patched(document, v7=950, v8=60)


def test_release_gives_the_owners_routes_back_by_service_name_and_leaves_others() -> None:
    def split(name: str) -> dict[str, Any]:
        destinations = to("fraud-v7", 500, port=9000), to("fraud-v8.risk.svc.cluster.local", 500), to("billing", 0)
        return http(*destinations, name=name)

    document = owned(virtual_service(split("primary"), split("other")), "primary")
    (owner,) = owners_of(document)
    after = apply(document, release_patch(document, owner, give_back=True))
    assert [entry["weight"] for entry in after["spec"]["http"][0]["route"]] == [1000, 0, 0]
    assert after["spec"]["http"][1] == document["spec"]["http"][1]
    assert owners_of(after) == ()
    left = apply(document, release_patch(document, owner, give_back=False))
    assert left["spec"] == document["spec"]


def copied(document: dict[str, Any], mirror: Mirror | None) -> dict[str, Any]:
    rules = managed_routes(document, TWO, None, "uid-1").rules
    wanted = intent(v7=1000, v8=0)
    owner = replace(wanted.owner, rules=tuple(rule.name for rule in rules), mirrors=mirror is not None)
    return apply(document, weights_patch(document, rules, TWO, replace(wanted, owner=owner, mirror=mirror)))


def mirrors(document: dict[str, Any]) -> Any:
    return document["spec"]["http"][0].get("mirrors")


AUDIT = {"destination": {"host": "audit"}}


def test_copies_are_one_more_entry_of_mirrors_and_go_with_nothing_left() -> None:
    before = virtual_service(http(to("fraud-v7", 100), to("fraud-v8", 0), name="primary", mirrors=[AUDIT]))
    during = copied(before, Mirror("v8", 5))
    ours = {"destination": {"host": "fraud-v8", "port": {"number": 8080}}, "percentage": {"value": 0.5}}
    assert mirrors(during) == [AUDIT, ours]
    assert seen(during).rules[0].mirrors == (Mirror("v8", 5),)
    assert copied(during, Mirror("v8", 5)) == during
    assert mirrors(copied(during, Mirror("v8", 1000)))[1]["percentage"] == {"value": 100.0}
    assert mirrors(copied(during, None)) == [AUDIT]
    alone = virtual_service(http(to("fraud-v7", 100), to("fraud-v8", 0), name="primary"))
    assert mirrors(copied(copied(alone, Mirror("v8", 5)), None)) is None


@pytest.mark.parametrize("give_back", [True, False])
def test_copies_end_with_the_rollout_that_made_them(give_back: bool) -> None:
    during = copied(
        virtual_service(http(to("fraud-v7", 100), to("fraud-v8", 0), name="primary", mirrors=[AUDIT])), Mirror("v8", 5)
    )
    after = apply(during, release_patch(during, owners_of(during)[0], give_back=give_back))
    assert mirrors(after) == [AUDIT]


def test_beside_the_older_form_of_a_mirror_there_is_no_room_for_ours() -> None:
    older = {"host": "audit"}
    document = virtual_service(http(to("fraud-v7", 100), to("fraud-v8", 0), name="primary", mirror=older))
    assert "HTTP route primary of VirtualService fraud has a mirror of its own" in seen(document).no_mirror
    assert seen(virtual_service(http(to("fraud-v7", 100), to("fraud-v8", 0)))).no_mirror == ""
