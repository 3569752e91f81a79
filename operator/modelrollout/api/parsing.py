"""From JSON objects to types, with errors that a person can act on."""

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from modelrollout.api.command import ModelRolloutCommand
from modelrollout.api.metrics import Metric
from modelrollout.api.rollout import ModelRollout, ModelRolloutSpec
from modelrollout.api.templates import MetricTemplate
from modelrollout.errors import InvalidSpec

_T = TypeVar("_T", bound=BaseModel)


def parse_rollout(obj: Mapping[str, Any]) -> ModelRollout:
    """A ModelRollout from the object that the API server or a YAML file gives.

    Raises:
        InvalidSpec: with the path of the first wrong field, and what to do about it.
    """
    return parse(ModelRollout, obj, "")


def parse_spec(spec: Mapping[str, Any]) -> ModelRolloutSpec:
    """The spec alone, for example of a run's snapshot.

    Raises:
        InvalidSpec: as `parse_rollout`.
    """
    return parse(ModelRolloutSpec, spec, "spec")


def parse_command(obj: Mapping[str, Any]) -> ModelRolloutCommand:
    """A ModelRolloutCommand from the object that the API server or a YAML file gives.

    Raises:
        InvalidSpec: as `parse_rollout`.
    """
    return parse(ModelRolloutCommand, obj, "")


def parse_template(obj: Mapping[str, Any]) -> MetricTemplate:
    """A MetricTemplate or ClusterMetricTemplate from the object that the API server or a YAML file gives.

    Raises:
        InvalidSpec: as `parse_rollout`. That its metric is one is not looked at here: see `modelrollout.presets`.
    """
    return parse(MetricTemplate, obj, "")


def parse_metric(metric: Mapping[str, Any], field: str) -> Metric:
    """A metric alone.

    Raises:
        InvalidSpec: with the path of the first wrong field below `field`.
    """
    try:
        return parse(Metric, metric, "")
    except InvalidSpec as error:
        raise InvalidSpec(error.message, f"{field}.{error.field}".rstrip(".")) from None


def spec_errors(spec: Mapping[str, Any]) -> tuple[InvalidSpec, ...]:
    """Everything that is wrong with a spec, in the order of its fields; empty when it is right."""
    try:
        ModelRolloutSpec.model_validate(spec)
    except ValidationError as error:
        return tuple(_explained(details, "spec") for details in error.errors(include_url=False))
    return ()


def parse(model: type[_T], value: object, root: str = "") -> _T:
    """Any of our types from plain data.

    Args:
        model: the type.
        value: data as JSON or YAML gives them.
        root: path of the value itself, empty for a whole document.

    Raises:
        InvalidSpec: as `parse_rollout`.
    """
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise _explained(error.errors(include_url=False)[0], root) from None


def _explained(details: ErrorDetails, root: str) -> InvalidSpec:
    context = details.get("ctx") or {}
    path = _path((root, *details["loc"], context.get("field", "")))
    match details["type"]:
        case "missing":
            message = "this field is required"
        case "extra_forbidden":
            message = "unknown field: remove it, or correct its spelling"
        case "string_pattern_mismatch":
            message = f"{details['input']!r} does not match {context['pattern']}"
        case _:
            message = details["msg"]
    return InvalidSpec(message, path)


def _path(parts: tuple[int | str, ...]) -> str:
    path = ""
    for part in parts:
        if isinstance(part, int):
            path += f"[{part}]"
        elif part and "[" not in part and "-" not in part:  # pydantic puts the names of union members into the path
            path += f".{part}" if path else part
    return path
