"""A spec with everything ready-made in its metrics written out."""

from collections.abc import Iterable, Iterator
from typing import Protocol

from pydantic_core import PydanticCustomError

from modelrollout.api import Metric, MetricTemplateSpec, ModelRolloutSpec, TemplateKind, TemplateMetric
from modelrollout.errors import InvalidSpec
from modelrollout.presets.expansion import expand, template_errors
from modelrollout.presets.library import preset
from modelrollout.presets.nearest import advice


class MissingTemplate(InvalidSpec):
    """A spec refers to a template that is not on the shelf."""


class Shelf(Protocol):
    """Where templates are kept."""

    def find(self, kind: TemplateKind, name: str) -> MetricTemplateSpec | None:
        """The template of that name, None where there is none.

        Raises:
            InvalidSpec: it cannot be read.
        """

    def names(self, kind: TemplateKind) -> Iterable[str]:
        """Names of all that are known, for advice."""


def templates_of(spec: ModelRolloutSpec) -> frozenset[tuple[TemplateKind, str]]:
    """The templates that a spec refers to, by kind and name."""
    used = (metric.template for metric in spec.metrics)
    return frozenset((one.kind, one.name) for one in used if one is not None)


def resolve(spec: ModelRolloutSpec, rollout: str, shelf: Shelf) -> ModelRolloutSpec:
    """The spec with presets and templates expanded; the spec itself where it refers to none.

    Raises:
        InvalidSpec: the first thing that is wrong, with its path.
    """
    found, errors = _expanded(spec, rollout, shelf)
    if errors:
        raise errors[0]
    return found


def resolution_errors(spec: ModelRolloutSpec, rollout: str, shelf: Shelf) -> tuple[InvalidSpec, ...]:
    """Everything that keeps a well-formed spec from being resolved."""
    return _expanded(spec, rollout, shelf)[1]


def _expanded(spec: ModelRolloutSpec, rollout: str, shelf: Shelf) -> tuple[ModelRolloutSpec, tuple[InvalidSpec, ...]]:
    if not any(_is_ready_made(metric) for metric in spec.metrics):
        return spec, ()
    metrics, errors = [], []
    for place, metric in enumerate(spec.metrics):
        try:
            metrics.append(_plain(metric, f"spec.metrics[{place}]", rollout, shelf))
        except InvalidSpec as error:
            errors.append(error)
    if errors:
        return spec, tuple(errors)
    resolved = spec.model_copy(update={"metrics": tuple(metrics)})
    return resolved, tuple(_broken(resolved))


def _is_ready_made(metric: Metric) -> bool:
    return metric.preset is not None or metric.template is not None


def _plain(metric: Metric, field: str, rollout: str, shelf: Shelf) -> Metric:
    if metric.preset is not None:
        try:
            found = preset(metric.preset.name)
        except InvalidSpec as error:
            raise InvalidSpec(error.message, f"{field}.preset.name") from None
        return expand(found, metric, rollout, field)
    if metric.template is not None:
        return expand(_template(metric.template, f"{field}.template", shelf), metric, rollout, field)
    return metric


def _template(used: TemplateMetric, field: str, shelf: Shelf) -> MetricTemplateSpec:
    try:
        template = shelf.find(used.kind, used.name)
    except InvalidSpec as error:
        raise InvalidSpec(f"the {used.kind} {used.name} cannot be used: {error}", field) from None
    if template is None:
        nearest = advice(used.name, sorted(shelf.names(used.kind)))
        raise MissingTemplate(f"there is no {used.kind} {used.name}{nearest}", f"{field}.name")
    wrong = template_errors(template)
    if wrong:
        raise InvalidSpec(f"the {used.kind} {used.name} is wrong: {wrong[0]}", field)
    return template


def _broken(spec: ModelRolloutSpec) -> Iterator[InvalidSpec]:
    """What holds of each metric alone and not of all together."""
    for rule in ModelRolloutSpec.RULES:
        try:
            rule.check(spec)
        except PydanticCustomError as error:
            yield InvalidSpec(error.message(), f"spec.{rule.field}" if rule.field else "spec")
