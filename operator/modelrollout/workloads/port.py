"""What a kind of workload has to tell about itself."""

from typing import Protocol

from modelrollout.kube.resources import Obj, Resource


class WorkloadKind(Protocol):
    """Reads one kind of workload; pure, it does no I/O."""

    @property
    def resource(self) -> Resource:
        """The kind, to be watched where a rollout names it."""

    def pod_spec(self, workload: Obj) -> Obj:
        """The pod spec that it runs."""

    def selector(self, workload: Obj) -> str:
        """Label selector of its pods."""

    def problem(self, workload: Obj) -> str:
        """Why it cannot become ready, in a sentence; empty when nothing is known."""
