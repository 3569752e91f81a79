"""The stories of a short canary: promoted, taken back, aborted, undone, deleted, and one that loses its endpoints."""

from typing import Any

from modelrollout.api.status import Verdict
from tests.cluster.faults.stage import Scenario, Scene

_LONG = {"canary": {"weights": [10, 50], "hold": "1h", "samples": 10}}


async def _promoted(scene: Scene) -> None:
    await scene.adopted()
    await scene.target("v8")
    await scene.until("promoted and watched", _over("Completed", 1))
    await scene.until_share(v8=1000)


async def _taken_back(scene: Scene) -> None:
    await scene.adopted()
    await scene.target("v8")
    await scene.until("taken back", _over("RolledBack", 1))
    await scene.until_share(v7=1000)


async def _aborted(scene: Scene) -> None:
    await scene.adopted()
    await scene.target("v8")
    await scene.until_share(v7=900, v8=100)
    await scene.command("Abort", reason="drill")
    await scene.until("aborted", _over("RolledBack", 1))
    await scene.until_share(v7=1000)


async def _undone(scene: Scene) -> None:
    await scene.adopted()
    await scene.target("v8")
    await scene.until("watched", lambda status: status.get("phase") == "Watching")
    await scene.command("Undo", reason="drill")
    await scene.until("undone", lambda status: (status.get("run") or {}).get("state") == "Done")
    await scene.until_share(v7=1000)


async def _deleted(scene: Scene) -> None:
    await scene.adopted()
    await scene.target("v8")
    await scene.until_share(v7=900, v8=100)
    await scene.delete()
    await scene.until_owner(None)
    await scene.until_share(v7=1000)


async def _unavailable(scene: Scene) -> None:
    await scene.adopted()
    await scene.target("v8")
    await scene.until_share(v7=900, v8=100)
    await scene.ready("v8", ready=False)
    await scene.until_share(v7=1000)
    await scene.ready("v8", ready=True)
    await scene.until_share(v7=900, v8=100)
    await scene.command("Abort", reason="drill")
    await scene.until("aborted", _over("RolledBack", 1))
    await scene.until_share(v7=1000)


def _over(phase: str, runs: int) -> Any:
    return lambda status: status.get("phase") == phase and len(status.get("history", [])) == runs


PROMOTED = Scenario("promoted", _promoted)
TAKEN_BACK = Scenario("taken back", _taken_back, script=[(1, 1, Verdict.FAIL)])
ABORTED = Scenario("aborted", _aborted, spec={"strategy": _LONG})
UNDONE = Scenario("undone", _undone, spec={"watch": "1h"})
DELETED = Scenario("deleted", _deleted, spec={"strategy": _LONG})
UNAVAILABLE = Scenario("unavailable", _unavailable, spec={"strategy": _LONG})

_PODS = {"traffic": {"replicas": {"service": "fraud", "total": 10, "scaleDownDelay": "1h"}}}
BY_PODS_PROMOTED = Scenario("promoted by numbers of pods", _promoted, spec=_PODS, counted=True)
BY_PODS_TAKEN_BACK = Scenario(
    "taken back by numbers of pods", _taken_back, [(1, 1, Verdict.FAIL)], spec=_PODS, counted=True
)

ALL = (PROMOTED, TAKEN_BACK, ABORTED, UNDONE, DELETED, UNAVAILABLE, BY_PODS_PROMOTED, BY_PODS_TAKEN_BACK)
