"""Custom resources that run pods and have a scale subresource, of kinds that the operator's settings name.

Nothing is known of them but the conventions that most of them keep: a pod template in `spec.template`, the number of
replicas in `spec.replicas`, a selector in `spec.selector` or in `status.selector`, conditions.
"""

from modelrollout.errors import ModelRolloutError
from modelrollout.kube.resources import Obj, Resource
from modelrollout.workloads.templated import (
    own_replicas,
    own_selector,
    said_by_conditions,
    scaled_to_nothing,
    template_spec,
)

_PARTS = 4
_BAD = (("ReplicaFailure", "True"), ("Stalled", "True"), ("Progressing", "False"))


class UnreadableKind(ModelRolloutError):  # noqa: N818 - named for what is wrong, as all leaves
    """A setting does not name a kind of workload."""


class CustomKind:
    """One kind of custom resource."""

    def __init__(self, resource: Resource) -> None:
        self._resource = resource

    @classmethod
    def named(cls, text: str) -> "CustomKind":
        """The kind of a setting such as `argoproj.io/v1alpha1/rollouts/Rollout`.

        Raises:
            UnreadableKind: it does not have the form group/version/plural/Kind.
        """
        parts = text.split("/")
        if len(parts) != _PARTS or not all(parts):
            raise UnreadableKind(
                f"{text!r} names no kind of workload: write group/version/plural/Kind, "
                "for example argoproj.io/v1alpha1/rollouts/Rollout"
            )
        return cls(Resource(*parts))

    @property
    def resource(self) -> Resource:
        """As the setting says."""
        return self._resource

    def pod_spec(self, workload: Obj) -> Obj:
        """Of its template, where it has one."""
        return template_spec(workload)

    def identity(self, workload: Obj) -> Obj:
        """Without a template the whole spec: nobody else can tell what of it changes the answers, replicas apart.

        The generation would not do: it counts every scaling, too.
        """
        if template_spec(workload).get("containers"):
            return {}
        return {key: value for key, value in (workload.get("spec") or {}).items() if key != "replicas"}

    def selector(self, workload: Obj) -> str:
        """Its own selector, or that of its scale subresource where it stands at the usual place."""
        spec, status = workload.get("spec") or {}, workload.get("status") or {}
        if isinstance(spec.get("selector"), dict):
            return own_selector(workload)
        found = status.get("selector") or status.get("labelSelector") or ""
        return found if isinstance(found, str) else ""

    def replicas(self, workload: Obj) -> int | None:
        """As its spec says."""
        return own_replicas(workload)

    def problem(self, workload: Obj) -> str:
        """Scaled to nothing, or what its conditions say."""
        return scaled_to_nothing(workload, self._resource.kind) or said_by_conditions(workload, _BAD)
