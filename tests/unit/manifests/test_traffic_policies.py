"""The policy by which a rule's split follows a hash, and what stands in its way."""

from typing import Any

import pytest

from modelrollout.manifests.routes import managed_rules
from modelrollout.manifests.traffic_policies import accepted, header_of, keeping_policy, resting_policy, rival, unnamed
from tests.unit.manifests.routes import TWO, UID, ref, route, rule

GROUP = "gateway.networking.k8s.io"
BOTH = (ref("fraud-v7", 1000), ref("fraud-v8", 0))


def keeping(document: dict[str, Any]) -> dict[str, Any]:
    return keeping_policy(document, managed_rules(document, TWO, None, UID).rules, "fraud", UID, "x-user")


def test_it_is_about_the_managed_rules_by_name_and_leaves_the_rest_of_the_gateways_policy_alone() -> None:
    document = route(rule(ref("billing"), name="other"), rule(*BOTH, name="predict"), rule(*BOTH, name="batch"))
    policy = keeping(document)
    target = {"group": GROUP, "kind": "HTTPRoute", "name": "fraud"}
    assert policy["spec"] == {
        "targetRefs": [{**target, "sectionName": "predict"}, {**target, "sectionName": "batch"}],
        "mergeType": "StrategicMerge",
        "loadBalancer": {
            "type": "ConsistentHash",
            "consistentHash": {"type": "Headers", "headers": [{"name": "x-user"}]},
        },
    }
    assert policy["metadata"]["ownerReferences"][0]["uid"] == UID
    assert header_of(policy) == "x-user"


def test_a_route_of_managed_rules_alone_needs_no_names() -> None:
    document = route(rule(*BOTH), kind="GRPCRoute")
    assert keeping(document)["spec"]["targetRefs"] == [{"group": GROUP, "kind": "GRPCRoute", "name": "fraud"}]
    assert unnamed(document, managed_rules(document, TWO, None, UID).rules) == ""


def test_a_managed_rule_without_a_name_beside_others_is_named_to_whom_it_may_concern() -> None:
    document = route(rule(ref("billing"), name="other"), rule(*BOTH))
    assert "rule 1 of HTTPRoute fraud has no name" in unnamed(document, managed_rules(document, TWO, None, UID).rules)


def test_at_rest_it_says_nothing_about_the_users_route() -> None:
    policy = resting_policy(route(rule(*BOTH, name="predict")), "fraud", UID)
    target = {"group": GROUP, "kind": "HTTPRoute", "name": "fraud-modelrollout"}
    assert policy["spec"] == {"targetRefs": [target], "mergeType": "StrategicMerge"}
    assert header_of(policy) == ""


def about(**target: Any) -> dict[str, Any]:
    return {"targetRefs": [{"group": GROUP, "kind": "HTTPRoute", "name": "fraud", **target}]}


def selecting(**selector: Any) -> dict[str, Any]:
    return {"targetSelectors": [{"group": GROUP, "kind": "HTTPRoute", **selector}]}


@pytest.mark.parametrize(
    ("spec", "found"),
    [
        (about(), True),
        (about(sectionName="predict"), True),
        (about(sectionName="other"), False),
        (about(name="billing"), False),
        (about(kind="GRPCRoute"), False),
        ({"targetRef": {"group": GROUP, "kind": "HTTPRoute", "name": "fraud"}}, True),
        ({"targetRefs": [{"group": GROUP, "kind": "Gateway", "name": "models"}]}, False),
        (selecting(matchLabels={"team": "risk"}), True),
        (selecting(matchLabels={"team": "web"}), False),
        (selecting(matchExpressions=[{"key": "team", "operator": "In", "values": ["risk", "web"]}]), True),
        (selecting(matchExpressions=[{"key": "team", "operator": "NotIn", "values": ["risk"]}]), False),
        (selecting(matchExpressions=[{"key": "team", "operator": "Exists"}]), True),
        (selecting(matchExpressions=[{"key": "team", "operator": "DoesNotExist"}]), False),
        (selecting(matchLabels={"team": "risk"}, kind="GRPCRoute"), False),
    ],
)
def test_a_policy_of_somebody_elses_for_the_same_rules_is_found(spec: dict[str, Any], found: bool) -> None:
    document = route(rule(ref("billing"), name="other"), rule(*BOTH, name="predict"), labels={"team": "risk"})
    rules = managed_rules(document, TWO, None, UID).rules
    policy = {"metadata": {"name": "theirs", "namespace": "risk"}, "spec": spec}
    said = rival([policy], document, rules, "fraud-modelrollout")
    assert ("BackendTrafficPolicy theirs is about HTTPRoute fraud too" in said) is found
    assert rival([{**policy, "metadata": {"name": "fraud-modelrollout"}}], document, rules, "fraud-modelrollout") == ""


def spoken(*conditions: dict[str, Any]) -> dict[str, Any]:
    ancestors = [{"conditions": [{"type": "Accepted", **one}]} for one in conditions]
    return {"metadata": {"name": "fraud-modelrollout", "generation": 2}, "status": {"ancestors": ancestors}}


@pytest.mark.parametrize(
    ("conditions", "taken", "said"),
    [
        ([], None, ""),
        ([{"status": "True", "observedGeneration": 2}], True, ""),
        ([{"status": "True", "observedGeneration": 1}], None, ""),
        (
            [
                {"status": "True", "observedGeneration": 2},
                {"status": "False", "observedGeneration": 2, "reason": "Conflicted", "message": "another one"},
            ],
            False,
            "the gateway refuses BackendTrafficPolicy fraud-modelrollout: Conflicted: another one",
        ),
    ],
)
def test_it_counts_as_taken_up_once_every_gateway_has_said_so_of_its_newest_state(
    conditions: list[dict[str, Any]], taken: bool | None, said: str
) -> None:
    assert accepted(spoken(*conditions)) == (taken, said)
