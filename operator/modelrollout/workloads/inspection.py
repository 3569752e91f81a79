"""Restarts and kills of a version's containers, looked up when its endpoints have changed, and why it is not ready.

Pods are not watched: in a big namespace that is most of the traffic and memory of a controller, and a container that
restarts shows in the EndpointSlices anyway. A pod that gets no node does not: while a version is waited for, its pods
are looked at again and again, ever more rarely.
"""

import asyncio
import logging
from collections.abc import Callable, Hashable
from dataclasses import dataclass

from modelrollout.kube.client import Client
from modelrollout.kube.clock import Clock
from modelrollout.kube.errors import KubeError
from modelrollout.kube.resources import EVENTS, PODS, Obj
from modelrollout.workloads.containers import Containers, containers
from modelrollout.workloads.pod_problems import pod_problem
from modelrollout.workloads.refusals import about, missing, refusal

_log = logging.getLogger(__name__)

_PAUSE = 2.0
_LONGEST_PAUSE = 60.0

Place = tuple[str, str]
"""Namespace and name of a Service."""


@dataclass(frozen=True, slots=True)
class Waited:
    """A workload whose pods are waited for, and how many there should be."""

    workload: Obj
    replicas: int


@dataclass(frozen=True, slots=True)
class _Inspected:
    tag: Hashable
    at: float
    found: Containers
    problem: str
    waited_for: bool
    waits: int


class Inspection:
    """Last look at the pods behind each Service. `on_change` is called with the place when there is a new one."""

    def __init__(self, client: Client, clock: Clock, on_change: Callable[[Place], None]) -> None:
        self._client = client
        self._clock = clock
        self._on_change = on_change
        self._last: dict[Place, _Inspected] = {}
        self._looking: dict[Place, tuple[Hashable, asyncio.Task[None]]] = {}

    def last(self, place: Place) -> Containers | None:
        """What was found last, None before the first look."""
        inspected = self._last.get(place)
        return inspected.found if inspected else None

    def waited_for(self, place: Place) -> bool:
        """Whether it was waited for at the last look: its containers may still restart on their way up."""
        inspected = self._last.get(place)
        return inspected is not None and inspected.waited_for

    def problem(self, place: Place) -> str:
        """Why its pods were not ready at the last look, empty when nothing is known."""
        inspected = self._last.get(place)
        return inspected.problem if inspected else ""

    def look(self, place: Place, selector: str, tag: Hashable, waited_for: Waited | None = None) -> None:
        """Look again, unless that was done with this tag; looks that follow fast upon each other become one.

        What is `waited_for` is looked at again with the same tag too, after a pause that grows to a minute.
        """
        last = self._last.get(place)
        same = last is not None and last.tag == tag
        if same and waited_for is None:
            return
        under_way = self._looking.get(place)
        if under_way is not None:
            if under_way[0] in (None, tag):
                return
            under_way[1].cancel()  # it may be in a long pause for a version that has changed meanwhile
        waits = last.waits + 1 if last is not None and same else 0
        looking = self._look(place, selector, tag, waited_for, waits)
        task = asyncio.create_task(looking, name=f"pods of {place}")
        self._looking[place] = (tag if waited_for is not None else None, task)

    def forget(self, place: Place) -> None:
        """Drop what is known of a Service that nobody asks for any more."""
        self._last.pop(place, None)
        looking = self._looking.pop(place, None)
        if looking:
            looking[1].cancel()

    async def _look(self, place: Place, selector: str, tag: Hashable, waited_for: Waited | None, waits: int) -> None:
        last = self._last.get(place)
        if last is not None:
            pause = min(_LONGEST_PAUSE, _PAUSE * 2.0 ** max(0, waits - 1))
            await self._clock.sleep(max(0.0, last.at + pause - self._clock.monotonic()))
        while True:
            try:
                pods = await self._client.list(PODS, place[0], selector=selector)
                break
            except KubeError as error:
                _log.warning("pods behind %s/%s: %s", *place, error)
                await self._clock.sleep(_PAUSE)
        problem = pod_problem(pods.items)
        # At the first look they may merely not be there yet.
        if not problem and waits and waited_for is not None and missing(pods.items, waited_for.replicas):
            problem = await self._refusal(place, waited_for.workload)
        counted, waited = containers(pods.items), waited_for is not None
        self._last[place] = _Inspected(tag, self._clock.monotonic(), counted, problem, waited, waits)
        self._looking.pop(place, None)
        self._on_change(place)

    async def _refusal(self, place: Place, workload: Obj) -> str:
        try:
            return refusal((await self._client.list(EVENTS, place[0], fields=about(workload))).items)
        except KubeError as error:
            _log.warning("events about the workload of %s/%s: %s", *place, error)
            return ""
