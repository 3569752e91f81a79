"""Kinds of workloads that a version may name: a new one is one file and one line here."""

from collections.abc import Iterable

from modelrollout.api import WorkloadRef
from modelrollout.workloads.deployment import DeploymentKind
from modelrollout.workloads.inference_service import InferenceServiceKind
from modelrollout.workloads.port import WorkloadKind
from modelrollout.workloads.statefulset import StatefulSetKind

BUILT_IN: tuple[WorkloadKind, ...] = (
    DeploymentKind(),
    StatefulSetKind(),
    InferenceServiceKind(),
)


class Kinds:
    """The built-in kinds, and those that the operator's settings add."""

    def __init__(self, more: Iterable[WorkloadKind] = ()) -> None:
        self._known = {(kind.resource.api_version, kind.resource.kind): kind for kind in (*BUILT_IN, *more)}

    def of(self, workload: WorkloadRef) -> WorkloadKind | None:
        """The kind that a version names, None when this operator does not know it."""
        return self._known.get((workload.resolved_api_version, workload.kind))

    @staticmethod
    def unknown(workload: WorkloadRef) -> str:
        """What to do about a kind that is not known, in a sentence."""
        return (
            f"this operator does not know workloads of kind {workload.kind} ({workload.resolved_api_version}): "
            "add the kind to customWorkloads in the values of its chart"
        )
