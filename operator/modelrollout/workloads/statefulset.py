"""StatefulSets."""

from modelrollout.kube.resources import STATEFULSETS, Obj, Resource
from modelrollout.workloads.selectors import selector_text


class StatefulSetKind:
    """apps/v1 StatefulSet."""

    @property
    def resource(self) -> Resource:
        """StatefulSets."""
        return STATEFULSETS

    def pod_spec(self, workload: Obj) -> Obj:
        """Of its template; pods that an update has not reached yet may still run another one."""
        spec: Obj = workload["spec"]["template"]["spec"]
        return spec

    def selector(self, workload: Obj) -> str:
        """Its own selector."""
        return selector_text(workload["spec"]["selector"])

    def problem(self, workload: Obj) -> str:
        """Scaled to nothing; a StatefulSet says no more about itself."""
        return "the StatefulSet is scaled to 0" if workload["spec"].get("replicas") == 0 else ""
