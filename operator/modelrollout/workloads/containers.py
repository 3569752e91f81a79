"""What became of a version's containers: restarts, and kills for want of memory."""

from collections.abc import Iterable
from dataclasses import dataclass

from modelrollout.kube.resources import Obj


@dataclass(frozen=True, slots=True)
class Containers:
    """Sum of restarts over the containers of present pods, and how many were last ended for want of memory."""

    restarts: int = 0
    oom_kills: int = 0


def containers(pods: Iterable[Obj]) -> Containers:
    """Counts the main containers; an init container that ran again is no failure of the model's."""
    restarts = kills = 0
    for pod in pods:
        for status in (pod.get("status") or {}).get("containerStatuses") or []:
            restarts += status.get("restartCount", 0)
            ended = [(status.get(state) or {}).get("terminated") or {} for state in ("state", "lastState")]
            kills += any(one.get("reason") == "OOMKilled" for one in ended)
    return Containers(restarts, kills)
