"""Two operators: one that was stopped, or thinks that it leads, never works against the other."""

import asyncio
import json
import signal
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web

from modelrollout.api.status import Verdict
from modelrollout.kube.resources import LEASES, uid_of
from modelrollout.reconciler.watchdog import EXIT_CODE
from tests.cluster.faults.endings import read_ending
from tests.cluster.faults.faults import Once
from tests.cluster.faults.invariants import violations
from tests.cluster.faults.journal import Call, Point
from tests.cluster.faults.proxy import Exchange
from tests.cluster.faults.scenarios import PROMOTED
from tests.cluster.faults.stage import PATIENCE, WEIGHTS, Scenario, Scene, Stage
from tests.cluster.faults.sweeps import Sweeps
from tests.cluster.runtime.harness import until

LEASE = {"DURATION": "2", "RENEW": "1.5", "RETRY": "0.3"}
DEFAULT_LEASE = {"DURATION": "15", "RENEW": "10", "RETRY": "2"}
TAKEOVER = 20.0

Deed = Callable[["Stop", Exchange], Awaitable[web.StreamResponse]]


async def _not_played(_: Scene) -> None:
    """The tests below play these scenes themselves."""


# The first attempt fails at its second step; the second one stays there.
TWICE = Scenario("twice", _not_played, script=[(1, 1, Verdict.FAIL), (2, 1, Verdict.INCONCLUSIVE)])


class Stop:
    """Stops the leader at the first call that `here` recognises, in the way of `deed`; `go` lets the call end."""

    def __init__(self, here: Callable[[Exchange], bool], deed: Deed) -> None:
        self._here = here
        self._deed = deed
        self._taken = False
        self.freeze: Callable[[], None] = lambda: None
        self.stopped = asyncio.Event()
        self.go = asyncio.Event()
        self.at = 0.0

    def __call__(self, exchange: Exchange) -> Awaitable[web.StreamResponse] | None:
        if self._taken or not self._here(exchange):
            return None
        self._taken = True
        return self._deed(self, exchange)

    def strike(self) -> None:
        """SIGSTOP, now."""
        self.freeze()
        self.at = time.monotonic()
        self.stopped.set()


async def _with_its_patch_under_way(stop: Stop, exchange: Exchange) -> web.StreamResponse:
    """The patch has left the process and reaches the API server only later."""
    stop.strike()
    await stop.go.wait()
    return await exchange.relay()


async def _before_it_sends_its_patch(stop: Stop, exchange: Exchange) -> web.StreamResponse:
    """The status is written, and that it is waits in the socket of the stopped process."""
    answer = await exchange.pass_on()
    stop.strike()
    return exchange.reply(answer)


def _route_patch_to_half(exchange: Exchange) -> bool:
    if exchange.call.point.kind != "patch httproutes/fraud":
        return False
    return any(operation["op"] != "test" and operation["value"] == 500 for operation in json.loads(exchange.body))


def _status_of_second_step(exchange: Exchange) -> bool:
    if exchange.call.point.kind != "patch modelrollouts/status":
        return False
    status: dict[str, Any] = json.loads(exchange.body)[-1]["value"]
    return (status.get("run") or {}).get("step") == 1


@pytest.mark.parametrize(
    ("here", "deed"),
    [(_route_patch_to_half, _with_its_patch_under_way), (_status_of_second_step, _before_it_sends_its_patch)],
    ids=["patch under way", "patch not sent"],
)
async def test_a_leader_that_wakes_up_late_changes_nothing(
    stage: Stage, here: Callable[[Exchange], bool], deed: Deed
) -> None:
    scene, stop = await stage.scene(TWICE), Stop(here, deed)
    async with stage.operator(scene, "old", LEASE, [stop]) as (_, old):
        await scene.adopted()
        async with stage.operator(scene, "new", LEASE) as (_, _new):
            leader = old.program
            assert leader is not None
            stop.freeze = lambda: leader.signal(signal.SIGSTOP)
            await scene.target("v8")
            async with asyncio.timeout(PATIENCE):
                await stop.stopped.wait()
            await scene.until("rolled back by the other", lambda status: status.get("phase") == "RolledBack")
            await scene.command("Retry")
            await scene.until_share(v7=500, v8=500)
            stop.go.set()
            leader.signal(signal.SIGCONT)
            async with asyncio.timeout(PATIENCE):
                assert await asyncio.shield(leader.ended) == EXIT_CODE
            await scene.until_calm()
            assert await scene.weights() == {"v7": 500, "v8": 500}
            _check(scene)
    if deed is _with_its_patch_under_way:
        assert [(call.door, status) for call, status in scene.journal.refused if _to_route(call)] == [("old", 422)]
    late = [str(one.call.point) for one in _writes(scene, "old") if one.at > stop.at]
    assert late == []


@pytest.mark.parametrize("number", [2, 4])
async def test_a_deleted_lease_changes_no_outcome(stage: Stage, sweeps: Sweeps, number: int) -> None:
    """Deleted at that write of status, while two operators run."""
    reference = await sweeps.undisturbed(stage, PROMOTED)
    scene = await stage.scene(PROMOTED)

    async def delete_lease(exchange: Exchange) -> web.StreamResponse:
        lease = await stage.client.get(LEASES, scene.namespace, "modelrollout")
        await stage.client.delete(LEASES, scene.namespace, "modelrollout", uid=uid_of(lease))
        return await exchange.relay()

    fault = Once(Point("patch modelrollouts/status", number), delete_lease)
    async with stage.operator(scene, "one", LEASE, [fault]), stage.operator(scene, "two", LEASE, [fault]):
        await PROMOTED.play(scene)
        await scene.until_calm()
    assert fault.struck
    _check(scene)
    assert reference.ending is not None
    assert (await read_ending(scene)).differences(reference.ending) == []


async def test_another_operator_takes_over_when_the_leader_dies(stage: Stage) -> None:
    assert await _takeover(stage, LEASE) < TAKEOVER


@pytest.mark.long
async def test_another_operator_takes_over_within_twenty_seconds(stage: Stage) -> None:
    assert await _takeover(stage, DEFAULT_LEASE) < TAKEOVER


async def _takeover(stage: Stage, lease: dict[str, str]) -> float:
    """Seconds from the leader's death to the first write of the other."""
    scene = await stage.scene(PROMOTED)
    async with stage.operator(scene, "old", lease) as (_, old):
        await scene.adopted()
        async with stage.operator(scene, "new", lease):
            await scene.target("v8")
            await scene.until_share(v7=900, v8=100)
            await old.end()
            died = time.monotonic()

            async def writes() -> int:
                return len(_writes(scene, "new"))

            await until("the other writes", writes, lambda count: count > 0, 2 * TAKEOVER)
            await scene.until("promoted", lambda status: status.get("phase") == "Completed" and "previous" in status)
            await scene.until_calm()
            _check(scene)
    assert await scene.weights() == {"v8": 1000}
    return min(one.at for one in _writes(scene, "new")) - died


def _writes(scene: Scene, door: str) -> list[Any]:
    kinds = ("modelrollouts", "httproutes", "events", "configmaps", "controllerrevisions")
    return [one for one in scene.journal.writes(*kinds) if one.call.door == door]


def _to_route(call: Call) -> bool:
    return call.point.kind == "patch httproutes/fraud"


def _check(scene: Scene) -> None:
    assert violations(scene.journal, WEIGHTS, scene.readiness) == []
