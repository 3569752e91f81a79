"""What is measured of sticky users is what the operator's own router does, and failures are told apart."""

import asyncio
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import pytest

from benchmarks.gateway.steering import Pace, Steering, Write
from benchmarks.gateway.sticky import ALONE, NAME, NAMESPACE, PHASES, REST, Phase, intent, rollout
from benchmarks.gateway.tally import BEFORE, Failure, Group, summed, tallied
from dev.errors import DevError
from dev.visitors import Came
from modelrollout.api import ModelRollout, parse_rollout
from modelrollout.kube.client import Client
from modelrollout.kube.fake import FakeServer
from modelrollout.kube.resources import BACKENDTRAFFICPOLICIES, HTTPROUTES, Obj, Resource
from modelrollout.kube.transport import Request
from modelrollout.reconciler.world import STEP
from tests.unit.kube.clock import FakeClock

GATEWAY = {"name": "models", "namespace": "gateway"}
UNNAMED = len(ALONE)
"""Backend references of the user's own in the rule; the copies stand behind them."""


class Gateway:
    """An API server with a route, and a gateway that says at once what it has taken up."""

    def __init__(self) -> None:
        self.server, self.clock = FakeServer(), FakeClock()
        self.server.after = self._take_up
        self.refusal: Mapping[str, str] = {}
        refs = [{"name": name, "port": 8080, "weight": weight} for name, weight in ALONE.items()]
        spec = {"parentRefs": [GATEWAY], "rules": [{"name": "predict", "backendRefs": refs}]}
        self._put(HTTPROUTES, NAME, {"kind": "HTTPRoute", "metadata": {"name": NAME}, "spec": spec})
        self._put(BACKENDTRAFFICPOLICIES, "of-the-gateway", {"metadata": {"name": "of-the-gateway"}, "spec": {}})

    async def experiment(self, pace: Pace) -> list[Write]:
        """All writes of one, to the end."""
        metadata = {"name": NAME, "namespace": NAMESPACE, "uid": "uid-1"}
        steering = Steering(
            Client(self.server), parse_rollout({**rollout(NAME), "metadata": metadata}), pace, self.clock
        )
        asked = parse_rollout({**rollout(NAME), "metadata": metadata})
        doing = asyncio.create_task(self._all(steering, asked))
        while not doing.done():
            await self.clock.advance(0.01)
        await doing
        return steering.writes

    @staticmethod
    async def _all(steering: Steering, asked: ModelRollout) -> None:
        phases: tuple[Phase, ...] = (REST, *PHASES)
        for number, phase in enumerate(phases, 1):
            await steering.bring(phase.name, intent(phase, asked, number))

    def _take_up(self, request: Request) -> None:
        for resource, name in ((HTTPROUTES, NAME), (BACKENDTRAFFICPOLICIES, f"{NAME}-modelrollout")):
            path = resource.path(NAMESPACE, name)
            if path in (request.path, f"{request.path}/{name}") and path in self.server.objects:
                self._put(resource, name, self.server.objects[path])

    def _put(self, resource: Resource, name: str, obj: Obj) -> None:
        metadata = {**obj["metadata"], "namespace": NAMESPACE}
        metadata["generation"] = metadata.get("generation", 0) + 1
        said = {"type": "Accepted", "status": "True", "observedGeneration": metadata["generation"], **self.refusal}
        part = {"parentRef": GATEWAY, "conditions": [said]}
        status: dict[str, Any] = {"parents": [part], "ancestors": [part]}
        self.server.put(resource.path(NAMESPACE, name), {**obj, "metadata": metadata, "status": status})


def weights(writes: list[Write]) -> list[list[int]]:
    """All weights of the route, one after the other."""
    return [
        [int(weight) for weight in one.what.removeprefix("weights ").split()]
        for one in writes
        if one.what.startswith("weights ")
    ]


