"""Why pods do not become ready, in the words of the scheduler and the kubelet."""

from collections.abc import Iterable, Iterator
from typing import Any

from modelrollout.kube.resources import Obj, name_of

_STARTING = frozenset({"ContainerCreating", "PodInitializing", ""})


def pod_problem(pods: Iterable[Obj]) -> str:
    """The worst problem of these pods in a sentence, empty when none is known.

    A pod without a node comes before a container that does not start, and that before one that merely ended.
    """
    found = sorted((problem for pod in pods for problem in _problems(pod)), key=lambda problem: problem[0])
    return found[0][1] if found else ""


def _problems(pod: Obj) -> Iterator[tuple[int, str]]:
    status: dict[str, Any] = pod.get("status") or {}
    for condition in status.get("conditions") or []:
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            yield 0, f"pod {name_of(pod)} gets no node: {_said(condition)}"
    for container in [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]:
        waiting = (container.get("state") or {}).get("waiting") or {}
        ended = (container.get("lastState") or {}).get("terminated") or {}
        where = f"container {container.get('name', '')} of {name_of(pod)}"
        if waiting.get("reason", "") not in _STARTING:
            last = f"; it ended with exit code {ended.get('exitCode')} ({ended.get('reason', '')})" if ended else ""
            yield 1, f"{where} does not start: {_said(waiting)}{last}"
        elif ended.get("exitCode"):
            yield 2, f"{where} ended with exit code {ended['exitCode']} ({ended.get('reason', '')}) and runs again"


def _said(entry: dict[str, Any]) -> str:
    return ": ".join(text for text in (str(entry.get("reason", "")), str(entry.get("message", ""))[:300]) if text)
