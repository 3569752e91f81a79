"""Restarts and kills of a version's containers, looked up only when its endpoints have changed.

Pods are not watched: in a big namespace that is most of the traffic and memory of a controller, and a container that
restarts shows in the EndpointSlices anyway.
"""

import asyncio
import logging
from collections.abc import Callable, Hashable
from dataclasses import dataclass

from modelrollout.kube.client import Client
from modelrollout.kube.clock import Clock
from modelrollout.kube.errors import KubeError
from modelrollout.kube.resources import PODS
from modelrollout.workloads.containers import Containers, containers

_log = logging.getLogger(__name__)

_PAUSE = 2.0

Place = tuple[str, str]
"""Namespace and name of a Service."""


@dataclass(frozen=True, slots=True)
class _Inspected:
    tag: Hashable
    at: float
    found: Containers


class Inspection:
    """Last look at the pods behind each Service. `on_change` is called with the place when there is a new one."""

    def __init__(self, client: Client, clock: Clock, on_change: Callable[[Place], None]) -> None:
        self._client = client
        self._clock = clock
        self._on_change = on_change
        self._last: dict[Place, _Inspected] = {}
        self._looking: dict[Place, asyncio.Task[None]] = {}

    def last(self, place: Place) -> Containers | None:
        """What was found last, None before the first look."""
        inspected = self._last.get(place)
        return inspected.found if inspected else None

    def look(self, place: Place, selector: str, tag: Hashable) -> None:
        """Look again, unless that was done with this tag; looks that follow fast upon each other become one."""
        inspected = self._last.get(place)
        if (inspected is not None and inspected.tag == tag) or place in self._looking:
            return
        self._looking[place] = asyncio.create_task(self._look(place, selector, tag), name=f"pods of {place}")

    def forget(self, place: Place) -> None:
        """Drop what is known of a Service that nobody asks for any more."""
        self._last.pop(place, None)
        looking = self._looking.pop(place, None)
        if looking:
            looking.cancel()

    async def _look(self, place: Place, selector: str, tag: Hashable) -> None:
        last = self._last.get(place)
        if last is not None:
            await self._clock.sleep(max(0.0, last.at + _PAUSE - self._clock.monotonic()))
        while True:
            try:
                pods = await self._client.list(PODS, place[0], selector=selector)
                break
            except KubeError as error:
                _log.warning("pods behind %s/%s: %s", *place, error)
                await self._clock.sleep(_PAUSE)
        self._last[place] = _Inspected(tag, self._clock.monotonic(), containers(pods.items))
        self._looking.pop(place, None)
        self._on_change(place)
