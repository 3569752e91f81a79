from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import BaseModel, Field

from modelrollout.api import crd, spec_errors
from modelrollout.api.schema import NotStructural, structural_schema
from tests.unit.api.refused_specs import REFUSED

CRDS = Path(__file__).parents[3] / "crds"
STRUCTURAL_KEYS = {
    "description", "type", "format", "enum", "default", "required", "properties", "items", "additionalProperties",
    "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minLength", "maxLength", "pattern", "minItems",
    "maxItems", "minProperties", "maxProperties", "x-kubernetes-validations", "x-kubernetes-list-type",
    "x-kubernetes-list-map-keys", "x-kubernetes-int-or-string", "x-kubernetes-preserve-unknown-fields",
}  # fmt: skip


def _schema(definition: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return found


def _nodes(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    yield path, schema
    for name, field in schema.get("properties", {}).items():
        yield from _nodes(field, f"{path}.{name}")
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            yield from _nodes(schema[key], f"{path}[]")


@pytest.fixture(
    params=[crd.rollout_crd, crd.command_crd, crd.template_crd, crd.cluster_template_crd],
    ids=["rollout", "command", "template", "cluster-template"],
)
def schema(request: pytest.FixtureRequest) -> dict[str, Any]:
    return _schema(request.param())


def test_nothing_is_said_that_a_structural_schema_does_not_know(schema: dict[str, Any]) -> None:
    for path, node in _nodes(schema):
        assert set(node) <= STRUCTURAL_KEYS, path
        untyped = node.keys() & {"x-kubernetes-int-or-string", "x-kubernetes-preserve-unknown-fields"}
        assert "type" in node or untyped, path


def test_every_field_of_the_resources_is_described(schema: dict[str, Any]) -> None:
    for path, node in _nodes(schema):
        for name, field in node.get("properties", {}).items():
            assert field.get("description") or (path, name) == ("", "metadata"), f"{path}.{name}"


def test_every_text_and_list_of_a_spec_has_a_largest_size(schema: dict[str, Any]) -> None:
    for path, node in _nodes(schema["properties"]["spec"], ".spec"):
        if node.get("type") == "string":
            assert "maxLength" in node or "enum" in node, path
        if node.get("type") == "array":
            assert "maxItems" in node, path


def test_lists_with_names_are_merged_by_name() -> None:
    fields = _schema(crd.rollout_crd())["properties"]
    for field in (fields["spec"]["properties"]["versions"], fields["spec"]["properties"]["metrics"]):
        assert (field["x-kubernetes-list-type"], field["x-kubernetes-list-map-keys"]) == ("map", ["name"])
    conditions = fields["status"]["properties"]["conditions"]
    assert (conditions["x-kubernetes-list-type"], conditions["x-kubernetes-list-map-keys"]) == ("map", ["type"])


def test_the_api_server_fills_in_no_status() -> None:
    status = _schema(crd.rollout_crd())["properties"]["status"]
    assert [path for path, node in _nodes(status) if "default" in node] == []


def test_every_rule_has_a_message() -> None:
    for path, node in _nodes(_schema(crd.rollout_crd())):
        for rule in node.get("x-kubernetes-validations", ()):
            assert rule["message"], path


def test_every_rule_refuses_one_of_the_wrong_specs() -> None:
    said = {error.message for case in REFUSED for error in spec_errors(case.spec)}
    nodes = _nodes(_schema(crd.rollout_crd())["properties"]["spec"], ".spec")
    rules = {rule["message"]: path for path, node in nodes for rule in node.get("x-kubernetes-validations", ())}
    assert {message: path for message, path in rules.items() if message not in said} == {}


class _Inner(BaseModel):
    """An inner type."""

    value: Literal["only"] = Field(default="only", description="A constant.")


class _Outer(BaseModel):
    inner: _Inner | None = Field(default=None, description="Said at the place of use.")
    share: float = Field(gt=0, lt=1, description="Excluded bounds.")
    names: dict[str, int] = Field(description="A map.")


def test_references_nulls_constants_and_excluded_bounds_get_their_structural_form() -> None:
    assert structural_schema(_Outer) == {
        "type": "object",
        "required": ["share", "names"],
        "properties": {
            "inner": {
                "description": "Said at the place of use.",
                "type": "object",
                "properties": {
                    "value": {"description": "A constant.", "type": "string", "enum": ["only"], "default": "only"}
                },
            },
            "share": {
                "description": "Excluded bounds.",
                "type": "number",
                "minimum": 0,
                "exclusiveMinimum": True,
                "maximum": 1,
                "exclusiveMaximum": True,
            },
            "names": {
                "description": "A map.",
                "type": "object",
                "additionalProperties": {"type": "integer", "format": "int64"},
            },
        },
    }


class _Choice(BaseModel):
    value: int | str = Field(description="Two types.")


class _Unbounded(BaseModel):
    value: str = Field(description="No bound.")


class _Undescribed(BaseModel):
    value: int


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (_Choice, "value: a choice between types"),
        (_Unbounded, "value: a text needs a maximum length"),
        (_Undescribed, "value: a field needs a description"),
    ],
)
def test_what_has_no_structural_form_is_named_by_its_path(model: type[BaseModel], message: str) -> None:
    with pytest.raises(NotStructural, match=message):
        structural_schema(model)


def test_the_committed_files_are_what_the_types_say(capsys: pytest.CaptureFixture[str]) -> None:
    assert crd.main(["--check", str(CRDS)]) == 0, capsys.readouterr().out


def test_a_drifted_file_is_shown_as_a_diff(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert crd.main(["--write", str(tmp_path)]) == 0
    file = tmp_path / "modelrollouts.modelrollout.io.yaml"
    file.write_text(file.read_text().replace("shortNames:\n    - mro", "shortNames:\n    - xyz"))
    assert crd.main(["--check", str(tmp_path)]) == 1
    shown = capsys.readouterr().out
    assert "-    - xyz" in shown
    assert "+    - mro" in shown


def test_a_missing_file_is_drift(tmp_path: Path) -> None:
    assert crd.main(["--check", str(tmp_path)]) == 1
