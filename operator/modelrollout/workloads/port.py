"""What a kind of workload has to tell about itself."""

from typing import Protocol

from modelrollout.kube.resources import Obj, Resource


class WorkloadKind(Protocol):
    """Reads one kind of workload; pure, it does no I/O."""

    @property
    def resource(self) -> Resource:
        """The kind, to be watched where a rollout names it."""

    def pod_spec(self, workload: Obj) -> Obj:
        """The pod spec that it runs, or what the workload says of one; empty when it says nothing."""

    def identity(self, workload: Obj) -> Obj:
        """What else decides its answers and is not in the pod spec: a part of the revision; mostly empty."""

    def selector(self, workload: Obj) -> str:
        """Label selector of its pods; empty when it names none, then its Service's selector tells them."""

    def replicas(self, workload: Obj) -> int | None:
        """How many pods it is to have, to be set through its scale subresource; None when it has no such number."""

    def problem(self, workload: Obj) -> str:
        """Why it cannot become ready, in a sentence; empty when nothing is known."""
