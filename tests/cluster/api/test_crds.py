import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes import client
from kubernetes.client.exceptions import ApiException

from modelrollout.presets import preset, preset_names
from tests.unit.api.accepted import ACCEPTED
from tests.unit.api.cases import Refused, errors, metric, rollout, spec, version
from tests.unit.api.refused_specs import REFUSED

ROOT = Path(__file__).parents[3]
GROUP, VERSION = "modelrollout.io", "v1alpha1"

Create = Callable[..., dict[str, Any]]


@pytest.fixture
def create(api_client: client.ApiClient) -> Create:
    """Creates a resource, by default only as if: everything but the write is done."""
    api = client.CustomObjectsApi(api_client)

    def run(body: dict[str, Any], namespace: str = "default", dry_run: str | None = "All") -> dict[str, Any]:
        plural = f"{body['kind'].lower()}s"
        options: dict[str, Any] = {"dry_run": dry_run} if dry_run else {}
        if body["kind"].startswith("Cluster"):
            made: dict[str, Any] = api.create_cluster_custom_object(
                GROUP, VERSION, plural, body, field_validation="Strict", **options
            )
            return made
        created: dict[str, Any] = api.create_namespaced_custom_object(
            GROUP, VERSION, namespace, plural, body, field_validation="Strict", **options
        )
        return created

    return run


def _causes(create: Create, body: dict[str, Any]) -> list[tuple[str, str]]:
    """Field and message of everything the API server says against it."""
    with pytest.raises(ApiException) as refused:
        create(body)
    status = json.loads(refused.value.body)
    causes = status.get("details", {}).get("causes") or [{"message": status["message"]}]
    return [(cause.get("field", ""), cause["message"]) for cause in causes]


def test_all_resources_are_established_without_complaint(api_client: client.ApiClient) -> None:
    api = client.ApiextensionsV1Api(api_client)
    for name in ("modelrollouts", "modelrolloutcommands", "metrictemplates", "clustermetrictemplates"):
        found = api.read_custom_resource_definition(f"{name}.{GROUP}")
        conditions = {condition.type: condition.status for condition in found.status.conditions}
        assert conditions["Established"] == "True"
        assert "NonStructuralSchema" not in conditions


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.name)
def test_a_wrong_spec_is_refused_with_the_field_and_what_to_do(case: Refused, create: Create) -> None:
    causes = _causes(create, rollout(case.spec))
    assert [1 for field, message in causes if case.message in message and field.startswith(case.field)], causes


@pytest.mark.parametrize("body", ACCEPTED.values(), ids=ACCEPTED)
def test_a_right_spec_is_accepted(body: dict[str, Any], create: Create) -> None:
    create(rollout(body))


@pytest.mark.parametrize("path", sorted((ROOT / "examples").rglob("*.yaml")), ids=lambda path: path.name)
def test_every_example_is_accepted(path: Path, create: Create) -> None:
    for document in yaml.safe_load_all(path.read_text()):
        if document and document.get("apiVersion") == f"{GROUP}/{VERSION}":
            document["metadata"].pop("namespace", None)  # an example may name its own; here it goes into the test's
            create(document)


def test_the_largest_spec_stays_within_the_cost_of_its_rules(create: Create) -> None:
    long = "a" * 50
    selector = f'{long}{{b="{"c" * 900}"}}'
    sums = dict.fromkeys(("sum", "sumOfSquares", "sumOfProducts"), selector)
    mean = {"sum": selector, "count": selector, "sumOfSquares": selector, "per": sums}
    margin: dict[str, Any] = {"difference": 1e11}
    split: dict[str, Any] = {"slices": {"label": "c" * 63, "maxValues": 5}, "labelDelay": "719h59m59s"}
    biggest = spec(
        versions=[version(f"v{number}") for number in range(16)],
        strategy={
            "canary": {
                "steps": [{"weight": number + 1.5, "hold": "59m59s", "deadline": "365h59m59s"} for number in range(50)]
            }
        },
        metrics=[
            errors(name=f"m{number}", proportion={"bad": selector, "total": selector, "requests": selector}, **split)
            for number in range(10)
        ]
        + [metric(name=f"n{number}", better="Lower", mean=mean, margin=margin, **split) for number in range(10)]
        + [{"name": f"t{number}", "threshold": {"query": "{{pods}}" * 512, "max": 1}} for number in range(10)],
    )
    create(rollout(biggest))


