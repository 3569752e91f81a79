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
from tests.cluster.faults.operators import Program, Supervisor
from tests.cluster.faults.proxy import Exchange
from tests.cluster.faults.scenarios import PROMOTED
from tests.cluster.faults.stage import PATIENCE, SHORT_LEASE, WEIGHTS, Scenario, Scene, Stage
from tests.cluster.faults.sweeps import Sweeps
from tests.cluster.runtime.harness import until

DEFAULT_LEASE = {"DURATION": "15", "RENEW": "10", "RETRY": "2"}
TAKEOVER = 20.0

Deed = Callable[["Stop", Exchange], Awaitable[web.StreamResponse]]


async def _not_played(_: Scene) -> None:
    """The tests below play these scenes themselves."""


# The first attempt fails at its second step; the second one stays there.
TWICE = Scenario("twice", _not_played, script=[(1, 1, Verdict.FAIL), (2, 1, Verdict.INCONCLUSIVE)])


class Stop:
    """Stops the leader at the first call that `here` recognises, in the way of `deed`; `go` lets the call end.

    Attributes:
        operators: everyone who may lead, by the name of the door.
        struck: set once it has happened; then `door` and `leader` tell who was stopped, `at` when (monotonic).
    """

    def __init__(self, here: Callable[[Exchange], bool], deed: Deed) -> None:
        self._here = here
        self._deed = deed
        self._taken = False
        self.operators: dict[str, Supervisor] = {}
        self.struck = asyncio.Event()
        self.go = asyncio.Event()
        self.door = ""
        self.leader: Program | None = None
        self.at = 0.0

    def __call__(self, exchange: Exchange) -> Awaitable[web.StreamResponse] | None:
        if self._taken or not self._here(exchange):
            return None
        self._taken = True
        return self._deed(self, exchange)

    def strike(self, exchange: Exchange) -> None:
        """SIGSTOP, now."""
        self.door = exchange.door.name
        self.leader = self.operators[self.door].program
        assert self.leader is not None
        self.leader.signal(signal.SIGSTOP)
        self.at = time.monotonic()
        self.struck.set()


async def _with_its_patch_under_way(stop: Stop, exchange: Exchange) -> web.StreamResponse:
    """The patch has left the process and reaches the API server only later."""
    stop.strike(exchange)
    await stop.go.wait()
    return await exchange.relay()


async def _before_it_sends_its_patch(stop: Stop, exchange: Exchange) -> web.StreamResponse:
    """The status is written, and that it is waits in the socket of the stopped process."""
    answer = await exchange.pass_on()
    stop.strike(exchange)
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
    async with (
        stage.operator(scene, "one", SHORT_LEASE, [stop]) as (_, one),
        stage.operator(scene, "two", SHORT_LEASE, [stop]) as (_, two),
    ):
        stop.operators = {"one": one, "two": two}
        await scene.adopted()
        await scene.target("v8")
        async with asyncio.timeout(PATIENCE):
            await stop.struck.wait()
        await scene.until("rolled back by the other", lambda status: status.get("phase") == "RolledBack")
        await scene.command("Retry")
        await scene.until_share(v7=500, v8=500)
        stop.go.set()
        assert stop.leader is not None
        stop.leader.signal(signal.SIGCONT)
        async with asyncio.timeout(PATIENCE):
            assert await asyncio.shield(stop.leader.ended) == EXIT_CODE
        await scene.until_calm()
        assert await scene.weights() == {"v7": 500, "v8": 500}
        _check(scene)
    if deed is _with_its_patch_under_way:
        assert [(call.door, status) for call, status in scene.journal.refused if _to_route(call)] == [(stop.door, 422)]
    late = [str(one.call.point) for one in _writes(scene, stop.door) if one.at > stop.at]
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
    async with (
        stage.operator(scene, "one", SHORT_LEASE, [fault]),
        stage.operator(scene, "two", SHORT_LEASE, [fault]),
    ):
        await PROMOTED.play(scene)
        await scene.until_calm()
    assert fault.struck
    _check(scene)
    assert reference.ending is not None
    assert (await read_ending(scene)).differences(reference.ending) == []


async def test_another_operator_takes_over_when_the_leader_dies(stage: Stage) -> None:
    assert await _takeover(stage, SHORT_LEASE) < TAKEOVER


@pytest.mark.long
async def test_another_operator_takes_over_within_twenty_seconds(stage: Stage) -> None:
    assert await _takeover(stage, DEFAULT_LEASE) < TAKEOVER


async def _takeover(stage: Stage, lease: dict[str, str]) -> float:
    """Seconds from the leader's death to the first write of the other."""
    scene = await stage.scene(PROMOTED)
    async with stage.operator(scene, "one", lease) as (_, one), stage.operator(scene, "two", lease) as (_, two):
        operators = {"one": one, "two": two}
        await scene.adopted()
        await scene.target("v8")
        await scene.until_share(v7=900, v8=100)
        held = await stage.client.get(LEASES, scene.namespace, "modelrollout")
        leader = operators.pop(held["spec"]["holderIdentity"])
        await leader.end()
        died, (other,) = time.monotonic(), operators

        async def writes() -> list[float]:
            return [write.at for write in _writes(scene, other) if write.at > died]

        taken = min(await until("the other writes", writes, bool, 2 * TAKEOVER))
        await scene.until("promoted", lambda status: status.get("phase") == "Completed" and "previous" in status)
        await scene.until_calm()
        _check(scene)
    assert await scene.weights() == {"v8": 1000}
    return float(taken - died)


def _writes(scene: Scene, door: str) -> list[Any]:
    kinds = ("modelrollouts", "httproutes", "events", "configmaps", "controllerrevisions")
    return [one for one in scene.journal.writes(*kinds) if one.call.door == door]


def _to_route(call: Call) -> bool:
    return call.point.kind == "patch httproutes/fraud"


def _check(scene: Scene) -> None:
    assert violations(scene.journal, WEIGHTS, scene.readiness) == []
