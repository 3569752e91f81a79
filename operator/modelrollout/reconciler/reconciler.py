"""One reconcile: observe, decide, status first, then traffic, then tell.

A crash between any two writes converges, because everything that is written after the status is derived from it.
"""

import asyncio
import logging
import random
import time
from dataclasses import replace
from datetime import timedelta

from modelrollout.decisions import runs
from modelrollout.decisions.capacity import total_of
from modelrollout.decisions.decision import Decision
from modelrollout.decisions.findings import Evidence
from modelrollout.decisions.invariants import allowed_weight, check
from modelrollout.decisions.monitoring.findings import MonitoringEvidence
from modelrollout.decisions.monitoring.monitored import Monitored
from modelrollout.decisions.observed import Observed, RouteSeen
from modelrollout.decisions.plan import plan, question
from modelrollout.decisions.questions import Question
from modelrollout.decisions.traffic import is_behind
from modelrollout.kube.cache import Cache, Change, Key
from modelrollout.kube.client import Client
from modelrollout.kube.clock import Clock
from modelrollout.kube.errors import Conflict, KubeError, NotFound, OutcomeUnknown, Terminating, Unavailable
from modelrollout.kube.resources import COMMANDS, FREEZES, MODELROLLOUTS, Obj, namespace_of, uid_of, version_of
from modelrollout.kube.watches import Place, Watches
from modelrollout.manifests.json_patch import add, unchanged
from modelrollout.reconciler.analysis import Analysis
from modelrollout.reconciler.budget import BudgetSpent, WriteBudget
from modelrollout.reconciler.checks import Checks
from modelrollout.reconciler.chronicle import Chronicle
from modelrollout.reconciler.commands import key_of
from modelrollout.reconciler.departures import Departures
from modelrollout.reconciler.doubts import Doubts
from modelrollout.reconciler.freezes import asks_for_a_run
from modelrollout.reconciler.queue import Queue
from modelrollout.reconciler.snapshots import Snapshots
from modelrollout.reconciler.telemetry import Telemetry
from modelrollout.reconciler.world import Subject, World
from modelrollout.workloads.scaler import Scaler
from modelrollout.workloads.versions import Named

_log = logging.getLogger(__name__)

_AT_ONCE = 0.05
_SOON = 1.0
_BREATH = 20
_RECENT = timedelta(minutes=5)