def test_defaults_are_filled_in(create: Create) -> None:
    created = create(rollout(spec()))["spec"]
    assert created["watch"] == "15m"
    assert created["progressDeadline"] == "6h"
    assert created["analysis"] == {
        "interval": "15s",
        "warmUp": "30s",
        "falseRollback": 0.01,
        "falsePromotion": 0.05,
        "dispersion": "Auto",
    }
    assert created["strategy"]["canary"] == {"weights": [1, 5, 25, 50], "hold": "1m", "samples": 50}
    # What nobody wrote must stay unwritten here, so that a preset's own role and series can count.
    assert not created["metrics"][0].keys() & {"role", "series"}
    assert {
        name: created[name] for name in ("onDeadline", "onNewRevision", "rollback", "promotion", "deletionPolicy")
    } == {
        "onDeadline": "Rollback",
        "onNewRevision": "Restart",
        "rollback": "Auto",
        "promotion": "Auto",
        "deletionPolicy": "ReturnToStable",
    }
    assert created["paused"] is False


@pytest.mark.parametrize(
    "wrong",
    [
        rollout(spec(tarjet="v8")),
        rollout(spec(strategy={"canary": {"weights": [1], "wait": "1m"}})),
        rollout(spec(metrics=[errors(window="5m")])),
    ],
    ids=["in the spec", "in the strategy", "in a metric"],
)
def test_an_unknown_field_is_an_error_and_not_dropped(wrong: dict[str, Any], create: Create) -> None:
    assert "unknown field" in _causes(create, wrong)[0][1]


def test_a_name_that_leaves_no_room_for_derived_names_is_refused(create: Create) -> None:
    assert "at most 50 characters" in _causes(create, rollout(spec(), name="a" * 51))[0][1]


def test_versions_of_two_owners_are_merged_by_name(
    api_client: client.ApiClient, create: Create, namespace: str
) -> None:
    create(rollout(spec()), namespace, dry_run=None)
    third = {"versions": [version("v9")]}
    merged = client.CustomObjectsApi(api_client).patch_namespaced_custom_object(
        GROUP,
        VERSION,
        namespace,
        "modelrollouts",
        "fraud",
        {"apiVersion": f"{GROUP}/{VERSION}", "kind": "ModelRollout", "metadata": {"name": "fraud"}, "spec": third},
        field_manager="other",
        _content_type="application/apply-patch+yaml",
    )
    assert [one["name"] for one in merged["spec"]["versions"]] == ["v7", "v8", "v9"]


def test_a_spec_and_its_status_are_written_apart(api_client: client.ApiClient, create: Create, namespace: str) -> None:
    created = create(rollout(spec()) | {"status": {"phase": "Completed"}}, namespace, dry_run=None)
    assert "status" not in created
    patched = client.CustomObjectsApi(api_client).patch_namespaced_custom_object_status(
        GROUP, VERSION, namespace, "modelrollouts", "fraud", {"spec": {"target": "v7"}, "status": {"phase": "Pending"}}
    )
    assert (patched["spec"]["target"], patched["status"]["phase"]) == ("v8", "Pending")


_COMMAND = {
    "apiVersion": f"{GROUP}/{VERSION}",
    "kind": "ModelRolloutCommand",
    "metadata": {"name": "approve-1"},
    "spec": {"rollout": "fraud", "verb": "Promote", "by": "ann"},
}


def test_a_command_has_its_defaults(create: Create) -> None:
    assert create(_COMMAND)["spec"] == _COMMAND["spec"] | {"full": False, "reason": "", "expiresAfter": "10m"}  # type: ignore[operator]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"verb": "Approve", "full": True}, "full goes with the verb Promote"),
        ({"verb": "Explode"}, 'supported values: "Approve"'),
        ({"expiresAfter": "25h"}, "must be between 1s and 24h"),
        ({"by": ""}, "spec.by"),
    ],
)
def test_a_wrong_command_is_refused(change: dict[str, Any], message: str, create: Create) -> None:
    causes = _causes(create, _COMMAND | {"spec": _COMMAND["spec"] | change})  # type: ignore[operator]
    assert [1 for field, text in causes if message in f"{field} {text}"], causes


def test_a_command_cannot_be_changed(api_client: client.ApiClient, create: Create, namespace: str) -> None:
    create(_COMMAND, namespace, dry_run=None)
    with pytest.raises(ApiException, match="a command cannot be changed: create another one"):
        client.CustomObjectsApi(api_client).patch_namespaced_custom_object(
            GROUP, VERSION, namespace, "modelrolloutcommands", "approve-1", {"spec": {"reason": "other"}}
        )


def _template(kind: str = "MetricTemplate", **spec: Any) -> dict[str, Any]:
    metric = {"better": "Lower", "latency": {"histogram": 'a{b="{{path}}"}', "above": "{{above}}"}}
    parameters = [
        {"name": "path", "description": "The path.", "example": "/"},
        {"name": "above", "description": "The bound.", "default": "1s"},
    ]
    body = {"description": "Slow answers.", "parameters": parameters, "metric": metric} | spec
    return {"apiVersion": f"{GROUP}/{VERSION}", "kind": kind, "metadata": {"name": "slow"}, "spec": body}


