"""MetricTemplate and ClusterMetricTemplate: a metric with parameters, written once for many rollouts."""

import re
from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from modelrollout.api.base import API_VERSION, Model
from modelrollout.api.metadata import ObjectMeta
from modelrollout.api.metric_rules import READY_MADE
from modelrollout.api.ready_made import ParameterValue, TemplateKind
from modelrollout.api.rules import Rule
from modelrollout.api.selectors import PLACEHOLDERS

GIVEN = ("rollout",)
"""Names that stand for themselves in every template: the name of the ModelRollout."""

PLACEHOLDER = re.compile(r"\{\{(.*?)\}\}")
"""A name between double braces, without blanks."""

NOT_IN_TEMPLATES = ("name", *READY_MADE)
"""Fields of a metric that a template does not have: the name is given where it is used, and none refers to another."""

_TAKEN = (*GIVEN, *PLACEHOLDERS)
_Sentence = Annotated[str, Field(min_length=1, max_length=1024)]


class TemplateParameter(Model):
    """Something of the metric that is said where the template is used."""

    RULES = (
        Rule(
            "has(self.default) || has(self.example)",
            "give a default, or an example where everybody has to say it: without one of them nobody can check the "
            "template",
            lambda self: self.default is not None or self.example is not None,
        ),
    )

    name: Annotated[
        str,
        Field(min_length=1, max_length=63, pattern=r"^[a-z][a-zA-Z0-9]*$"),
        Rule(
            f"!(self in {list(_TAKEN)})",
            f"{', '.join(_TAKEN)} stand for something already: give the parameter another name",
            lambda name: name not in _TAKEN,
        ),
    ] = Field(description="Name of the parameter: the metric has it between double braces, as {{name}}.")
    description: _Sentence = Field(description="What it is, and in which unit.")
    default: ParameterValue | None = Field(
        default=None, description="What it stands for where nothing is said. Default: none, it has to be said."
    )
    example: ParameterValue | None = Field(
        default=None, description="A value to check and to show the template with, where there is no default."
    )

    @property
    def shown(self) -> str:
        """The default, else the example."""
        return self.default if self.default is not None else self.example or ""


class MetricTemplateSpec(Model):
    """A metric with parameters."""

    description: _Sentence = Field(description="What the metric says of a version, in one sentence.")
    parameters: tuple[TemplateParameter, ...] = Field(
        default=(),
        max_length=16,
        description="What has to be, or may be, said where the template is used.",
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]},
    )
    needs: tuple[_Sentence, ...] = Field(
        default=(), max_length=8, description="What must be so for the series to exist: flags, scrape settings, labels."
    )
    traps: tuple[_Sentence, ...] = Field(
        default=(), max_length=8, description="What these series do not say, or say otherwise than one would think."
    )
    metric: dict[str, Any] = Field(
        description=(
            "The metric, as in spec.metrics of a ModelRollout, without its name. {{name}} stands for a parameter, and "
            "{{rollout}} for the name of the ModelRollout."
        )
    )

    def parameter(self, name: str) -> TemplateParameter | None:
        """The parameter of that name, or None."""
        return next((one for one in self.parameters if one.name == name), None)

    def placeholders(self) -> frozenset[str]:
        """All names that the metric has between double braces."""
        return frozenset(name for text in _texts(self.metric) for name in PLACEHOLDER.findall(text))


class MetricTemplate(BaseModel):
    """A MetricTemplate or ClusterMetricTemplate as read from the API server."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="ignore")

    api_version: Literal["modelrollout.io/v1alpha1"] = API_VERSION
    kind: TemplateKind
    metadata: ObjectMeta
    spec: MetricTemplateSpec


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for part in value.values():
            yield from _texts(part)
    elif isinstance(value, list):
        for part in value:
            yield from _texts(part)