class Reconciler:
    """Keeps every rollout on its way. Everything it knows comes in through the cache; `run` works it off."""

    def __init__(
        self,
        cache: Cache,
        client: Client,
        watches: Watches,
        world: World,
        snapshots: Snapshots,
        scaler: Scaler,
        analysis: Analysis[Question, Evidence],
        monitoring: Analysis[Monitored, MonitoringEvidence],
        checks: Checks,
        departures: Departures,
        chronicle: Chronicle,
        telemetry: Telemetry,
        clock: Clock,
        chance: random.Random,
        workers: int,
    ) -> None:
        self._cache = cache
        self._client = client
        self._watches = watches
        self._world = world
        self._snapshots = snapshots
        self._scaler = scaler
        self._analysis = analysis
        self._monitoring = monitoring
        self._checks = checks
        self._departures = departures
        self._chronicle = chronicle
        self._telemetry = telemetry
        self._clock = clock
        self._status_writes, self._traffic_writes = WriteBudget(clock), WriteBudget(clock)
        self._scale_writes = WriteBudget(clock)
        self._unsure: set[Key] = set()
        self._doubts = Doubts()
        self._read_live: dict[Key, str] = {}
        self._caught_up: set[Key] = set()
        self._started = False
        self.queue: Queue[Key] = Queue(self._work, clock, chance, workers, self._failed)
        cache.subscribe(self._changed)

    async def run(self) -> None:
        """Work until cancelled."""
        self._started = True
        await self.queue.run()

    async def prepare(self, place: Place) -> None:
        """Note all claims on routes that have just been listed: whoever is decided first must find those of all."""
        resource, namespace = place
        if resource not in self._world.route_kinds:
            return
        for number, obj in enumerate(self._world.rollouts(namespace)):
            self._world.claim(self._known(obj))
            if number % _BREATH == 0:
                await asyncio.sleep(0)  # thousands of them must not keep the lease from being renewed

    def synced(self, place: Place) -> None:
        """A place has been listed: rollouts that waited for it go on."""
        if place[0] is FREEZES:
            self._freeze_changed(place)
            return
        for obj in self._world.rollouts(place[1] or None):  # what is of no namespace concerns all
            key = _key(obj)
            if self._watches.synced(key):
                self.queue.add(key)

    def learnt(self, named: Named) -> None:
        """Something became known of this object that no watch tells."""
        for key in self._world.interests.named(named):
            self.queue.add(key)

    def _changed(self, change: Change) -> None:
        if change.resource is MODELROLLOUTS:
            for peer in self._world.peers(change):
                self.queue.add(peer)
            if change.new is None:
                self._gone(change.object)
            else:
                self._claim_early(change)
                self.queue.add(_key(change.object))
        elif change.resource is COMMANDS:
            self.queue.add(key_of(change.object))
        elif change.resource is FREEZES:
            self._freeze_changed((change.resource, namespace_of(change.object)))
        elif self._watches.listed((change.resource, namespace_of(change.object))):
            # What comes with the first list is looked at once, by `prepare` and `synced`, not once for each object.
            keys = self._world.interests.of(change.resource, change.object)
            for key in keys:
                obj = self._cache.get(MODELROLLOUTS, *key)
                # As in `prepare`: before any of them is reconciled.
                if change.resource in self._world.route_kinds and not change.own and obj is not None:
                    self._world.claim(self._known(obj))
                self.queue.add(key)

    def _freeze_changed(self, place: Place) -> None:
        for obj in self._world.rollouts(self._world.freezes.concerned(place)):
            if asks_for_a_run(obj):
                self.queue.add(_key(obj))

    def _claim_early(self, change: Change) -> None:
        """Note what a new or edited rollout wants before others are reconciled, as `prepare` does for those listed."""
        old, new = change.old, change.new
        same = old is not None and new is not None and _generation(old) == _generation(new)
        if self._started and new is not None and not same:
            for peer in self._world.claim(self._known(new)):
                self.queue.add(peer)

    def _known(self, obj: Obj) -> Subject:
        run = self._world.read(obj).rollout.status.run
        return self._world.subject(obj, self._snapshots.known(obj, run.plan) if run is not None else None)

    def _gone(self, obj: Obj) -> None:
        key = _key(obj)
        self._departures.add(obj, self._world.read(obj))
        self._watches.want(key, ())
        self._world.templates.attend(key, frozenset())
        self._analysis.want(key, None, None)
        self._monitoring.want(key, None, None)
        self._checks.want(key, None)
        for peer in self._world.forget(obj):
            self.queue.add(peer)
        self._snapshots.forget(obj)
        self._chronicle.forget(obj)
        self._telemetry.forget(obj)
        self._status_writes.forget(key)
        self._traffic_writes.forget(key)
        self._scale_writes.forget(key)
        self._unsure.discard(key)
        self._doubts.forget(key)
        self._read_live.pop(key, None)
        self._caught_up.discard(key)

    def _failed(self, key: Key, error: Exception) -> float | None:
        self._telemetry.reconcile_errors.labels(type(error).__name__).inc()
        again = key in self._unsure
        if isinstance(error, BudgetSpent):
            _log.warning("%s/%s: %s", *key, error)
            return error.retry_after
        if not isinstance(error, KubeError):
            _log.error("%s/%s: %s", *key, error, exc_info=error)
            return None
        # What the API server has now is not what was thought: look before anything is decided.
        self._unsure.add(key)
        if isinstance(error, Conflict) and not again:
            _log.info("%s/%s: %s", *key, error)
            return _AT_ONCE
        # Who goes is no trouble: the watch will tell of the rollout or its route, and a namespace takes both with it.
        going = isinstance(error, Terminating) or (isinstance(error, NotFound) and not again)
        _log.log(logging.INFO if going else logging.WARNING, "%s/%s: %s", *key, error)
        return error.retry_after if isinstance(error, Unavailable) else None

    async def _work(self, key: Key) -> float | None:
        began = time.perf_counter()
        try:
            return await self._reconcile(key)
        finally:
            self._telemetry.reconcile_seconds.observe(time.perf_counter() - began)

    async def _reconcile(self, key: Key) -> float | None:
        obj = self._cache.get(MODELROLLOUTS, *key)
        if obj is not None and key in self._unsure:
            obj = await self._refresh(obj)
        for peer in self._world.layers.settled(key):
            self.queue.add(peer)
        if obj is None:
            return None
        status = self._world.read(obj).rollout.status
        if "deletionTimestamp" in obj["metadata"]:
            self._departures.add(obj, self._world.read(obj))
            self._analysis.want(key, None, None)
            self._monitoring.want(key, None, None)
            self._checks.want(key, None)
            return None
        run = status.run
        goes_on = run is not None and run.ended_at is None
        snapshot = await self._snapshots.load(obj, run.plan) if run is not None and goes_on and run.plan else None
        subject = self._world.subject(obj, snapshot)
        self._watches.want(key, self._world.places(subject))
        self._world.freezes.attend(key[0])
        self._world.templates.attend(key, subject.reading.templates)
        for peer in self._world.claim(subject):
            self.queue.add(peer)
        if not self._watches.synced(key):
            return None
        if not self._world.templates.known(key, subject.reading.templates):
            return _SOON
        if asks_for_a_run(obj) and not runs.begun(run) and not self._world.freezes.known(key[0]):
            return _SOON
        self._catch_up(subject)
        if (settled := self._doubts.settled(subject.key, status)) is not None:
            self._telemetry.decided(obj, settled[0], status)
            self._tell(subject, settled[1])
        return await self._decide(subject)

    def _catch_up(self, subject: Subject) -> None:
        """Once per process: append what the one before may have decided last and not told. A line is there once."""
        if subject.key in self._caught_up:
            return
        self._caught_up.add(subject.key)
        status = subject.reading.rollout.status
        run = status.run
        if run is not None and (run.ended_at is None or self._clock.now() - run.ended_at < _RECENT):
            self._chronicle.tell(subject.obj, (), status.last_record, cause="", urgent=True)

    async def _decide(self, subject: Subject) -> float | None:
        now, reading = self._clock.now(), subject.reading
        observed = self._world.observe(subject) if subject.rollout is not None else Observed(RouteSeen(), {})
        observed = replace(observed, monitored=self._monitoring.evidence(subject.key))
        if self._may_be_old(subject, observed):
            return _AT_ONCE
        evidence = self._analysis.evidence(subject.key)
        decision = plan(reading.rollout, reading.spec_error, subject.snapshot, observed, evidence, now)
        if subject.rollout is not None:
            spec = decision.snapshot or subject.rollout.spec
            check(reading.rollout, decision, observed, allowed_weight(decision, spec), total_of(spec))
        self._world.layers.decided(subject.obj, decision.status)
        if decision.snapshot is not None and decision.status.run is not None:
            await self._snapshots.store(subject.obj, decision.status.run.plan, decision.snapshot)
        if decision.write_status:
            await self._store(subject, decision)
        try:
            wake = await self._shift(subject, decision)
            await self._scale(subject, decision)
        except Exception:
            if decision.write_status:
                self._tell(subject, decision)
            # The candidate is judged by what users meet, whatever can be written.
            self._ask(subject, decision, observed)
            if decision.wake_at is not None:  # the pause after a failure may be longer
                self.queue.add_after(subject.key, (decision.wake_at - now).total_seconds())
            raise
        self._tell(subject, decision)
        self._ask(subject, decision, observed)
        if decision.snapshot is not None:
            await self._snapshots.prune(subject.obj, decision.status)
        return wake

    def _may_be_old(self, subject: Subject, observed: Observed) -> bool:
        """Whether the status has to be read anew first, because the route carries a later decision than it does.

        A list may come from an API server that is behind. What is so even when read live (a status that was restored
        from a backup) is the truth, and the route follows it.
        """
        status, key = subject.reading.rollout.status, subject.key
        if not is_behind(status, uid_of(subject.obj), observed.route):
            return False
        if self._read_live.get(key) == version_of(subject.obj):
            return False
        _log.warning("%s/%s: the route carries a later decision than the status: reading it again", *key)
        self._unsure.add(key)
        return True

    async def _store(self, subject: Subject, decision: Decision) -> None:
        self._status_writes.spend(subject.key)
        (namespace, name), before = subject.key, subject.reading.rollout.status
        operations = [unchanged(subject.obj), add(decision.status.document(), "status")]
        try:
            stored = await self._client.patch(MODELROLLOUTS, namespace, name, operations, "status")
        except OutcomeUnknown:
            self._doubts.unanswered(subject.key, before, decision)
            raise
        self._telemetry.decided(stored, before, decision.status)
        self._cache.apply(MODELROLLOUTS, stored, own=True)

    async def _shift(self, subject: Subject, decision: Decision) -> float | None:
        """Bring the traffic about; returns in how many seconds to look again."""
        now, moments = self._clock.now(), [decision.wake_at]
        rollout, router = subject.rollout, subject.router
        if rollout is not None and router is not None and decision.traffic is not None:
            pause = timedelta(seconds=self._world.pause(subject.key, router.observe(rollout)))
            due = max(now + pause, decision.repair_not_before or now)
            if due > now:
                moments.append(due)
            else:
                with self._world.attempt(subject):
                    self._traffic_writes.spend(subject.key)
                    await router.apply(rollout, decision.traffic)
                self._world.wrote(subject, decision.traffic)
                self._telemetry.traffic_writes.inc()
        seconds = [(moment - now).total_seconds() for moment in moments if moment is not None]
        # A little after the moment, so that it has surely passed by then.
        return max(0.0, min(seconds)) + 0.002 if seconds else None

    async def _scale(self, subject: Subject, decision: Decision) -> None:
        """Bring the replicas about, after the traffic: whoever goes down has none any more."""
        if subject.rollout is None:
            return
        for order in decision.scales:
            if due := self._scaler.due(subject.rollout, order):
                self._scale_writes.spend(subject.key)
                await self._scaler.write(due)

    def _tell(self, subject: Subject, decision: Decision) -> None:
        if not decision.events and not decision.record:
            return
        route = subject.router.observe(subject.rollout) if subject.router and subject.rollout else RouteSeen()
        cause = f"{version_of(subject.obj)}.{route.resource_version}"
        run = decision.status.run
        urgent = run is not None and run.outcome is not None
        self._chronicle.tell(subject.obj, decision.events, decision.record, cause=cause, urgent=urgent)

    def _ask(self, subject: Subject, decision: Decision, observed: Observed) -> None:
        asked = None
        if decision.analyse:
            rollout = subject.reading.rollout.model_copy(update={"status": decision.status})
            snapshot = decision.snapshot or subject.snapshot
            asked = question(rollout, subject.reading.spec_error, snapshot, observed)
        self._analysis.want(subject.key, asked, decision.status.evidence)
        self._monitoring.want(subject.key, decision.monitor, None)
        self._checks.want(subject.key, decision.check)

    async def _refresh(self, obj: Obj) -> Obj | None:
        """Read the rollout and its routes as they are now; None if the rollout is gone."""
        await self._reread((MODELROLLOUTS, *_key(obj)))
        fresh = self._cache.get(MODELROLLOUTS, *_key(obj))
        if fresh is None or uid_of(fresh) != uid_of(obj):
            return fresh
        for named in self._world.routes(self._known(fresh)):
            await self._reread(named)
        self._unsure.discard(_key(obj))
        self._read_live[_key(obj)] = version_of(fresh)
        return fresh

    async def _reread(self, named: Named) -> None:
        resource, namespace, name = named
        try:
            self._cache.apply(resource, await self._client.get(resource, namespace, name))
        except NotFound:
            known = self._cache.get(resource, namespace, name)
            if known is not None:
                self._cache.remove(resource, known)


def _key(obj: Obj) -> Key:
    return str(obj["metadata"]["namespace"]), str(obj["metadata"]["name"])


def _generation(obj: Obj) -> int:
    return int(obj["metadata"].get("generation", 0))
