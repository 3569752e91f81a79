"""The resources of modelrollout.io/v1alpha1 as types; the CRDs are generated from them."""

from modelrollout.api.base import API_VERSION, GROUP, VERSION, Model
from modelrollout.api.blue_green import BlueGreen
from modelrollout.api.canary import Canary, CanaryStep, Requirement
from modelrollout.api.command import ModelRolloutCommand, ModelRolloutCommandSpec, Verb
from modelrollout.api.durations import Duration, format_duration, parse_duration
from modelrollout.api.effects import Effect, Limits, Margin
from modelrollout.api.experiments import ABTest, Bandit, ExperimentThen, Horizon
from modelrollout.api.free_steps import Step
from modelrollout.api.gates import Gate, GateJob, Replay, Tolerance, WarmUp
from modelrollout.api.metadata import ObjectMeta
from modelrollout.api.metric_kinds import (
    AgreementMetric,
    DistributionMetric,
    HistogramUnit,
    LatencyMetric,
    MeanMetric,
    MeanPer,
    PairedMetric,
    ProportionMetric,
    QuantileMetric,
    RateMetric,
    ThresholdMetric,
)
from modelrollout.api.metric_roles import Better, Role, Series
from modelrollout.api.metrics import Metric, MetricSlices
from modelrollout.api.monitoring import Monitoring
from modelrollout.api.parsing import parse_command, parse_metric, parse_rollout, parse_spec, parse_template, spec_errors
from modelrollout.api.policies import (
    AUTO,
    Analysis,
    DeadlinePolicy,
    DeletionPolicy,
    Prometheus,
    PromotionPolicy,
    RevertPolicy,
    RevisionPolicy,
    RollbackPolicy,
    ScaleMode,
)
from modelrollout.api.ready_made import PresetMetric, TemplateKind, TemplateMetric
from modelrollout.api.rollout import ModelRollout, ModelRolloutSpec
from modelrollout.api.shadow import Shadow, ShadowThen
from modelrollout.api.status import ModelRolloutStatus
from modelrollout.api.strategies import Strategy
from modelrollout.api.templates import MetricTemplate, MetricTemplateSpec, TemplateParameter
from modelrollout.api.traffic import GatewayAPI, HeaderMatch, ParentRef, RouteKind, RouteMatch, RouteTemplate, Traffic
from modelrollout.api.values import TOTAL_WEIGHT, Percent, format_percent, percent_of, weight_of
from modelrollout.api.versions import ModelInfo, ServiceRef, Version, WorkloadRef

__all__ = [
    "API_VERSION",
    "AUTO",
    "GROUP",
    "TOTAL_WEIGHT",
    "VERSION",
    "ABTest",
    "AgreementMetric",
    "Analysis",
    "Bandit",
    "Better",
    "BlueGreen",
    "Canary",
    "CanaryStep",
    "DeadlinePolicy",
    "DeletionPolicy",
    "DistributionMetric",
    "Duration",
    "Effect",
    "ExperimentThen",
    "Gate",
    "GateJob",
    "GatewayAPI",
    "HeaderMatch",
    "HistogramUnit",
    "Horizon",
    "LatencyMetric",
    "Limits",
    "Margin",
    "MeanMetric",
    "MeanPer",
    "Metric",
    "MetricSlices",
    "MetricTemplate",
    "MetricTemplateSpec",
    "Model",
    "ModelInfo",
    "ModelRollout",
    "ModelRolloutCommand",
    "ModelRolloutCommandSpec",
    "ModelRolloutSpec",
    "ModelRolloutStatus",
    "Monitoring",
    "ObjectMeta",
    "PairedMetric",
    "ParentRef",
    "Percent",
    "PresetMetric",
    "Prometheus",
    "PromotionPolicy",
    "ProportionMetric",
    "QuantileMetric",
    "RateMetric",
    "Replay",
    "Requirement",
    "RevertPolicy",
    "RevisionPolicy",
    "Role",
    "RollbackPolicy",
    "RouteKind",
    "RouteMatch",
    "RouteTemplate",
    "ScaleMode",
    "Series",
    "ServiceRef",
    "Shadow",
    "ShadowThen",
    "Step",
    "Strategy",
    "TemplateKind",
    "TemplateMetric",
    "TemplateParameter",
    "ThresholdMetric",
    "Tolerance",
    "Traffic",
    "Verb",
    "Version",
    "WarmUp",
    "WorkloadRef",
    "format_duration",
    "format_percent",
    "parse_command",
    "parse_duration",
    "parse_metric",
    "parse_rollout",
    "parse_spec",
    "parse_template",
    "percent_of",
    "spec_errors",
    "weight_of",
]
