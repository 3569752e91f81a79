"""The one copy of requests in a rule that is the operator's, and everything beside it that is not."""

import copy
from typing import Any

import pytest

from modelrollout.decisions.decision import TrafficIntent
from modelrollout.decisions.observed import Mirror, Owner
from modelrollout.manifests.json_patch import apply
from modelrollout.manifests.owners import owners_of
from modelrollout.manifests.route_patches import orphan_patch, traffic_patch
from modelrollout.manifests.router_series import gateway_series
from modelrollout.manifests.routes import managed_rules, route_seen
from tests.unit.manifests.routes import TWO, UID, ref, route, rule

THEIRS = {"type": "RequestMirror", "requestMirror": {"backendRef": {"name": "audit", "port": 80}}}
HEADER = {"type": "RequestHeaderModifier", "requestHeaderModifier": {"set": [{"name": "x-team", "value": "risk"}]}}
OURS = {"group": "", "kind": "Service", "name": "fraud-v8", "port": 8080}


def the_route(*filters: Any) -> dict[str, Any]:
    one = rule(ref("fraud-v7", 1000), ref("fraud-v8", 0), name="predict")
    return route({**one, "filters": list(filters)} if filters else one)


def shifted(document: dict[str, Any], mirror: Mirror | None, number: int = 1) -> dict[str, Any]:
    owner = Owner(
        uid=UID,
        name="fraud",
        stable="v7",
        intent=number,
        rules=("predict",),
        services={name: service.name for name, service in TWO.items()},
        mirrors=mirror is not None,
    )
    intent = TrafficIntent(weights={"v7": 1000, "v8": 0}, owner=owner, mirror=mirror)
    rules = managed_rules(document, TWO, ("predict",), UID).rules
    return apply(document, traffic_patch(document, rules, TWO, intent))


def filters(document: dict[str, Any]) -> Any:
    return document["spec"]["rules"][0].get("filters")


def seen(document: dict[str, Any]) -> tuple[Mirror, ...]:
    return route_seen(document, TWO, ("predict",), UID, "fraud").rules[0].mirrors


@pytest.mark.parametrize(
    ("share", "form"),
    [(1000, {}), (200, {"percent": 20}), (5, {"fraction": {"numerator": 5, "denominator": 1000}})],
)
def test_a_share_is_written_in_the_form_that_says_it_and_read_back(share: int, form: dict[str, Any]) -> None:
    after = shifted(the_route(), Mirror("v8", share))
    assert filters(after) == [{"type": "RequestMirror", "requestMirror": {"backendRef": OURS, **form}}]
    assert seen(after) == (Mirror("v8", share),)


def test_the_filters_of_others_stay_where_they_are() -> None:
    before = the_route(HEADER, THEIRS)
    during = shifted(before, Mirror("v8", 200))
    assert filters(during)[:2] == [HEADER, THEIRS]
    changed = shifted(during, Mirror("v8", 500), 2)
    assert [one["requestMirror"].get("percent") for one in filters(changed)[2:]] == [50]
    after = shifted(changed, None, 3)
    assert filters(after) == [HEADER, THEIRS]
    assert owners_of(after)[0].mirrors is False


def test_the_last_copy_takes_the_list_of_filters_with_it() -> None:
    assert filters(shifted(shifted(the_route(), Mirror("v8", 200)), None, 2)) is None


def test_what_is_copied_already_is_not_written_again() -> None:
    document = shifted(the_route(HEADER), Mirror("v8", 200))
    assert shifted(document, Mirror("v8", 200)) == document


def test_several_copies_to_versions_become_the_one_that_is_wanted() -> None:
    document = shifted(the_route(), Mirror("v8", 200))
    twice = copy.deepcopy(document)
    twice["spec"]["rules"][0]["filters"] *= 2
    assert seen(twice) == (Mirror("v8", 200), Mirror("v8", 200))
    assert filters(shifted(twice, Mirror("v8", 200), 2)) == filters(document)


def test_a_copy_to_another_port_leads_to_no_version() -> None:
    document = shifted(the_route(), Mirror("v8", 200))
    filters(document)[0]["requestMirror"]["backendRef"]["port"] = 9
    assert seen(document) == (Mirror("", 200),)


def test_a_copy_that_somebody_makes_by_hand_is_left_alone_where_we_make_none() -> None:
    by_hand = {"type": "RequestMirror", "requestMirror": {"backendRef": OURS}}
    document = shifted(the_route(by_hand), None)
    assert (filters(document), seen(document)) == ([by_hand], ())


@pytest.mark.parametrize("give_back", [True, False])
def test_copies_end_with_the_rollout_that_made_them(give_back: bool) -> None:
    document = shifted(the_route(HEADER), Mirror("v8", 200))
    after = apply(document, orphan_patch(document, owners_of(document)[0], give_back=give_back))
    assert filters(after) == [HEADER]


def test_the_gateway_counts_copies_by_the_places_of_rule_and_filter_while_they_are_ours() -> None:
    names = []
    for document in (the_route(HEADER), shifted(the_route(HEADER), Mirror("v8", 200))):
        series = gateway_series("risk", TWO, document, managed_rules(document, TWO, None, UID).rules)
        names.append({version: "rule/0-mirror-1" in pattern for version, pattern in series.patterns.items()})
    assert names == [{"v7": False, "v8": False}, {"v7": False, "v8": True}]
    by_hand = the_route({"type": "RequestMirror", "requestMirror": {"backendRef": OURS}})
    series = gateway_series("risk", TWO, by_hand, managed_rules(by_hand, TWO, None, UID).rules)
    assert "mirror" not in series.patterns["v8"]
