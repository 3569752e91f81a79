"""What a tap needs of a rollout's telemetry, a pod template and a Service."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from modelrollout.api.telemetry import Telemetry
from modelrollout.manifests.tap import (
    CONTAINER,
    REPLACED,
    Sidecar,
    container,
    container_port,
    has_tap,
    needed_bodies,
    needed_headers,
    service_patch,
    taken_ports,
    untapped_target_port,
    workload_patch,
)
from modelrollout.tap.settings import TapSettings

ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / "examples" / "tap" / "patches.yaml"
PAGE = ROOT / "docs" / "tap.md"
SIDECAR = Sidecar(
    image="registry.example.com/operator:1",
    collector="http://collector.telemetry:8080",
    secret=("collector", "token"),
    headers=("x-country", "x-user"),
    bodies="both",
    sample=0.25,
    server_port=8080,
)


def telemetry(**fields: Any) -> Telemetry:
    return Telemetry.model_validate(fields)


def service(target: int | str | None, before: str | None = None) -> dict[str, Any]:
    entry = {"name": "http", "port": 80, "protocol": "TCP"} | ({"targetPort": target} if target is not None else {})
    annotations = {"annotations": {REPLACED: before}} if before is not None else {}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "fraud", "namespace": "risk", **annotations},
        "spec": {"ports": [{"name": "metrics", "port": 81, "targetPort": 8082}, entry]},
    }


def workload(*ports: dict[str, Any], init: tuple[str, ...] = ()) -> dict[str, Any]:
    pod = {
        "containers": [{"name": "server", "ports": list(ports)}],
        "initContainers": [{"name": name} for name in init],
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "fraud-v8", "namespace": "risk"},
        "spec": {"template": {"spec": pod}},
    }


@pytest.mark.parametrize(
    ("fields", "headers", "bodies"),
    [
        ({}, (), "none"),
        ({"prediction": "outputs[0].data[0]"}, (), "responses"),
        ({"invariants": [{"name": "range", "min": 0}]}, (), "responses"),
        ({"invariants": [{"name": "range", "of": "Request", "min": 0}]}, (), "both"),
        ({"slices": [{"name": "country", "header": "X-Country"}]}, ("x-country",), "none"),
        ({"unit": {"header": "X-User"}}, ("x-user",), "none"),
        ({"slices": [{"name": "country", "field": "user.country"}]}, (), "both"),
        ({"invariants": [{"name": "same", "flicker": {"header": "X-Item", "within": "1m"}}]}, ("x-item",), "responses"),
        ({"sample": {"path": "/infer", "fields": ["inputs"]}}, (), "both"),
    ],
)  # fmt: skip
def test_only_what_the_telemetry_looks_at_is_sent(
    fields: dict[str, Any], headers: tuple[str, ...], bodies: str
) -> None:
    assert needed_headers(telemetry(**fields)) == headers
    assert needed_bodies(telemetry(**fields)) == bodies


def test_the_container_has_the_settings_that_the_tap_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    made = container(SIDECAR, "fraud-v8")
    for variable in made["env"]:
        source = variable.get("valueFrom", {})
        known = {"fieldRef": "risk", "secretKeyRef": "let-me-in"}
        monkeypatch.setenv(variable["name"], variable.get("value") or next((known[key] for key in source), ""))
    settings = TapSettings()
    assert settings.headers == {"x-country", "x-user"}
    assert (settings.workload, settings.namespace, settings.bodies, settings.sample) == (
        "fraud-v8",
        "risk",
        "both",
        0.25,
    )
    assert settings.token.get_secret_value() == "let-me-in"
    assert {entry["containerPort"] for entry in made["ports"]} == {settings.port, settings.admin_port}


def test_the_sidecar_is_merged_into_the_pod_template_by_its_name() -> None:
    patch = workload_patch(workload(), container(SIDECAR, "fraud-v8"))
    (added,) = patch["spec"]["template"]["spec"]["initContainers"]
    assert (patch["kind"], patch["metadata"]) == ("Deployment", {"name": "fraud-v8", "namespace": "risk"})
    # Kubernetes starts it before the server and ends it after the server.
    assert (added["name"], added["restartPolicy"]) == (CONTAINER, "Always")
    taken_out = workload_patch(workload(), None)["spec"]["template"]["spec"]["initContainers"]
    assert taken_out == [{"name": CONTAINER, "$patch": "delete"}]


@pytest.mark.parametrize(("target", "before"), [(8080, "8080"), ("http", "http"), (None, "80")])
def test_the_service_remembers_where_it_pointed_and_points_there_again(target: int | str | None, before: str) -> None:
    patch = service_patch(service(target), 80, tapped=True)
    assert patch["metadata"]["annotations"] == {REPLACED: before}
    assert patch["spec"]["ports"] == [{"port": 80, "targetPort": "tap", "protocol": "TCP"}]
    back = service_patch(service("tap", before), 80, tapped=False)
    assert back["metadata"]["annotations"] == {REPLACED: None}
    assert back["spec"]["ports"] == [{"port": 80, "targetPort": target or 80, "protocol": "TCP"}]


def test_a_tapped_service_is_not_taken_for_one_whose_server_is_the_tap() -> None:
    assert untapped_target_port(service("tap", "http"), 80) == "http"
    assert service_patch(service("tap", "http"), 80, tapped=True)["metadata"]["annotations"] == {REPLACED: "http"}


def test_a_named_target_port_is_looked_up_in_the_pod_template() -> None:
    pods = workload({"name": "http", "containerPort": 8080}, {"containerPort": 8082})
    assert [container_port(pods, target) for target in ("http", 9000, "grpc")] == [8080, 9000, None]


def test_a_port_that_the_tap_needs_and_another_has_is_seen() -> None:
    assert taken_ports(workload({"containerPort": 15080})) == {15080}
    assert taken_ports(workload({"containerPort": 8080})) == frozenset()


def test_whether_there_is_a_tap() -> None:
    assert has_tap(workload(init=("fetch", CONTAINER)))
    assert not has_tap(workload(init=("fetch",)))


def test_the_example_is_what_the_command_prints() -> None:
    sidecar = Sidecar(
        image="registry.example.com/modelrollout/operator:0.1.0",
        collector="http://modelrollout-collector.modelrollout:8090",
        secret=("collector", "token"),
        headers=("x-country",),
        bodies="responses",
        sample=1.0,
        server_port=8080,
    )
    before = service("http") | {"metadata": {"name": "fraud-v8", "namespace": "risk"}}
    shown = list(yaml.safe_load_all(EXAMPLE.read_text()))
    assert shown == [
        workload_patch(workload(), container(sidecar, "fraud-v8")),
        service_patch(before, 80, tapped=True),
    ]


def test_the_page_has_every_setting_with_its_default() -> None:
    rows = set(PAGE.read_text().splitlines())
    for name, field in TapSettings.model_fields.items():
        default = field.get_default()
        shown = "required" if field.is_required() else f"`{getattr(default, 'value', default)}`" if default else "-"
        shown = "-" if name == "token" else shown
        assert f"| `{name.upper()}` | {shown} | {field.description} |" in rows
