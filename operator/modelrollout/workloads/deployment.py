"""Deployments."""

from modelrollout.kube.resources import DEPLOYMENTS, Obj, Resource
from modelrollout.workloads.selectors import selector_text


class DeploymentKind:
    """apps/v1 Deployment."""

    @property
    def resource(self) -> Resource:
        """Deployments."""
        return DEPLOYMENTS

    def pod_spec(self, workload: Obj) -> Obj:
        """Of its template."""
        spec: Obj = workload["spec"]["template"]["spec"]
        return spec

    def selector(self, workload: Obj) -> str:
        """Its own selector."""
        return selector_text(workload["spec"]["selector"])

    def problem(self, workload: Obj) -> str:
        """Scaled to nothing, pods that cannot be created, or no progress."""
        if workload["spec"].get("replicas") == 0:
            return "the Deployment is scaled to 0"
        for condition in (workload.get("status") or {}).get("conditions") or []:
            kind, status = condition.get("type"), condition.get("status")
            if (kind == "ReplicaFailure" and status == "True") or (kind == "Progressing" and status == "False"):
                return f"{condition.get('reason', '')}: {condition.get('message', '')}"
        return ""
