"""Which kinds are watched where: only what some rollout needs, and only as long as it does."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Hashable, Iterable

from modelrollout.kube.cache import Cache
from modelrollout.kube.client import Client
from modelrollout.kube.clock import Clock
from modelrollout.kube.reflector import Reflector
from modelrollout.kube.resources import Resource

Place = tuple[Resource, str | None]
"""A kind and the namespace in which it is watched."""


class Watches:
    """Reflectors shared by all who need the same place.

    When the first list of a place is complete `prepare` is awaited with it; then it counts as synced, and `on_synced`
    is called.
    """

    def __init__(
        self,
        client: Client,
        cache: Cache,
        clock: Clock,
        chance: random.Random,
        prepare: Callable[[Place], Awaitable[None]],
        on_synced: Callable[[Place], None],
    ) -> None:
        self._client = client
        self._cache = cache
        self._clock = clock
        self._chance = chance
        self._prepare = prepare
        self._on_synced = on_synced
        self._synced: set[Place] = set()
        self._wanted: dict[Hashable, frozenset[Place]] = {}
        self._running: dict[Place, tuple[Reflector, asyncio.Task[None]]] = {}

    def want(self, who: Hashable, places: Iterable[Place]) -> None:
        """Watch these places for `who`, instead of those it wanted before; none ends its interest."""
        wanted = frozenset(places)
        before = self._wanted.get(who, frozenset())
        if wanted == before:
            return
        if wanted:
            self._wanted[who] = wanted
        else:
            self._wanted.pop(who, None)
        for place in wanted - self._running.keys():
            self._start(place)
        still = frozenset[Place]().union(*self._wanted.values()) if before - wanted else frozenset()
        for place in before - wanted - still:
            self._stop(place)

    def synced(self, who: Hashable) -> bool:
        """Whether all places that `who` wants have been listed."""
        return self._wanted.get(who, frozenset()) <= self._synced

    def listed(self, place: Place) -> bool:
        """Whether the first list of that place has come in."""
        running = self._running.get(place)
        return running is not None and running[0].synced.is_set()

    def problem(self, place: Place) -> str:
        """Why that place cannot be read at the moment, empty when it can or is not watched."""
        running = self._running.get(place)
        return running[0].problem if running is not None else ""

    def lasting_problem(self, place: Place) -> str:
        """As `problem`, but nothing for the first moments in which the API server is unwell."""
        running = self._running.get(place)
        return running[0].lasting_problem if running is not None else ""

    def problems(self) -> dict[str, str]:
        """Places that cannot be read at the moment, with the reason."""
        return {
            f"{place[0]} in {place[1] or 'all namespaces'}": reflector.problem
            for place, (reflector, _) in self._running.items()
            if reflector.problem
        }

    async def close(self) -> None:
        """End all watches."""
        tasks = [task for _, task in self._running.values()]
        self._running.clear()
        self._synced.clear()
        self._wanted.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _start(self, place: Place) -> None:
        reflector = Reflector(self._client, *place, self._cache, self._clock, self._chance)
        self._running[place] = reflector, asyncio.create_task(self._run(reflector), name=f"watch {place}")

    async def _run(self, reflector: Reflector) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(reflector.run())
            await reflector.synced.wait()
            place = reflector.resource, reflector.namespace
            await self._prepare(place)
            self._synced.add(place)
            self._on_synced(place)

    def _stop(self, place: Place) -> None:
        _, task = self._running.pop(place)
        self._synced.discard(place)
        task.cancel()
        self._cache.forget(*place)
