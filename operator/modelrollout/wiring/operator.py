"""The object graph of one operator process; the only module that knows every concrete class."""

import asyncio
import random
from collections.abc import Mapping
from typing import Any

from prometheus_client import CollectorRegistry

from modelrollout.api.status import MetricStatus
from modelrollout.decisions.findings import Evidence
from modelrollout.decisions.metric_status import metric_status
from modelrollout.decisions.monitoring.findings import MonitoringEvidence
from modelrollout.decisions.monitoring.monitored import Monitored
from modelrollout.decisions.questions import Question
from modelrollout.gates import GateFinder
from modelrollout.kube.cache import Cache, Key
from modelrollout.kube.client import Client
from modelrollout.kube.clock import Clock
from modelrollout.kube.resources import Obj, Resource
from modelrollout.kube.transport import Transport
from modelrollout.kube.trim import trim
from modelrollout.kube.watches import Watches
from modelrollout.reconciler.analysis import Analysis, Examiner
from modelrollout.reconciler.checks import Checks
from modelrollout.reconciler.chronicle import Chronicle
from modelrollout.reconciler.commands import Commands
from modelrollout.reconciler.departures import Departures
from modelrollout.reconciler.freezes import Freezes
from modelrollout.reconciler.gauges import Gauges
from modelrollout.reconciler.lease import Lease, LeaseTimes
from modelrollout.reconciler.reconciler import Reconciler
from modelrollout.reconciler.relist import Relist
from modelrollout.reconciler.snapshots import Snapshots
from modelrollout.reconciler.telemetry import Telemetry
from modelrollout.reconciler.templates import Templates
from modelrollout.reconciler.world import World
from modelrollout.routers import all_routers, owned_kinds
from modelrollout.wiring.settings import Settings
from modelrollout.workloads.custom import CustomKind
from modelrollout.workloads.kinds import Kinds
from modelrollout.workloads.scaler import Scaler
from modelrollout.workloads.versions import Versions

_ASIDE = 6
_MONITORS = 2  # looks under way at once: they are long queries that nobody waits for


class Operator:
    """One operator, ready to lead.

    Args:
        settings: its settings.
        transport: to the API server.
        examiner: asks Prometheus of runs, and judges.
        monitor: the same of versions that serve.
        clock: its time.
        chance: for jitter.
        registry: for its own metrics.
    """

    def __init__(
        self,
        settings: Settings,
        transport: Transport,
        examiner: Examiner[Question, Evidence],
        monitor: Examiner[Monitored, MonitoringEvidence],
        clock: Clock,
        chance: random.Random,
        registry: CollectorRegistry,
    ) -> None:
        self._settings = settings
        times = LeaseTimes(settings.lease_duration, settings.lease_renew, settings.lease_retry)
        self.lease = Lease(
            Client(transport), settings.lease_namespace, settings.lease_name, settings.identity, clock, chance, times
        )
        client = Client(transport, fence=self.lease.remaining)
        # Events, records and looks at pods go by a door of their own, so that they never stand in the way of traffic.
        aside = Client(transport, fence=self.lease.remaining, at_once=_ASIDE)
        self.cache = cache = Cache(trim)
        # Some know each other: what happens in one has to be looked at by another.
        self.watches = Watches(
            client,
            cache,
            clock,
            chance,
            prepare=lambda place: self.reconciler.prepare(place),
            on_synced=lambda place: self.reconciler.synced(place),
        )
        kinds = Kinds(CustomKind.named(text) for text in settings.workloads)
        self._versions = Versions(cache, aside, clock, lambda named: self.reconciler.learnt(named), kinds)
        self._chronicle = Chronicle(aside, clock, chance, settings.identity)
        commands = Commands(cache, client)
        telemetry = Telemetry(registry)
        self.analysis = Analysis(
            examiner,
            clock,
            chance,
            on_evidence=lambda key: self.reconciler.queue.add(key),
            workers=settings.analysis_workers,
            on_lag=telemetry.analysis_lag.observe,
        )
        self._monitoring = Analysis(
            monitor, clock, chance, on_evidence=lambda key: self.reconciler.queue.add(key), workers=_MONITORS
        )
        routers = all_routers(client, cache)
        # A run's own requests to the API server go by the door of what may wait.
        self._checks = Checks(
            GateFinder(aside, clock, settings.webhooks_allowed),
            clock,
            on_result=lambda key: self.reconciler.queue.add(key),
        )
        freezes = Freezes(cache, self.watches, settings.places, settings.lease_namespace)
        self._world = world = World(
            cache,
            clock,
            routers,
            self._versions,
            commands,
            freezes,
            Templates(cache, self.watches),
            self._checks,
            may_scale=settings.scale,
            may_stick=settings.sticky_users,
        )
        self._departures = Departures(
            cache, client, self.watches, owned_kinds(routers), self._versions, self._chronicle, clock, chance
        )
        self.reconciler = Reconciler(
            cache=cache,
            client=client,
            watches=self.watches,
            world=world,
            snapshots=Snapshots(client),
            scaler=Scaler(client, cache, kinds),
            analysis=self.analysis,
            monitoring=self._monitoring,
            checks=self._checks,
            departures=self._departures,
            chronicle=self._chronicle,
            telemetry=telemetry,
            clock=clock,
            chance=chance,
            workers=settings.reconcile_workers,
        )
        self.relist = Relist(client, cache, commands, settings.places, clock, chance)
        registry.register(Gauges(cache, self.analysis.evidence))

    def saw(self, resource: Resource, event: str | None, obj: Obj) -> None:
        """Take in an event of one of our own kinds; no event type means that the object was there from the start."""
        if event == "DELETED":
            self.cache.remove(resource, obj)
        else:
            self.cache.apply(resource, obj)

    async def lead(self) -> None:
        """Reconcile until cancelled; only while the lease is held."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self.relist.run(), name="relist")
                await self.relist.complete.wait()
                group.create_task(self._departures.find(self._settings.places), name="orphans")
                for part in (self.reconciler, self.analysis, self._monitoring, self._departures, self._chronicle):
                    group.create_task(part.run(), name=type(part).__name__)
        finally:
            await self._checks.close()
            await self.watches.close()

    async def end(self) -> None:
        """Tell what is left to tell, give the lease up."""
        await self._chronicle.flush()
        await self.lease.release()

    def live(self, key: Key) -> Mapping[str, Any] | None:
        """What is known of a run now, fresher than its status; None when nothing is being examined."""
        evidence = self.analysis.evidence(key)
        if evidence is None:
            return None
        return {
            "run": evidence.run,
            "step": evidence.step,
            "metrics": [_json(metric_status(finding)) for finding in evidence.findings],
            "answers": evidence.answers.get(self.analysis.candidate(key)),
            "observed": self._world.weights(key),
            "unreachable": evidence.unreachable,
            "at": self.analysis.asked_at(key),
        }


def _json(metric: MetricStatus) -> Mapping[str, Any]:
    return metric.model_dump(mode="json", by_alias=True, exclude_none=True)
