"""The Job of a gate, made from a CronJob's template as `kubectl create job --from` makes one."""

import copy
from collections.abc import Mapping
from typing import Any

from modelrollout.decisions.checks import Check
from modelrollout.manifests.owned import ROLLOUT_LABEL

ALLOWED = "modelrollout.io/gate=true"
"""The label by which the owner of a CronJob lets rollouts of the namespace run its template."""

_KEPT_SECONDS = 24 * 3600
"""How long an ended Job stays, for its logs, where the template does not say."""


def allows_gates(cron_job: Mapping[str, Any]) -> bool:
    """Whether whoever wrote the CronJob said that it may be run as a gate."""
    name, _, value = ALLOWED.partition("=")
    return bool((cron_job["metadata"].get("labels") or {}).get(name) == value)


def gate_job(check: Check, name: str, cron_job: Mapping[str, Any]) -> dict[str, Any]:
    """The Job, owned by the rollout, whose containers are told what to try. Nothing else of the template is changed."""
    template = cron_job["spec"]["jobTemplate"]
    metadata, spec = template.get("metadata") or {}, copy.deepcopy(template["spec"])
    spec.setdefault("ttlSecondsAfterFinished", _KEPT_SECONDS)
    pod = spec["template"]["spec"]
    for container in [*(pod.get("initContainers") or []), *pod["containers"]]:
        container["env"] = [*_told(check, container.get("env") or []), *(container.get("env") or [])]
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "namespace": check.namespace,
            "name": name,
            "labels": {
                **(metadata.get("labels") or {}),
                ROLLOUT_LABEL: check.rollout,
                "app.kubernetes.io/managed-by": "modelrollout",
            },
            "annotations": {
                **(metadata.get("annotations") or {}),
                "modelrollout.io/run": check.run,
                "modelrollout.io/cron-job": cron_job["metadata"]["name"],
            },
            "ownerReferences": [
                {
                    "apiVersion": "modelrollout.io/v1alpha1",
                    "kind": "ModelRollout",
                    "name": check.rollout,
                    "uid": check.uid,
                    "controller": True,
                    "blockOwnerDeletion": False,
                }
            ],
        },
        "spec": spec,
    }


def _told(check: Check, own: list[Mapping[str, Any]]) -> list[dict[str, str]]:
    """What the containers learn; in front, so that their own variables can be made of it. Their own names win."""
    taken = {variable["name"] for variable in own}
    told = {
        "MODELROLLOUT_VERSION": check.version,
        "MODELROLLOUT_SERVICE": check.service,
        "MODELROLLOUT_PORT": str(check.port),
        "MODELROLLOUT_RUN": check.run,
    }
    return [{"name": name, "value": value} for name, value in told.items() if name not in taken]
