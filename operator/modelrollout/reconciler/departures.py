"""Rollouts that are gone: their traffic goes back to the stable version, and the route forgets them.

There is no finalizer that would hold a deletion up (an operator that is down must never be the reason why a namespace
cannot be deleted); instead the owner annotation on the route says all that is needed, whenever it is found.
"""

import logging
import random
from collections.abc import Mapping
from dataclasses import dataclass

from modelrollout.api import DeletionPolicy
from modelrollout.decisions.decision import Event, Reason
from modelrollout.decisions.runs import active
from modelrollout.kube.cache import Cache
from modelrollout.kube.client import Client
from modelrollout.kube.clock import Clock
from modelrollout.kube.errors import KubeError, NotFound
from modelrollout.kube.resources import (
    ENDPOINTSLICES,
    MODELROLLOUTS,
    Obj,
    Resource,
    name_of,
    namespace_of,
    uid_of,
)
from modelrollout.kube.watches import Place, Watches
from modelrollout.reconciler.chronicle import Chronicle
from modelrollout.reconciler.queue import Queue
from modelrollout.reconciler.reading import Reading
from modelrollout.routers import Holding, Router
from modelrollout.routers.orphans import orphans
from modelrollout.workloads.versions import Versions

_log = logging.getLogger(__name__)

_NOT_SYNCED = 0.2
_SEARCH_AGAIN = 5.0


@dataclass(frozen=True, slots=True)
class _Departure:
    """A uid that is gone. `rollout` is its last state, None when only the annotation is left of it."""

    namespace: str
    give_back: bool
    rollout: Obj | None


class Departures:
    """Ends the ownership of rollouts that are gone, with as many attempts as it takes."""

    def __init__(
        self,
        cache: Cache,
        client: Client,
        watches: Watches,
        routers: Mapping[Resource, Router],
        versions: Versions,
        chronicle: Chronicle,
        clock: Clock,
        chance: random.Random,
    ) -> None:
        self._cache = cache
        self._client = client
        self._watches = watches
        self._routers = routers
        self._versions = versions
        self._chronicle = chronicle
        self._clock = clock
        self._open: dict[str, _Departure] = {}
        self._queue: Queue[str] = Queue(self._depart, clock, chance, workers=8)

    def add(self, rollout: Obj, reading: Reading) -> None:
        """This rollout is gone, or about to go."""
        run, policy = reading.rollout.status.run, DeletionPolicy.RETURN_TO_STABLE
        if reading.readable:
            policy = reading.rollout.spec.deletion_policy
        give_back = active(run) and policy is DeletionPolicy.RETURN_TO_STABLE
        self._begin(uid_of(rollout), _Departure(namespace_of(rollout), give_back, rollout))

    async def find(self, namespaces: tuple[str | None, ...]) -> None:
        """Look once through all routes for owners that went while no operator ran."""
        for resource in self._routers:
            for namespace in namespaces:
                for orphan in self._orphans(resource, await self._list(resource, namespace)):
                    departure = _Departure(namespace_of(orphan.object), not orphan.owner.leaves, None)
                    self._begin(orphan.owner.uid, departure)

    async def run(self) -> None:
        """Work until cancelled."""
        await self._queue.run()

    async def _list(self, resource: Resource, namespace: str | None) -> list[Obj]:
        while True:
            try:
                return (await self._client.list(resource, namespace, cached=True)).items
            except NotFound:
                return []  # the kind is not installed
            except KubeError as error:
                _log.warning("search for routes whose owner is gone: %s", error)
                await self._clock.sleep(_SEARCH_AGAIN)

    def _begin(self, uid: str, departure: _Departure) -> None:
        if uid not in self._open:
            self._open[uid] = departure
            places: list[Place] = [(kind, departure.namespace) for kind in {*self._routers, ENDPOINTSLICES}]
            self._watches.want(uid, places)
            self._queue.add(uid)

    def _orphans(self, resource: Resource, routes: list[Obj]) -> list[Holding]:
        rollouts = [one for one in self._cache.list(MODELROLLOUTS) if "deletionTimestamp" not in one["metadata"]]
        living = {(namespace_of(one), name_of(one)) for one in rollouts}
        return orphans(resource, routes, living, {uid_of(one) for one in rollouts})

    async def _depart(self, uid: str) -> float | None:
        departure = self._open[uid]
        if not self._watches.synced(uid):
            return _NOT_SYNCED
        for resource in self._routers:
            for orphan in self._orphans(resource, list(self._cache.list(resource, departure.namespace))):
                if orphan.owner.uid == uid:
                    await self._release(orphan, departure)
        del self._open[uid]
        self._watches.want(uid, ())
        return None

    async def _release(self, orphan: Holding, departure: _Departure) -> None:
        stable = orphan.owner.stable
        ready = bool(orphan.service) and self._versions.ready_behind(departure.namespace, orphan.service) > 0
        give_back = departure.give_back and ready
        await self._routers[orphan.resource].release(orphan, give_back=give_back)
        said = f"all traffic goes back to {stable}" if give_back else "the weights stay as they are"
        if departure.give_back and not ready:
            said += f", because {stable} has no ready endpoint"
        _log.info("%s %s: owner %s is gone: %s", orphan.resource.kind, name_of(orphan.object), orphan.owner.name, said)
        if departure.rollout is not None:
            event = Event(
                Reason.WITHDRAWN, f"the ModelRollout was deleted: {said}", warning=departure.give_back and not ready
            )
            self._chronicle.tell(departure.rollout, (event,), cause="deleted")
