"""Metrics that are written elsewhere: presets of this package and templates of one's own, with their parameters."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from modelrollout.api.base import Model
from modelrollout.api.values import DnsSubdomain

_TEXT = r"[^\"'\\\x00-\x1f\x7f]*"

ParameterValue = Annotated[str, Field(max_length=256, pattern=f"^{_TEXT}$")]
"""What stands in for a parameter: neither quotes nor backslashes, so that no text of a selector ends early."""

Parameters = Annotated[
    dict[str, ParameterValue],
    Field(
        default_factory=dict,
        max_length=16,
        description='What its parameters stand for, by their names, as text: {above: 250ms, max: "0.95"}.',
    ),
]


class PresetMetric(Model):
    """A metric that comes with this package, expanded into one of the other kinds when a run begins."""

    name: Annotated[str, Field(min_length=1, max_length=128)] = Field(
        description="Name of the preset, for example vllm/time-to-first-token: kubectl modelrollout presets lists them."
    )
    parameters: Parameters


class TemplateKind(StrEnum):
    """Where a template of one's own is kept."""

    NAMESPACED = "MetricTemplate"
    CLUSTER = "ClusterMetricTemplate"


class TemplateMetric(Model):
    """A metric that is written in a resource of its own, expanded into one of the other kinds when a run begins."""

    kind: TemplateKind = Field(
        default=TemplateKind.NAMESPACED,
        description="MetricTemplate (default), of the rollout's namespace, or ClusterMetricTemplate, of all.",
    )
    name: DnsSubdomain = Field(description="Name of the template.")
    parameters: Parameters
