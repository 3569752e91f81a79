"""One document against the types and their rules, then against what experience says."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from modelrollout.api import API_VERSION, GROUP, ModelRolloutSpec, ObjectMeta, TemplateKind, parse_command, spec_errors
from modelrollout.api.rollout import NAME_LENGTH
from modelrollout.api.telemetry import Telemetry
from modelrollout.cli.lint.advice import advice
from modelrollout.cli.lint.findings import Finding, Severity
from modelrollout.cli.lint.sources import Document
from modelrollout.cli.lint.templates import TEMPLATES, FileShelf, check_template
from modelrollout.errors import InvalidSpec
from modelrollout.presets import MissingTemplate, resolution_errors, resolve

KINDS = ("ModelRollout", "ModelRolloutCommand", *TemplateKind)
"""Kinds of our API group."""


@dataclass(frozen=True, slots=True)
class _Named:
    """As much of an object as the rule about its name reads."""

    metadata: ObjectMeta


def concerns_us(document: Document) -> bool:
    """Whether a document is of our API group."""
    content = document.content
    return isinstance(content, Mapping) and str(content.get("apiVersion", "")).startswith(f"{GROUP}/")


def check(document: Document, shelf: FileShelf, requests_per_second: float | None = None) -> Iterator[Finding]:
    """Everything to say of a document of our group.

    Args:
        document: what `read` gave.
        shelf: the templates of all documents.
        requests_per_second: traffic of all versions together, when known; then gates are checked against the clock.
    """
    yield from document.repeated
    content = document.content
    if content["apiVersion"] != API_VERSION:
        yield document.finding(
            Severity.ERROR, "apiVersion", f"this version of the API does not exist: write {API_VERSION}"
        )
        return
    match content.get("kind"):
        case "ModelRollout":
            yield from _rollout(document, shelf, requests_per_second)
        case "ModelRolloutCommand":
            yield from _command(document)
        case kind if kind in TEMPLATES:
            yield from check_template(document)
        case other:
            message = f"{other} is no kind of {GROUP}: write {', '.join(KINDS)}"
            yield document.finding(Severity.ERROR, "kind", message)


def _rollout(document: Document, shelf: FileShelf, requests_per_second: float | None) -> Iterator[Finding]:
    name = _name(document)
    if not name:
        yield document.finding(Severity.ERROR, "metadata.name", "this field is required")
    elif not NAME_LENGTH.holds(_Named(ObjectMeta(name=name))):
        yield document.finding(Severity.ERROR, "metadata.name", NAME_LENGTH.message)
    for field in document.content:
        if field not in ("apiVersion", "kind", "metadata", "spec", "status"):
            yield document.finding(Severity.ERROR, str(field), "unknown field: remove it, or correct its spelling")
    spec = document.content.get("spec")
    if not isinstance(spec, Mapping):
        yield document.finding(
            Severity.ERROR, "spec", "this field is required, with versions, target, traffic and strategy"
        )
        return
    errors = _without_echoes(spec_errors(spec))
    yield from (document.finding(Severity.ERROR, error.field, error.message) for error in errors)
    if not errors:
        written = ModelRolloutSpec.model_validate(spec)
        yield from _resolved(document, name, written, shelf, requests_per_second)
        if written.telemetry is not None:
            yield from _telemetry(document, written.telemetry)


def _resolved(
    document: Document, name: str, spec: ModelRolloutSpec, shelf: FileShelf, requests_per_second: float | None
) -> Iterator[Finding]:
    """What is to be said once presets and templates are written out."""
    errors = resolution_errors(spec, name, shelf)
    for error in errors:
        if isinstance(error, MissingTemplate):
            message = f"{error.message}; it may be in the cluster: give its file too, and what it stands for is checked"
            yield document.finding(Severity.NOTE, error.field, message)
        else:
            yield document.finding(Severity.ERROR, error.field, error.message)
    if not errors:
        for one in advice(resolve(spec, name, shelf), requests_per_second):
            yield document.finding(one.severity, one.field, one.message)


def _telemetry(document: Document, telemetry: Telemetry) -> Iterator[Finding]:
    """What the API server accepts and the collector cannot use: paths and schemas."""
    from modelrollout.collector import telemetry_problem

    problem = telemetry_problem(telemetry)
    if problem is not None:
        yield document.finding(Severity.ERROR, problem.field, problem.message)


def _without_echoes(errors: tuple[InvalidSpec, ...]) -> list[InvalidSpec]:
    """A list whose items are wrong is also called too short by the parser: that says nothing more."""
    fields = [error.field for error in errors]
    return [
        error
        for error in errors
        if "after validation" not in error.message or not any(field.startswith(f"{error.field}[") for field in fields)
    ]


def _command(document: Document) -> Iterator[Finding]:
    content: dict[str, Any] = dict(document.content)
    metadata = content.get("metadata") or {}
    # The API server makes the name from generateName.
    content["metadata"] = {"name": metadata.get("generateName", ""), **metadata}
    if not content["metadata"]["name"]:
        yield document.finding(Severity.ERROR, "metadata.name", "set name or generateName")
    try:
        parse_command(content)
    except InvalidSpec as error:
        yield document.finding(Severity.ERROR, error.field, error.message)


def _name(document: Document) -> str:
    metadata = document.content.get("metadata")
    return str(metadata.get("name") or "") if isinstance(metadata, Mapping) else ""
