"""Lists our own kinds every minute: a deletion that no watch told of (a gap after a 410) must not leave a ghost."""

import asyncio
import logging
import random

from modelrollout.kube.backoff import Backoff
from modelrollout.kube.cache import Cache
from modelrollout.kube.client import Client
from modelrollout.kube.clock import Clock
from modelrollout.kube.errors import KubeError
from modelrollout.kube.resources import COMMANDS, MODELROLLOUTS
from modelrollout.reconciler.commands import Commands

_log = logging.getLogger(__name__)

_BACKOFF = Backoff(first=0.5, most=30.0)


class Relist:
    """Complete lists of rollouts and commands, in all namespaces that are served.

    Attributes:
        complete: set once everything has been listed; nothing may be decided before (a claim could be missed).
        listed_at: when the last list was complete, on the monotonic clock.
    """

    def __init__(
        self,
        client: Client,
        cache: Cache,
        commands: Commands,
        namespaces: tuple[str | None, ...],
        clock: Clock,
        chance: random.Random,
        interval: float = 60.0,
    ) -> None:
        self._client = client
        self._cache = cache
        self._commands = commands
        self._namespaces = namespaces
        self._clock = clock
        self._chance = chance
        self._interval = interval
        self.complete = asyncio.Event()
        self.listed_at = clock.monotonic()

    async def run(self) -> None:
        """List until cancelled."""
        failures = 0
        while True:
            try:
                await self._list()
                failures = 0
            except KubeError as error:
                failures += 1
                _log.warning("list of our own kinds: %s", error)
            pause = self._interval if not failures else _BACKOFF.after(failures, self._chance)
            await self._clock.sleep(pause)

    async def _list(self) -> None:
        for resource in (MODELROLLOUTS, COMMANDS):
            for namespace in self._namespaces:
                # The first list must not be a little behind: the route would be set back to what an old status says.
                listed = await self._client.list(resource, namespace, cached=self.complete.is_set())
                self._cache.replace(resource, namespace, listed.items, listed.resource_version)
        self.listed_at = self._clock.monotonic()
        self.complete.set()
        await self._commands.remove_old(self._clock.now())
