"""StatefulSets."""

from modelrollout.kube.resources import STATEFULSETS, Obj, Resource
from modelrollout.workloads.templated import own_replicas, own_selector, scaled_to_nothing, template_spec


class StatefulSetKind:
    """apps/v1 StatefulSet."""

    @property
    def resource(self) -> Resource:
        """StatefulSets."""
        return STATEFULSETS

    def pod_spec(self, workload: Obj) -> Obj:
        """Of its template; pods that an update has not reached yet may still run another one."""
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
        """Scaled to nothing; a StatefulSet says no more about itself."""
        return scaled_to_nothing(workload, "StatefulSet")
