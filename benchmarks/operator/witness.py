"""Sees what happens to routes and rollouts of a namespace, and lets the traffic follow."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterable

from benchmarks.operator.traffic import Traffic
from modelrollout.kube.client import Client
from modelrollout.kube.resources import HTTPROUTES, MODELROLLOUTS, Obj, Resource, name_of

PATIENCE = 240.0
"""Seconds after which the measurement is given up."""

Weights = dict[str, int]


class Witness:
    """Latest rollouts, and every change that somebody made to a route's spec or annotations.

    `check` is called again and again while something is awaited; what it raises ends the waiting.
    """

    def __init__(self, client: Client, namespace: str, traffic: Traffic, check: Callable[[], None]) -> None:
        self._client = client
        self._namespace = namespace
        self._traffic = traffic
        self._check = check
        self._changed = asyncio.Condition()
        self._watching: list[asyncio.Task[None]] = []
        self._routes: dict[str, Obj] = {}
        self.rollouts: dict[str, Obj] = {}
        self.changes: dict[str, list[Weights]] = {}
        """Weights after each change of a route, but for its creation, by the route's name."""

    async def start(self) -> None:
        """Look from now on; everything that is there is seen first."""
        for resource in (HTTPROUTES, MODELROLLOUTS):
            listed = await self._client.list(resource, self._namespace)
            for obj in listed.items:
                self._saw(resource, obj)
            self._watching.append(asyncio.create_task(self._watch(resource, listed.resource_version)))

    async def stop(self) -> None:
        """Look no more."""
        for task in self._watching:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    def weights(self, name: str) -> Weights:
        """Weights on the route now, by version."""
        return _weights(self._routes[name])

    def status(self, name: str) -> Obj:
        """The status of a rollout."""
        return self.rollouts[name].get("status") or {}

    async def until(self, what: str, names: Iterable[str], enough: Callable[[str], bool]) -> None:
        """Wait until that is true of each name.

        Raises:
            TimeoutError: it did not become true of some of them.
        """
        missing, end = set(names), time.monotonic() + PATIENCE
        while True:
            missing = {name for name in missing if not enough(name)}
            if not missing:
                return
            self._check()
            for task in self._watching:
                if task.done():
                    task.result()
            if time.monotonic() > end:
                seen = [(name, self.weights(name), self.status(name)) for name in sorted(missing)[:2]]
                raise TimeoutError(f"not within {PATIENCE:g} s: {what}; {len(missing)} are missing, such as {seen}")
            async with self._changed:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._changed.wait(), 1.0)

    async def _watch(self, resource: Resource, since: str) -> None:
        while True:
            async for event in self._client.watch(resource, self._namespace, since=since, seconds=3600):
                since = str(event.object["metadata"]["resourceVersion"])
                if event.type in ("ADDED", "MODIFIED"):
                    self._saw(resource, event.object)
                    async with self._changed:
                        self._changed.notify_all()

    def _saw(self, resource: Resource, obj: Obj) -> None:
        name = name_of(obj)
        if resource is MODELROLLOUTS:
            self.rollouts[name] = obj
            return
        before = self._routes.get(name)
        self._routes[name] = obj
        if before is None:
            self.changes[name] = []
        elif _written(before) != _written(obj):
            self.changes[name].append(_weights(obj))
        self._traffic.shift(self._namespace, name, _weights(obj))


def _written(route: Obj) -> tuple[Obj, Obj]:
    return route["spec"], route["metadata"].get("annotations") or {}


def _weights(route: Obj) -> Weights:
    refs = route["spec"]["rules"][0]["backendRefs"]
    return {ref["name"].rsplit("-", 1)[1]: ref.get("weight", 1) for ref in refs}
