"""The rules that stand beside the managed ones."""

from typing import Any

from modelrollout.api import HeaderMatch
from modelrollout.manifests.own_routes import in_frame
from modelrollout.manifests.routes import managed_rules
from modelrollout.manifests.second_route import PIN_HEADER, Shown, pin_value, preview_problem, second_route
from tests.unit.manifests.routes import TWO, UID, ref, route, rule

HEADER = HeaderMatch(name="x-preview", value="1")
PREVIEW = {"type": "Exact", "name": "x-preview", "value": "1"}


def made(document: dict[str, Any], preview: str = "v8") -> dict[str, Any]:
    rules = managed_rules(document, TWO, None, UID).rules
    shown = Shown(preview, HEADER, rules) if preview else None
    return second_route(document, "fraud", UID, TWO, shown)


def problem(document: dict[str, Any], versions: int = 2) -> str:
    return preview_problem(document, managed_rules(document, TWO, None, UID).rules, HEADER, versions)


def test_without_a_preview_there_is_a_pin_for_every_version_and_nothing_else() -> None:
    second = made(route(rule(ref("fraud-v7"), ref("fraud-v8", 0))), "")
    assert [one["name"] for one in second["spec"]["rules"]] == ["v7", "v8"]
    assert [one["matches"][0]["headers"][0] for one in second["spec"]["rules"]] == [
        {"type": "Exact", "name": PIN_HEADER, "value": pin_value(UID, version)} for version in ("v7", "v8")
    ]


def test_a_preview_takes_what_a_managed_rule_takes_if_it_carries_the_header_too() -> None:
    matches = [
        {"path": {"type": "PathPrefix", "value": "/v2"}},
        {"path": {"type": "Exact", "value": "/ask"}, "headers": [{"type": "Exact", "name": "x-team", "value": "a"}]},
    ]
    document = route(rule(ref("fraud-v7", 900), ref("fraud-v8", 100)) | {"matches": matches})
    preview, *pins = made(document)["spec"]["rules"]
    assert preview["backendRefs"] == [ref("fraud-v8", 1)]
    assert preview["matches"] == [
        {"path": {"type": "PathPrefix", "value": "/v2"}, "headers": [PREVIEW]},
        {
            "path": {"type": "Exact", "value": "/ask"},
            "headers": [{"type": "Exact", "name": "x-team", "value": "a"}, PREVIEW],
        },
    ]
    assert len(pins) == 2


def test_a_preview_answers_as_the_managed_rule_would_and_leaves_its_sessions_alone() -> None:
    rewrite = {"filters": [{"type": "URLRewrite", "urlRewrite": {"hostname": "model"}}]}
    seen = {"filters": [{"type": "RequestHeaderModifier", "requestHeaderModifier": {"remove": ["cookie"]}}]}
    managed = rule(
        ref("fraud-v7"),
        ref("fraud-v8", 0, **seen),
        name="predict",
        timeouts={"request": "5s"},
        sessionPersistence={"sessionName": "fraud"},
        **rewrite,
    )
    preview = made(route(managed))["spec"]["rules"][0]
    assert preview["name"] == "preview.0"
    assert (preview["filters"], preview["timeouts"]) == (rewrite["filters"], {"request": "5s"})
    assert preview["backendRefs"] == [ref("fraud-v8", 1, **seen)]
    assert "sessionPersistence" not in preview


def test_every_managed_rule_has_a_preview_and_no_other_rule_has() -> None:
    document = route(
        rule(ref("billing")),
        rule(ref("fraud-v7"), ref("fraud-v8", 0), name="br"),
        rule(ref("fraud-v7"), ref("fraud-v8", 0), name="us"),
    )
    assert [one["name"] for one in made(document)["spec"]["rules"]] == ["preview.1", "preview.2", "v7", "v8"]


def test_a_version_without_a_backend_of_its_own_yet_is_previewed_by_its_service() -> None:
    document = route(rule(ref("fraud-v7"), ref("fraud-v9")))
    rules = managed_rules(document, TWO, ("0",), UID).rules
    preview = second_route(document, "fraud", UID, TWO, Shown("v8", HEADER, rules))["spec"]["rules"][0]
    assert preview["backendRefs"] == [ref("fraud-v8", 1)]


def test_a_rule_of_a_grpc_route_without_matches_is_previewed_for_every_method() -> None:
    managed = rule(ref("fraud-v7"), ref("fraud-v8", 0))
    del managed["matches"]
    preview, pin, _ = made(route(managed, kind="GRPCRoute"))["spec"]["rules"]
    assert preview["matches"] == [{"headers": [PREVIEW]}]
    assert "path" not in pin["matches"][0]


def test_a_weight_that_is_taken_from_a_pin_is_noticed() -> None:
    document = route(rule(ref("fraud-v7"), ref("fraud-v8", 0)))
    wanted, edited = made(document), made(document)
    edited["spec"]["rules"][1]["backendRefs"][0]["weight"] = 0
    assert in_frame(wanted, wanted)
    assert not in_frame(edited, wanted)


def test_a_header_that_a_managed_rule_asks_for_itself_cannot_be_that_of_the_preview() -> None:
    match = {"headers": [{"type": "Exact", "name": "X-Preview", "value": "0"}]}
    document = route(rule(ref("fraud-v7"), ref("fraud-v8", 0), name="predict") | {"matches": [match]})
    assert "rule predict asks for the header x-preview itself: choose another one" in problem(document)
    assert problem(route(rule(ref("fraud-v7"), ref("fraud-v8", 0)))) == ""


def test_what_does_not_fit_into_one_route_is_said_before_the_api_server_refuses_it() -> None:
    managed = rule(ref("fraud-v7"), ref("fraud-v8", 0))
    assert "room for 16 rules" in problem(route(managed), versions=16)
    assert problem(route(managed), versions=15) == ""
    many = [{"path": {"type": "Exact", "value": f"/{number}"}} for number in range(64)]
    assert "128 matches" in problem(route(managed | {"matches": many}, managed | {"matches": many}))
    full = [{"type": "Exact", "name": f"x-{number}", "value": "1"} for number in range(16)]
    assert "16 headers" in problem(route(managed | {"matches": [{"headers": full}]}))
