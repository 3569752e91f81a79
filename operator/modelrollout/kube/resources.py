"""The kinds of objects that the operator reads or writes, and how the API server's paths name them."""

from dataclasses import dataclass
from typing import Any

Obj = dict[str, Any]
"""An object as the API server's JSON has it. Those in a cache are shared: never change one."""


@dataclass(frozen=True, slots=True)
class Resource:
    """A kind of objects: namespaced ones, or of the whole cluster, whose namespace is empty.

    Attributes:
        group, version, plural, kind: as the API server knows it; group is empty for the core API.
        only: name of the one object in a namespace that is ever listed or watched, empty for all of them.
    """

    group: str
    version: str
    plural: str
    kind: str
    only: str = ""

    @property
    def api_version(self) -> str:
        """`apiVersion` as objects of this kind carry it."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, namespace: str | None = None, name: str = "", subresource: str = "") -> str:
        """Path of a collection (all namespaces without one), an object, or a part of an object."""
        root = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        where = f"/namespaces/{namespace}" if namespace else ""
        return (
            f"{root}{where}/{self.plural}" + (f"/{name}" if name else "") + (f"/{subresource}" if subresource else "")
        )

    def __str__(self) -> str:
        return f"{self.plural}.{self.group}" if self.group else self.plural


MODELROLLOUTS = Resource("modelrollout.io", "v1alpha1", "modelrollouts", "ModelRollout")
COMMANDS = Resource("modelrollout.io", "v1alpha1", "modelrolloutcommands", "ModelRolloutCommand")
METRICTEMPLATES = Resource("modelrollout.io", "v1alpha1", "metrictemplates", "MetricTemplate")
CLUSTERMETRICTEMPLATES = Resource("modelrollout.io", "v1alpha1", "clustermetrictemplates", "ClusterMetricTemplate")
HTTPROUTES = Resource("gateway.networking.k8s.io", "v1", "httproutes", "HTTPRoute")
GRPCROUTES = Resource("gateway.networking.k8s.io", "v1", "grpcroutes", "GRPCRoute")
BACKENDTRAFFICPOLICIES = Resource("gateway.envoyproxy.io", "v1alpha1", "backendtrafficpolicies", "BackendTrafficPolicy")
VIRTUALSERVICES = Resource("networking.istio.io", "v1", "virtualservices", "VirtualService")
DEPLOYMENTS = Resource("apps", "v1", "deployments", "Deployment")
STATEFULSETS = Resource("apps", "v1", "statefulsets", "StatefulSet")
INFERENCESERVICES = Resource("serving.kserve.io", "v1beta1", "inferenceservices", "InferenceService")
CONTROLLERREVISIONS = Resource("apps", "v1", "controllerrevisions", "ControllerRevision")
JOBS = Resource("batch", "v1", "jobs", "Job")
CRONJOBS = Resource("batch", "v1", "cronjobs", "CronJob")
ENDPOINTSLICES = Resource("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice")
AUTOSCALERS = Resource("autoscaling", "v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler")
SERVICES = Resource("", "v1", "services", "Service")
PODS = Resource("", "v1", "pods", "Pod")
CONFIGMAPS = Resource("", "v1", "configmaps", "ConfigMap")
FREEZES = Resource("", "v1", "configmaps", "ConfigMap", only="modelrollout-freeze")
SECRETS = Resource("", "v1", "secrets", "Secret")
EVENTS = Resource("events.k8s.io", "v1", "events", "Event")
LEASES = Resource("coordination.k8s.io", "v1", "leases", "Lease")


def name_of(obj: Obj) -> str:
    """The metadata.name of an object."""
    return str(obj["metadata"]["name"])


def namespace_of(obj: Obj) -> str:
    """The metadata.namespace of an object."""
    return str(obj["metadata"].get("namespace", ""))


def uid_of(obj: Obj) -> str:
    """The metadata.uid of an object."""
    return str(obj["metadata"].get("uid", ""))


def version_of(obj: Obj) -> str:
    """The metadata.resourceVersion of an object."""
    return str(obj["metadata"].get("resourceVersion", ""))
