"""Deployments."""

from modelrollout.kube.resources import DEPLOYMENTS, Obj, Resource
from modelrollout.workloads.templated import (
    own_replicas,
    own_selector,
    said_by_conditions,
    scaled_to_nothing,
    template_spec,
)


class DeploymentKind:
    """apps/v1 Deployment."""

    @property
    def resource(self) -> Resource:
        """Deployments."""
        return DEPLOYMENTS

    def pod_spec(self, workload: Obj) -> Obj:
        """Of its template."""
        return template_spec(workload)

    def identity(self, workload: Obj) -> Obj:
        """Nothing beside the template."""
        del workload
        return {}

    def selector(self, workload: Obj) -> str:
        """Its own selector."""
        return own_selector(workload)

    def replicas(self, workload: Obj) -> int | None:
        """As its spec says."""
        return own_replicas(workload)

    def problem(self, workload: Obj) -> str:
        """Scaled to nothing, pods that cannot be created (its ReplicaSet says why), or no progress."""
        return scaled_to_nothing(workload, "Deployment") or said_by_conditions(
            workload, (("ReplicaFailure", "True"), ("Progressing", "False"))
        )
