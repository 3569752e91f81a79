"""What one reconcile sees: the rollout as it counts now, its route, its versions, its commands and its claim."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from modelrollout.api import ModelRollout, ModelRolloutSpec
from modelrollout.decisions.capacity import managed
from modelrollout.decisions.decision import TrafficIntent
from modelrollout.decisions.effective import effective
from modelrollout.decisions.observed import Observed, Rival, RouteSeen, Undelivered
from modelrollout.decisions.queueing import layer_of
from modelrollout.decisions.traffic import agrees, intent, weights_agree
from modelrollout.kube.cache import Cache, Change, Key
from modelrollout.kube.clock import Clock
from modelrollout.kube.resources import (
    BACKENDTRAFFICPOLICIES,
    MODELROLLOUTS,
    Obj,
    Resource,
    name_of,
    namespace_of,
    uid_of,
)
from modelrollout.kube.watches import Place
from modelrollout.manifests.second_route import second_name
from modelrollout.reconciler.checks import Checks
from modelrollout.reconciler.claims import Claims
from modelrollout.reconciler.commands import Commands
from modelrollout.reconciler.companions import Companions
from modelrollout.reconciler.deliveries import Deliveries
from modelrollout.reconciler.freezes import Freezes
from modelrollout.reconciler.interests import Interests
from modelrollout.reconciler.layers import Layers
from modelrollout.reconciler.reading import Reader, Reading
from modelrollout.reconciler.templates import Templates
from modelrollout.routers import Router, owned_kinds, router_of
from modelrollout.routers.reversals import ReversalLog
from modelrollout.workloads.versions import Named, Versions


@dataclass(frozen=True, slots=True)
class Subject:
    """A rollout to be reconciled.

    Attributes:
        key: its namespace and name.
        obj: as the cache has it.
        reading: the same as a type.
        snapshot: plan of its present run, None without one.
        rollout: with the spec that counts now in place of the written one; None when there is none to go by.
        router: who shifts its traffic.
    """

    key: Key
    obj: Obj
    reading: Reading
    snapshot: ModelRolloutSpec | None
    rollout: ModelRollout | None
    router: Router | None


STEP = 5.0
"""Seconds between two steps of weights that are brought about step by step: a gateway tells its proxies of a step after
it has said that it took it up, and on a busy machine a proxy was seen to need more than a second for it."""


class World:
    """Reads the cache on behalf of rollouts, and knows which rollouts an object concerns.

    Attributes:
        route_kinds: kinds of objects that rollouts claim.
    """

    def __init__(
        self,
        cache: Cache,
        clock: Clock,
        routers: Mapping[str, Router],
        versions: Versions,
        commands: Commands,
        freezes: Freezes,
        templates: Templates,
        checks: Checks,
        *,
        may_scale: bool = False,
        may_stick: bool = False,
    ) -> None:
        self._cache = cache
        self._clock = clock
        self._routers = routers
        self.route_kinds = frozenset(owned_kinds(routers))
        self._versions = versions
        self._commands = commands
        self.freezes = freezes
        self._may_scale, self._may_stick = may_scale, may_stick
        self._checks = checks
        self.templates = templates
        self._reader = Reader(templates)
        self._claims = Claims()
        self.layers = Layers()
        self._companions = Companions(cache)
        self.interests = Interests()
        self.reversals = ReversalLog()
        self._decided, self._beside = Deliveries(), Deliveries()
        self._wrote_at: dict[Key, float] = {}

    def read(self, obj: Obj) -> Reading:
        """The object as a type."""
        return self._reader.read(obj)

    def subject(self, obj: Obj, snapshot: ModelRolloutSpec | None) -> Subject:
        """The rollout with the spec that counts now."""
        reading = self.read(obj)
        spec = effective(reading.rollout, reading.spec_error, snapshot).spec
        rollout = reading.rollout.model_copy(update={"spec": spec}) if spec is not None else None
        router = router_of(rollout, self._routers) if rollout is not None else None
        return Subject((namespace_of(obj), name_of(obj)), obj, reading, snapshot, rollout, router)

    def weights(self, key: Key) -> Mapping[str, int] | None:
        """What the route gives each version now, None when its rules differ or it is not known."""
        obj = self._cache.get(MODELROLLOUTS, *key)
        subject = self.subject(obj, None) if obj is not None else None
        if subject is None or subject.rollout is None or subject.router is None:
            return None
        return subject.router.observe(subject.rollout).weights()

    def places(self, subject: Subject) -> frozenset[Place]:
        """What has to be watched for the rollout."""
        if subject.rollout is None or subject.router is None:
            return frozenset()
        spec = subject.rollout.spec
        seen = self._versions.watched(spec.versions, scaled=self._may_scale and managed(spec))
        return frozenset((kind, subject.key[0]) for kind in self._read(subject.router, subject.rollout) | seen)

    def _read(self, router: Router, rollout: ModelRollout) -> frozenset[Resource]:
        """What the router reads, as far as the operator may."""
        return router.watched(rollout) - (frozenset() if self._may_stick else {BACKENDTRAFFICPOLICIES})

    def claim(self, subject: Subject) -> frozenset[Key]:
        """Note what the rollout wants and what concerns it; returns the others whose claims that may change."""
        key, rollout, router = subject.key, subject.rollout, subject.router
        if rollout is None or router is None:
            self.interests.drop(key)
            return self._claims.drop(key)
        wanted = router.claims(rollout)
        named = set(self._versions.named(key[0], rollout.spec.versions))
        reads = self._read(router, rollout)
        routes = reads & router.kinds
        named |= {(kind, claimed.namespace, claimed.route) for claimed in wanted for kind in routes}
        # What is in the way of the second route is not owned by the rollout, which must hear when it goes.
        named |= {(kind, key[0], second_name(key[1])) for kind in routes}
        named |= self.templates.named(key, subject.reading.templates)
        # Without a claim there is no telling which route it waits for: any of the kind may be the one. And any policy
        # may be about its route.
        kinds = frozenset((kind, key[0]) for kind in (reads - routes if wanted else reads))
        self.interests.set(key, uid_of(subject.obj), frozenset[Named](named), kinds)
        return self._claims.set(key, rollout, wanted)

    def observe(self, subject: Subject) -> Observed:
        """Everything that a decision may be made from, beside evidence and time."""
        rollout, router = subject.rollout, subject.router
        if rollout is None or router is None:
            raise LookupError("nothing is observed for a rollout without a spec")
        route = router.observe(rollout)
        return Observed(
            route=route,
            versions={version.name: self._versions.observe(rollout, version) for version in rollout.spec.versions},
            claim=self._claims.of(subject.key),
            commands=self._commands.pending(subject.key, rollout.status),
            reversals=self.reversals.saw(subject.key, route, self._clock.now()),
            rivals=self._rivals(subject, rollout),
            freezes=self.freezes.seen(subject.key[0]),
            may_scale=self._may_scale,
            checks=self._checks.results(subject.key),
            companions=self._companions.of(rollout),
            undelivered=self._undelivered(subject.key, rollout, route),
            beside=self._beside.saw(subject.key, self._clock.now(), arrived=not route.outdated),
        )

    def _undelivered(self, key: Key, rollout: ModelRollout, route: RouteSeen) -> Undelivered | None:
        decided = intent(rollout, rollout.spec, rollout.status)
        return self._decided.saw(key, self._clock.now(), arrived=decided is None or agrees(route, decided))

    @contextmanager
    def attempt(self, subject: Subject) -> Iterator[None]:
        """What is done within is a write of the rollout's traffic, and of what is kept beside it."""
        now = self._clock.now()
        with self._decided.attempt(subject.key, now), self._beside.attempt(subject.key, now):
            yield

    def wrote(self, subject: Subject, wanted: TrafficIntent) -> None:
        """Remember what was brought about, against who reverses it; not what is still on its way."""
        rollout, router = subject.rollout, subject.router
        self._wrote_at[subject.key] = self._clock.monotonic()
        if rollout is not None and router is not None and weights_agree(router.observe(rollout), wanted):
            self.reversals.wrote(subject.key, wanted)

    def pause(self, key: Key, route: RouteSeen) -> float:
        """Seconds until the next step of weights may be made: a gateway has taken one up before its proxies have.

        Counted from the last write of this process; another one, which knows of none, goes on at once.
        """
        last = self._wrote_at.get(key)
        if last is None or not route.sticky.under_way:
            return 0.0
        return max(0.0, last + STEP - self._clock.monotonic())

    def peers(self, change: Change) -> frozenset[Key]:
        """The other rollouts to which it matters what changed of one."""
        return self.layers.changed(change) | self._companions.changed(change)

    def _rivals(self, subject: Subject, rollout: ModelRollout) -> tuple[Rival, ...]:
        """Of the layer of the present run's plan, and of that of the next run."""
        written = None if subject.reading.spec_error else subject.reading.rollout.spec
        layers = {layer_of(spec) for spec in (rollout.spec, written) if spec is not None} - {""}
        return self.layers.rivals(subject.key, *layers) if layers else ()

    def routes(self, subject: Subject) -> frozenset[Named]:
        """The routes that the rollout may have written."""
        if subject.rollout is None or subject.router is None:
            return frozenset()
        kinds = subject.router.watched(subject.rollout) & subject.router.kinds
        claimed = subject.router.claims(subject.rollout)
        return frozenset((kind, one.namespace, one.route) for one in claimed for kind in kinds if kind.kind == one.kind)

    def forget(self, obj: Obj) -> frozenset[Key]:
        """The rollout is gone; returns the others whose claims that may change."""
        key = namespace_of(obj), name_of(obj)
        reading = self.read(obj)
        if reading.readable:
            self._versions.forget(reading.rollout)
        self._reader.forget(obj)
        self.interests.drop(key)
        self.reversals.forget(key)
        self._decided.forget(key)
        self._beside.forget(key)
        self._wrote_at.pop(key, None)
        return self._claims.drop(key)

    def rollouts(self, namespace: str | None = None) -> list[Obj]:
        """All rollouts that are known."""
        return list(self._cache.list(MODELROLLOUTS, namespace))
