"""Keeps the cache of one kind in one namespace equal to the API server's state: list, then watch, then watch on."""

import asyncio
import logging
import random

from modelrollout.kube.backoff import Backoff
from modelrollout.kube.cache import Cache
from modelrollout.kube.client import Client
from modelrollout.kube.clock import Clock
from modelrollout.kube.errors import Forbidden, Gone, KubeError, NotFound
from modelrollout.kube.resources import Resource

_log = logging.getLogger(__name__)

_BACKOFF = Backoff(first=0.2, most=30.0)
_PASSING = 3.0
"""Seconds for which a failure is no news yet: unless a right or the kind is missing, it mostly mends by itself."""


class Reflector:
    """List and watch of one kind in one namespace (None: in all).

    A watch that ends is taken up where it stopped; an expired one (410) begins with a list; and every `relist` seconds
    there is a list in any case, which finds what a lost event hid.

    Attributes:
        synced: set while the cache holds a complete list.
        problem: why the kind cannot be read at the moment, empty when it can.
        heard_at: when the API server last answered, on the monotonic clock.
    """

    def __init__(
        self,
        client: Client,
        resource: Resource,
        namespace: str | None,
        cache: Cache,
        clock: Clock,
        chance: random.Random,
        relist: float = 600.0,
    ) -> None:
        self._client = client
        self.resource = resource
        self.namespace = namespace
        self._cache = cache
        self._clock = clock
        self._chance = chance
        self._relist = relist
        self._since = ""
        self._listed_at = 0.0
        self.synced = asyncio.Event()
        self.problem = ""
        self.heard_at = clock.monotonic()
        self._may_pass_until: float | None = None

    @property
    def lasting_problem(self) -> str:
        """The problem; empty while it is a few seconds old at most and neither a right nor a kind is missing."""
        passing = self._may_pass_until is not None and self._clock.monotonic() < self._may_pass_until
        return "" if passing else self.problem

    async def run(self) -> None:
        """Keep the cache up to date until cancelled."""
        failures = 0
        while True:
            try:
                if not self._since or self._clock.monotonic() - self._listed_at >= self._relist:
                    await self._list()
                    failures = 0
                    self._well()
                    self.synced.set()
                began = self._clock.monotonic()
                await self._watch()
                failures = 0
                self._well()
                # A server that ends watches at once would otherwise be asked in a tight loop.
                await self._clock.sleep(max(0.0, 0.2 - (self._clock.monotonic() - began)))
            except Gone:
                self._since = ""
            except KubeError as error:
                failures += 1
                self._failed(error)
                await self._clock.sleep(_BACKOFF.after(failures, self._chance))
            except Exception as error:  # noqa: BLE001 - a watch that ended unnoticed would leave the cache to age
                failures += 1
                self.problem, self._since = f"{type(error).__name__}: {error}", ""
                self._may_pass_until = None
                _log.exception("watch of %s in %s", self.resource, self.namespace or "all namespaces")
                await self._clock.sleep(_BACKOFF.after(failures, self._chance))

    def _failed(self, error: KubeError) -> None:
        if isinstance(error, NotFound):
            # The kind itself is not installed: that is complete knowledge, there are no such objects.
            self._cache.replace(self.resource, self.namespace, (), "")
            self._since = ""
            self.synced.set()
        if str(error) != self.problem:
            level = logging.INFO if isinstance(error, NotFound) else logging.WARNING
            _log.log(level, "watch of %s in %s: %s", self.resource, self.namespace or "all namespaces", error)
        if isinstance(error, (Forbidden, NotFound)):
            self._may_pass_until = None
        elif not self.problem:
            self._may_pass_until = self._clock.monotonic() + _PASSING
        self.problem = str(error)

    def _well(self) -> None:
        self.problem, self._may_pass_until = "", None

    async def _list(self) -> None:
        # The first list may come from the API server's cache; after a 410 that cache has just proven too old.
        listed = await self._client.list(self.resource, self.namespace, cached=not self._listed_at)
        self._cache.replace(self.resource, self.namespace, listed.items, listed.resource_version)
        self._since = listed.resource_version
        self._listed_at = self.heard_at = self._clock.monotonic()

    async def _watch(self) -> None:
        # Spread out, so that the watches opened together do not all end together.
        seconds = min(300.0, self._relist) * (0.7 + 0.3 * self._chance.random())
        async for event in self._client.watch(self.resource, self.namespace, since=self._since, seconds=seconds):
            self.heard_at = self._clock.monotonic()
            self._well()
            match event.type:
                case "ADDED" | "MODIFIED":
                    self._cache.apply(self.resource, event.object)
                case "DELETED":
                    self._cache.remove(self.resource, event.object)
            self._since = str(event.object["metadata"].get("resourceVersion", self._since))
