"""Who else sets the replicas of a workload: HorizontalPodAutoscalers, those that KEDA makes among them."""

from modelrollout.api import WorkloadRef
from modelrollout.kube.cache import Cache
from modelrollout.kube.resources import AUTOSCALERS, name_of


def autoscaler_of(cache: Cache, namespace: str, workload: WorkloadRef) -> str:
    """The HorizontalPodAutoscaler that drives the workload, in words for people; empty when none does."""
    group = workload.resolved_api_version.rpartition("/")[0]
    for one in cache.list(AUTOSCALERS, namespace):
        target = (one.get("spec") or {}).get("scaleTargetRef") or {}
        named = target.get("kind"), target.get("name"), str(target.get("apiVersion", "")).rpartition("/")[0]
        if named == (workload.kind, workload.name, group):
            return f"HorizontalPodAutoscaler {name_of(one)}"
    return ""
