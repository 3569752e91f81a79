"""What workloads with a pod template, a selector and a number of replicas have in common."""

from collections.abc import Iterable

from modelrollout.kube.resources import Obj
from modelrollout.workloads.selectors import selector_text


def template_spec(workload: Obj) -> Obj:
    """Pod spec of its template, empty without one."""
    template = (workload.get("spec") or {}).get("template") or {}
    spec: Obj = template.get("spec") or {}
    return spec


def own_selector(workload: Obj) -> str:
    """Its own selector of pods as text, empty when it has none."""
    return selector_text((workload.get("spec") or {}).get("selector") or {})


def own_replicas(workload: Obj) -> int | None:
    """The replicas that its spec asks for, None when it does not say."""
    found = (workload.get("spec") or {}).get("replicas")
    return found if isinstance(found, int) else None


def scaled_to_nothing(workload: Obj, kind: str) -> str:
    """That nothing is asked for, in a sentence; empty when something is."""
    return f"the {kind} is scaled to 0" if own_replicas(workload) == 0 else ""


def said_by_conditions(workload: Obj, bad: Iterable[tuple[str, str]]) -> str:
    """Reason and message of the first condition that has one of these types with that status; empty without one."""
    wanted = set(bad)
    for condition in (workload.get("status") or {}).get("conditions") or []:
        if (condition.get("type"), condition.get("status")) in wanted:
            return f"{condition.get('reason', '')}: {condition.get('message', '')}"
    return ""
