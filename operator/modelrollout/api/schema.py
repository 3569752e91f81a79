"""From pydantic's JSON schema to the structural OpenAPI v3 schema that a CustomResourceDefinition takes.

Structural schemas know no `$ref`, no `null`, no `const` and no `oneOf` of types; what JSON schema says with them is
said here by inlining, by leaving a field out, by a one-valued `enum`, and by CEL rules on sibling fields.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema

from modelrollout.api.durations import format_duration
from modelrollout.api.rules import VALIDATIONS

_DROPPED = frozenset({"title", "$defs", "additionalProperties"})
_BOUNDED_FORMATS = frozenset({"date-time"})
_PRESERVE = "x-kubernetes-preserve-unknown-fields"

Schema = dict[str, Any]


class NotStructural(TypeError):  # noqa: N818 - named for what is wrong with the types
    """A type says something that a structural schema cannot express, or leaves a bound out that CEL's budget needs."""


def structural_schema(model: type[BaseModel], *, bounded: bool = True) -> Schema:
    """The structural schema of `model`, in JSON (camelCase) names.

    Args:
        model: a pydantic model.
        bounded: demand a description of every field, a maximum length of every text and list.

    Raises:
        NotStructural: naming the path of what cannot be expressed.
    """
    source = model.model_json_schema(by_alias=True, mode="validation", schema_generator=_Generator)
    return _Converter(source.get("$defs", {}), bounded).convert(source, model.__name__)


def without_defaults(schema: Schema) -> Schema:
    """The schema without any default: the API server must not fill in a status that nobody wrote."""
    if isinstance(schema, dict):
        return {
            key: {name: without_defaults(field) for name, field in value.items()}
            if key == "properties"
            else without_defaults(value)
            for key, value in schema.items()
            if key != "default"
        }
    return schema


def with_placeholders(schema: Schema) -> Schema:
    """The schema of a template: a placeholder may stand for every number and within every text that is no name.

    What only holds of the values themselves (rules, patterns, bounds) is left to whoever puts them in.
    """
    if "properties" in schema:
        kept = {name: with_placeholders(field) for name, field in schema["properties"].items()}
        return {**_only(schema, "description", "type", "required"), "properties": kept}
    if "enum" in schema or schema["type"] not in ("number", "integer", "string"):
        return {key: value for key, value in schema.items() if key != VALIDATIONS}
    if schema["type"] == "string":
        return _only(schema, "description", "type", "maxLength")
    return {**_only(schema, "description"), _PRESERVE: True}


def _only(schema: Schema, *keys: str) -> Schema:
    return {key: schema[key] for key in keys if key in schema}


class _Generator(GenerateJsonSchema):
    """Writes the defaults of durations as the API server reads them."""

    def encode_default(self, dft: object) -> object:
        return format_duration(dft) if isinstance(dft, timedelta) else super().encode_default(dft)


class _Converter:
    def __init__(self, definitions: Mapping[str, Schema], bounded: bool) -> None:
        self._definitions = definitions
        self._bounded = bounded

    def convert(self, source: Schema, path: str) -> Schema:
        node = self._without_null(self._inlined(source), path)
        if node.pop("format", None) in _BOUNDED_FORMATS:
            node |= {"format": "date-time", "maxLength": 64}
        if "const" in node:
            node["enum"] = [node.pop("const")]
        values = node.get("additionalProperties")
        result: Schema = {key: value for key, value in node.items() if key not in _DROPPED}
        match node.get("type"):
            case "object":
                self._convert_object(result, values, path)
            case "array":
                result["items"] = self.convert(node["items"], f"{path}[]")
                result["items"].pop("description", None)
                self._demand("maxItems" in result, path, "a list needs a maximum length")
            case "integer":
                result["format"] = "int64"
            case "string":
                bounded = any(key in result for key in ("maxLength", "enum"))
                self._demand(bounded, path, "a text needs a maximum length")
            case "number" | "boolean":
                pass
            case _ if "x-kubernetes-int-or-string" in node:
                result.pop("maxLength", None)
            case other:
                raise NotStructural(f"{path}: no structural form of the type {other!r}")
        _exclusive_bounds(result)
        return dict(sorted(result.items(), key=lambda item: _rank(item[0])))

    def _convert_object(self, result: Schema, values: object, path: str) -> None:
        if "properties" in result:
            required = result.get("required", ())
            result["properties"] = {
                name: self._convert_field(field, f"{path}.{name}", name in required)
                for name, field in result["properties"].items()
            }
        elif isinstance(values, dict):
            result["additionalProperties"] = self.convert(values, f"{path}{{}}")
        elif values is True:
            result[_PRESERVE] = True

    def _convert_field(self, source: Schema, path: str, required: bool) -> Schema:
        field = self.convert(source, path)
        if required or field.get("default", 0) is None:
            field.pop("default", None)
        self._demand("description" in field, path, "a field needs a description")
        return field

    def _inlined(self, source: Schema) -> Schema:
        node = dict(source)
        while "$ref" in node:
            name = node.pop("$ref").removeprefix("#/$defs/")
            node = _merged(self._definitions[name], node)
        return node

    def _without_null(self, node: Schema, path: str) -> Schema:
        if "anyOf" not in node:
            return node
        options = [option for option in node.pop("anyOf") if option.get("type") != "null"]
        if len(options) != 1:
            raise NotStructural(f"{path}: a choice between types; use sibling fields and a rule")
        return self._without_null(_merged(self._inlined(options[0]), node), path)

    def _demand(self, met: bool, path: str, what: str) -> None:
        if self._bounded and not met:
            raise NotStructural(f"{path}: {what}")


def _merged(inner: Schema, outer: Schema) -> Schema:
    """What the place of use says wins over what the type says of itself."""
    merged = inner | outer
    rules = [*inner.get("x-kubernetes-validations", ()), *outer.get("x-kubernetes-validations", ())]
    return merged | {"x-kubernetes-validations": rules} if rules else merged


def _exclusive_bounds(node: Schema) -> None:
    """OpenAPI 3.0 has the bound in one key and says in another that it is excluded."""
    for exclusive, bound in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if exclusive in node:
            node[bound], node[exclusive] = node[exclusive], True


_ORDER = ("description", "type", "format", "enum", "default")


def _rank(key: str) -> tuple[int, str]:
    return (_ORDER.index(key) if key in _ORDER else len(_ORDER) + (key == "properties"), key)
