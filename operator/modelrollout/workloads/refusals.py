"""Why a workload's pods are not even created, in the words of whoever refused them: a quota, a policy.

A Deployment has a condition for that. A StatefulSet has none, and most custom resources have none either: their
controllers only tell events.
"""

from collections.abc import Iterable

from modelrollout.kube.resources import Obj, uid_of

REASON = "FailedCreate"
"""Of the events by which Kubernetes' own controllers say it; others mostly do the same."""


def about(workload: Obj) -> str:
    """Field selector of such events about this workload, and not about an earlier one of its name."""
    return f"regarding.uid={uid_of(workload)},reason={REASON}"


def refusal(events: Iterable[Obj]) -> str:
    """What the newest of these events says, in a sentence; empty without any."""
    newest = max(events, key=_last_seen, default=None)
    return f"its pods cannot be created: {str(newest.get('note', ''))[:400]}" if newest is not None else ""


def missing(pods: Iterable[Obj], replicas: int) -> bool:
    """Whether pods are missing that nobody is starting: fewer than there should be, and none on its way."""
    found = list(pods)
    return len(found) < replicas and all(_ready(pod) for pod in found)


def _ready(pod: Obj) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or []
    return any(one.get("type") == "Ready" and one.get("status") == "True" for one in conditions)


def _last_seen(event: Obj) -> str:
    """RFC 3339 in UTC, to be compared as text."""
    series = event.get("series") or {}
    return str(series.get("lastObservedTime") or event.get("deprecatedLastTimestamp") or event.get("eventTime") or "")