@pytest.mark.parametrize("kind", ["MetricTemplate", "ClusterMetricTemplate"])
@pytest.mark.parametrize("name", preset_names())
def test_every_preset_is_accepted_as_a_template(kind: str, name: str, create: Create) -> None:
    create(_template(kind, **preset(name).to_json()))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"metric": {}}, "say what is measured: set one kind of metric"),
        (
            {"metric": {"threshold": {"query": "up"}, "rate": {"events": "a", "exposure": "b"}}},
            "set exactly one kind of metric",
        ),
        ({"metric": {"name": "x", "threshold": {"query": "up"}}}, 'unknown field "spec.metric.name"'),
        ({"metric": {"preset": {"name": "vllm/errors"}}}, 'unknown field "spec.metric.preset"'),
        ({"metric": {"latency": {"histogram": "a"}}}, "spec.metric.latency.above"),
        ({"metric": {"latency": {"histogram": "a", "above": 1}}}, "spec.metric.latency.above"),
        ({"parameters": [{"name": "a", "description": "x"}]}, "give a default, or an example"),
        ({"parameters": [{"name": "rollout", "description": "x", "default": "y"}]}, "stand for something already"),
        ({"parameters": [{"name": "A-b", "description": "x", "default": "y"}]}, "spec.parameters[0].name"),
        ({"description": ""}, "spec.description"),
    ],
)
def test_a_wrong_template_is_refused(wrong: dict[str, Any], message: str, create: Create) -> None:
    causes = _causes(create, _template(**wrong))
    assert [1 for field, text in causes if message in f"{field} {text}"], causes


def test_numbers_of_a_template_are_kept_as_they_are_written(create: Create) -> None:
    metric = {"threshold": {"query": "up", "max": 0.95, "min": "{{min}}", "consecutive": 2}}
    parameters = [{"name": "min", "description": "x", "default": "0.1"}]
    made = create(_template(metric=metric, parameters=parameters))
    assert made["spec"]["metric"] == metric


_NOW = "2026-11-21T00:00:00Z"
_STATUS = {
    "phase": "Progressing",
    "strategy": "Canary",
    "stepText": "2/5",
    "weightText": "25%",
    "candidate": "v8",
    "stable": "v7",
    "message": "holds for 40 s",
    "nextCheck": _NOW,
    "conditions": [{"type": "Ready", "status": "False", "reason": "Progressing", "lastTransitionTime": _NOW}],
}


def test_one_line_tells_where_a_rollout_stands(
    api_client: client.ApiClient, create: Create, namespace: str, kubectl: Callable[..., Any]
) -> None:
    create(rollout(spec()), namespace, dry_run=None)
    client.CustomObjectsApi(api_client).patch_namespaced_custom_object_status(
        GROUP, VERSION, namespace, "modelrollouts", "fraud", {"status": _STATUS}
    )
    header, line = kubectl("get", "mro", "-n", namespace).stdout.splitlines()
    assert header.split() == ["NAME", "READY", "PHASE", "STRATEGY", "STEP", "WEIGHT", "CANDIDATE", "AGE"]
    assert line.split()[:7] == ["fraud", "False", "Progressing", "Canary", "2/5", "25%", "v8"]
    wide = kubectl("get", "modelrollout", "-n", namespace, "-o", "wide").stdout.splitlines()
    assert wide[0].split()[-3:] == ["MESSAGE", "STABLE", "NEXT"]
    assert wide[1].endswith(_NOW)


def _fields(schema: dict[str, Any], path: str) -> Iterator[tuple[str, str]]:
    for name, field in schema.get("properties", {}).items():
        yield f"{path}.{name}", field["description"]
        inner = field
        while "items" in inner or isinstance(inner.get("additionalProperties"), dict):
            inner = inner.get("items") or inner["additionalProperties"]
        yield from _fields(inner, f"{path}.{name}")


@pytest.mark.parametrize("kind", ["modelrollout", "modelrolloutcommand"])
def test_explain_reads_like_documentation(kind: str, kubectl: Callable[..., Any]) -> None:
    definition = yaml.safe_load((ROOT / "crds" / f"{kind}s.{GROUP}.yaml").read_text())
    schema = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    listed = kubectl("explain", f"{kind}.spec", "--recursive").stdout
    names = set(re.findall(r"^ +(\w+)\t<", listed, re.MULTILINE))
    assert {path.rpartition(".")[2] for path, _ in _fields(schema, kind)} <= names
    shown = " ".join(kubectl("explain", f"{kind}.spec").stdout.split())
    for name, field in schema["properties"].items():
        assert " ".join(field["description"].split()) in shown, name
