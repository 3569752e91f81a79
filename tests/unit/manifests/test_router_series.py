"""By which clusters a gateway counts the versions, as the managed rules make it name them."""

import re

import pytest

from modelrollout.decisions.observed import RouterSeries
from modelrollout.manifests.router_series import gateway_series, istio_series
from modelrollout.manifests.routes import rules_of
from tests.unit.manifests.routes import TWO, ref, route, rule

FILTERS = [{"type": "RequestHeaderModifier", "requestHeaderModifier": {"add": [{"name": "x", "value": "1"}]}}]
MERGED = {name: f"service/risk/fraud-{name}/8080/http" for name in ("v7", "v8")}


def series(*rules: dict, kind: str = "HTTPRoute", name: str = "fraud") -> RouterSeries:
    written = route(*rules, kind=kind, name=name)
    return gateway_series("risk", TWO, written, [one for one in rules_of(written, TWO) if one.serves_versions])


def versions_of(found: RouterSeries, cluster: str) -> list[str]:
    return [version for version, pattern in found.patterns.items() if re.fullmatch(pattern, cluster)]


@pytest.mark.parametrize("protocol", ["http", "http2", "grpc"])  # http2: a Service whose appProtocol is h2c
def test_backends_without_filters_share_the_cluster_of_their_service_whatever_it_speaks(protocol: str) -> None:
    found = series(rule(ref("fraud-v7"), ref("fraud-v8")))
    assert found == gateway_series("risk", TWO, None, ())
    assert versions_of(found, f"service/risk/fraud-v8/8080/{protocol}") == ["v8"]
    assert versions_of(found, f"service/ads/fraud-v8/8080/{protocol}") == []
    assert versions_of(found, f"service/risk/fraud-v8/80801/{protocol}") == []


@pytest.mark.parametrize("kind", ["HTTPRoute", "GRPCRoute"])
def test_a_backend_with_filters_has_a_cluster_of_its_own_named_by_its_place(kind: str) -> None:
    found = series(rule(ref("billing")), rule(ref("fraud-v7"), ref("fraud-v8", filters=FILTERS)), kind=kind)
    assert versions_of(found, MERGED["v7"]) == ["v7"]
    assert versions_of(found, MERGED["v8"]) == []
    assert versions_of(found, f"{kind.lower()}/risk/fraud/rule/1/backend/1") == ["v8"]
    assert versions_of(found, f"{kind.lower()}/risk/fraud/rule/0/backend/1") == []


def test_a_route_whose_name_has_a_dot_cannot_count_backends_with_filters_and_says_so() -> None:
    assert "has a dot" in series(rule(ref("fraud-v7"), ref("fraud-v8", filters=FILTERS)), name="a.b").problem
    assert series(rule(ref("fraud-v7"), ref("fraud-v8")), name="a.b").problem == ""


def test_a_version_that_has_filters_in_one_rule_alone_is_counted_in_both_clusters() -> None:
    both = ref("fraud-v7"), ref("fraud-v8")
    found = series(rule(*both), rule(ref("fraud-v7"), ref("fraud-v8", filters=FILTERS)))
    assert versions_of(found, MERGED["v8"]) == ["v8"]
    assert versions_of(found, "httproute/risk/fraud/rule/1/backend/1") == ["v8"]


def test_where_a_rule_keeps_sessions_nobody_can_tell_who_answered() -> None:
    found = series(rule(ref("fraud-v7"), ref("fraud-v8"), name="predict", sessionPersistence={"sessionName": "a"}))
    assert found.patterns == {}
    assert "rule predict keeps sessions" in found.problem


def test_istio_names_the_service_under_any_domain() -> None:
    found = istio_series("risk", TWO)
    assert found.label == "destination_service"
    assert versions_of(found, "fraud-v8.risk.svc.corp.example") == ["v8"]
    assert versions_of(found, "fraud-v80.risk.svc.cluster.local") == []