async def test_at_once_is_one_write_for_each_decision() -> None:
    writes = await Gateway().experiment(Pace.AT_ONCE)
    assert [(one.phase, one.what) for one in writes[-7:]] == [
        ("copies come", "weights 0 0 0 0 1000 0"),
        ("copies come", "policy: hash of x-user"),
        ("the split begins", "weights 0 0 0 300 400 300"),
        ("a candidate is taken out", "weights 0 0 0 300 700 0"),
        ("all are back", "weights 0 0 0 0 1000 0"),
        ("copies go", "policy: at rest"),
        ("copies go", "weights 1000 0 0"),
    ]
    assert {one.phase for one in writes[:-7]} == {"at rest"}


async def test_step_by_step_nothing_comes_or_goes_but_by_a_thousandth_that_has_time_to_arrive() -> None:
    writes = await Gateway().experiment(Pace.STEP_BY_STEP)
    way = weights(writes)
    for before, after in pairwise(way):
        for old, new in zip(before[UNNAMED:], after[UNNAMED:], strict=False):
            assert (old > 1) == (new > 1) or 1 in (old, new), way
    begun = [one for one in writes if " 1 " in f" {one.what} "]
    assert {one.phase for one in begun} == {phase.name for phase in PHASES}
    for one in begun:
        following = writes[writes.index(one) + 1]
        assert following.at - one.at >= STEP
    assert way[-1] == [1000, 0, 0]


async def test_a_gateway_that_refuses_to_keep_users_ends_the_measurement() -> None:
    gateway = Gateway()
    gateway.refusal = {"status": "False", "reason": "Invalid", "message": "no such header"}
    with pytest.raises(DevError, match="no such header"):
        await gateway.experiment(Pace.AT_ONCE)


def came(second: float, user: int, version: str, took: float = 0.0, code: int = 200, why: str = "") -> Came:
    return Came(second, second + took, code, version, user, why)


def test_a_failure_belongs_to_the_last_write_before_it_was_over_and_says_what_was_heard() -> None:
    writes = [Write(10.0, "copies come", "weights 0 1"), Write(12.0, "copies go", "weights 1 0")]
    requests = [
        came(9.0, 0, "", 0.5, 404),
        came(10.5, 0, "", 0.25, 503, "no cluster"),
        came(11.75, 1, "", 0.5, 503, "no cluster"),
        came(11.875, 2, "", 0.25, 503, "no cluster"),
        came(12.5, 0, "", 0.5, 0, "TimeoutError()"),
    ]
    done = tallied(Pace.AT_ONCE, requests, writes, 2, "v1")
    assert done.failures == (
        Failure(BEFORE, "", 0.0, 0.5, "404"),
        Failure("copies come", "weights 0 1", 0.75, 0.25, "503 no cluster"),
        Failure("copies go", "weights 1 0", 0.25, 0.5, "503 no cluster"),
        Failure("copies go", "weights 1 0", 0.125, 0.25, "503 no cluster"),
        Failure("copies go", "weights 1 0", 1.0, 0.5, "TimeoutError()"),
    )
    both = summed([done, tallied(Pace.AT_ONCE, [came(1.0, 0, "v1")], [], 2, "v1")], 300, 2)
    assert (both.requests, both.failed, both.failed_of_rounds, both.writes) == (6, 5, (5, 0), 2)
    assert both.failures[2] == Group("copies go", "weights 1 0", "503 no cluster", 2, (125.0, 250.0), (250.0, 500.0))


def test_users_go_to_a_candidate_and_back_or_stay_or_are_astray() -> None:
    ways = {0: "v1", 1: "v1 v2 v1", 2: "v1 v3 v1", 3: "v1 v2 v3 v1", 4: "v1 v2", 5: "v2 v1"}
    requests = [
        came(second + again / 10, user, version)
        for user, way in ways.items()
        for second, version in enumerate(way.split())
        for again in range(2)
    ]
    done = tallied(Pace.STEP_BY_STEP, [*requests, came(0.0, 6, "v3"), came(1.0, 0, "", code=503)], [], 6, "v1")
    assert (done.met, done.astray) == ({"v2": 1, "v3": 1}, 3)
