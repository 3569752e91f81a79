"""Versions of a model: what serves it, how it is reached, and what its owner declares about it."""

from typing import Annotated

from pydantic import AwareDatetime, Field

from modelrollout.api.base import Model
from modelrollout.api.rules import Rule
from modelrollout.api.values import DnsLabel, DnsSubdomain, Port

API_VERSIONS_BY_KIND = {
    "Deployment": "apps/v1",
    "StatefulSet": "apps/v1",
    "InferenceService": "serving.kserve.io/v1beta1",
}
"""The apiVersion that a workload's kind implies."""

Digest = Annotated[str, Field(max_length=128, pattern=r"^[a-z0-9]+([+._-][a-z0-9]+)*:[A-Za-z0-9=_-]{16,}$")]

_OF_APPS = ("Deployment", "StatefulSet")


class ServiceRef(Model):
    """The Service, in the rollout's namespace, through which one version is reached."""

    name: DnsLabel = Field(description="Name of the Service, in the namespace of the ModelRollout.")
    port: Port = Field(description="Port of the Service (not of the container) that receives requests.")


class WorkloadRef(Model):
    """The workload, in the rollout's namespace, whose pods serve one version."""

    RULES = (
        Rule(
            "self.kind != 'InferenceService' || !has(self.apiVersion) || "
            "self.apiVersion == 'serving.kserve.io/v1beta1'",
            "an InferenceService has the apiVersion serving.kserve.io/v1beta1: write that, or leave apiVersion out",
            lambda self: (
                self.kind != "InferenceService" or self.resolved_api_version == API_VERSIONS_BY_KIND["InferenceService"]
            ),
            "apiVersion",
        ),
        Rule(
            "!has(self.apiVersion) || !(self.kind in ['Deployment', 'StatefulSet']) || self.apiVersion == 'apps/v1'",
            "a Deployment or StatefulSet has the apiVersion apps/v1: write that, or leave apiVersion out",
            lambda self: self.api_version is None or self.kind not in _OF_APPS or self.api_version == "apps/v1",
            "apiVersion",
        ),
        Rule(
            "has(self.apiVersion) || self.kind in ['Deployment', 'StatefulSet', 'InferenceService']",
            "say the apiVersion of this kind of workload, for example argoproj.io/v1alpha1",
            lambda self: self.api_version is not None or self.kind in API_VERSIONS_BY_KIND,
            "apiVersion",
        ),
    )

    api_version: Annotated[str, Field(min_length=1, max_length=253, pattern=r"^([a-z0-9.-]+/)?v[a-z0-9]+$")] | None = (
        Field(
            default=None,
            description=(
                "API version of the workload. Default: apps/v1 for Deployment and StatefulSet, and "
                "serving.kserve.io/v1beta1 for InferenceService; other kinds need it."
            ),
        )
    )
    kind: Annotated[str, Field(min_length=1, max_length=63, pattern=r"^[A-Z][A-Za-z0-9]*$")] = Field(
        description=(
            "Kind of the workload: Deployment, StatefulSet, InferenceService (KServe in Standard mode), or a custom "
            "resource with a scale subresource, of a kind that the operator's settings name (customWorkloads in the "
            "chart's values)."
        ),
    )
    name: DnsSubdomain = Field(description="Name of the workload, in the namespace of the ModelRollout.")

    @property
    def resolved_api_version(self) -> str:
        """The apiVersion as written, else the one that the kind implies, else an empty string."""
        return self.api_version or API_VERSIONS_BY_KIND.get(self.kind, "")


class ModelInfo(Model):
    """What the owner declares about the model a version serves; compared with what can be known of it."""

    RULES = (
        Rule(
            "!has(self.version) || has(self.name)",
            "say under which name the server serves the model: set name too, or leave version out",
            lambda self: self.version is None or self.name is not None,
            "version",
        ),
    )

    name: Annotated[str, Field(min_length=1, max_length=253, pattern=r"^[A-Za-z0-9._-]+$")] | None = Field(
        default=None,
        description=(
            "Name under which the server serves the model. Where it is given and the server speaks the V2 protocol, "
            "every ready pod of a candidate is asked for it before the candidate gets traffic."
        ),
    )
    version: Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[A-Za-z0-9._+-]+$")] | None = Field(
        default=None, description="Version that the server itself says the model has. Compared with what it says."
    )
    uri: Annotated[str, Field(min_length=1, max_length=2048)] | None = Field(
        default=None,
        description=(
            "Where the model comes from, for example s3://models/fraud/7. Never fetched; compared with the annotation "
            "modelrollout.io/model-uri of the workload's pod template, where there is one."
        ),
    )
    digest: (
        Annotated[str, Field(max_length=256, pattern=r"^[a-z0-9]+([+._-][a-z0-9]+)*:[A-Za-z0-9=_-]{16,}$")] | None
    ) = Field(
        default=None,
        description=(
            "Digest of the model's bytes, for example sha256:9f86d0.... It is part of the version's revision: "
            "a rejected digest is not tried again by accident, a new one starts a new run. Compared with the "
            "annotation modelrollout.io/model-digest of the workload's pod template, where there is one."
        ),
    )
    trained_at: AwareDatetime | None = Field(
        default=None,
        description="When the model was trained (RFC 3339). Shown to people.",
    )


class Version(Model):
    """One version of the model that may get traffic."""

    name: DnsLabel = Field(
        description="Name of the version, unique in this list, for example v7. Used in status, metrics and commands.",
    )
    service: ServiceRef = Field(
        description="Service of this version alone. It selects the pods of this version and no others.",
    )
    workload: WorkloadRef = Field(
        description=(
            "Workload that runs this version's pods. It is watched for readiness, restarts and changes of what it "
            "runs; it is never copied and never redeployed."
        ),
    )
    model: ModelInfo | None = Field(
        default=None,
        description="What is known about the model that this version serves. Optional.",
    )
