"""Keeps the policy of a rollout by which its gateway keeps users on one version."""

from collections.abc import Sequence
from dataclasses import dataclass

from modelrollout.decisions.observed import RuleSeen, Sticky, StickySeen
from modelrollout.kube.cache import Cache
from modelrollout.kube.resources import BACKENDTRAFFICPOLICIES, Obj
from modelrollout.manifests.own_routes import in_frame, owned_by, reframe_patch
from modelrollout.manifests.routes import ManagedRule
from modelrollout.manifests.sticky_rules import MOST_BACKENDS, is_marked, most_backends
from modelrollout.manifests.traffic_policies import (
    KIND,
    accepted,
    header_of,
    keeping_policy,
    policy_name,
    resting_policy,
    rival,
    unnamed,
)
from modelrollout.routers.gateway_place import Place
from modelrollout.routers.port import RouteWriter

_NO_KIND = (
    f"this cluster has no {KIND}: users can be kept on one version by Envoy Gateway alone; assign them at the edge, "
    "or leave sticky out"
)
_NO_RIGHT = (
    f"the operator may not write a {KIND}, by which users are kept on one version: set rbac.stickyUsers of its chart, "
    "or leave sticky out"
)


@dataclass(frozen=True, slots=True)
class Kept:
    """What is seen of it: `outdated` as in `RouteSeen`."""

    sticky: StickySeen
    outdated: bool = False


class StickyPolicy:
    """Reads and writes the policy; one of the same name that is somebody else's is never touched."""

    def __init__(self, writer: RouteWriter, cache: Cache) -> None:
        self._writer = writer
        self._cache = cache

    def look(self, place: Place, route: Obj, rules: Sequence[RuleSeen]) -> Kept:
        """How far users are kept: by the policy, and by these rules of the route. From the cache.

        A policy that will be needed is made before it is, at rest: a cluster that has none of the kind says so early.
        """
        managed, found = place.reading(route).rules, self._found(place)
        problem = self._problem(place, route, managed) if place.sticky else ""
        marked = {rule.sticky for rule in rules}
        if found is None or not owned_by(found, place.uid):
            header = "" if marked <= {False} else None
            return Kept(StickySeen(header, None, problem), outdated=bool(place.sticky) and not problem)
        header = self._written(place, route, managed, found)
        if marked != {bool(header)}:
            header = None
        spoken, refusal = accepted(found) if header else (None, "")
        return Kept(StickySeen(header, spoken, problem or refusal))

    async def keep(self, place: Place, route: Obj, sticky: Sticky | None) -> None:
        """Make it keep users as wanted, or rest; one that was never needed is not made."""
        found, managed = self._found(place), place.reading(route).rules
        needed = sticky is not None or (place.sticky and not self._problem(place, route, managed))
        if found is None and not needed:
            return
        if sticky is None:
            wanted = resting_policy(route, place.rollout, place.uid)
        else:
            wanted = keeping_policy(route, managed, place.rollout, place.uid, sticky.header)
        if found is None:
            stored = await self._writer.create(BACKENDTRAFFICPOLICIES, place.namespace, wanted)
        elif owned_by(found, place.uid) and not in_frame(found, wanted):
            name, patch = policy_name(place.rollout), reframe_patch(found, wanted)
            stored = await self._writer.patch(BACKENDTRAFFICPOLICIES, place.namespace, name, patch)
        else:
            return
        self._cache.apply(BACKENDTRAFFICPOLICIES, stored, own=True)

    def _found(self, place: Place) -> Obj | None:
        return self._cache.get(BACKENDTRAFFICPOLICIES, place.namespace, policy_name(place.rollout))

    def _written(self, place: Place, route: Obj, rules: Sequence[ManagedRule], found: Obj) -> str | None:
        """The header by which it keeps users of these rules, empty when it rests, None when it is neither."""
        header = header_of(found)
        if header:
            wanted = keeping_policy(route, rules, place.rollout, place.uid, header)
        else:
            wanted = resting_policy(route, place.rollout, place.uid)
        return header if in_frame(found, wanted) else None

    def _problem(self, place: Place, route: Obj, rules: Sequence[ManagedRule]) -> str:
        """Why users cannot be kept there, in a sentence, empty when they can."""
        known = self._cache.listed(BACKENDTRAFFICPOLICIES, place.namespace)
        if not known:
            return _NO_RIGHT if known is None else _NO_KIND
        name, found = policy_name(place.rollout), self._found(place)
        if found is not None and not owned_by(found, place.uid):
            return (
                f"{KIND} {name} exists and was not created by this ModelRollout, which keeps users by that name: "
                "delete or rename it"
            )
        written = route["spec"].get("rules") or []
        for rule in rules:
            if written[rule.index].get("sessionPersistence"):
                return f"rule {rule.name} keeps sessions itself: take sessionPersistence out of it, or leave sticky out"
            own = [one for one in written[rule.index].get("backendRefs") or [] if not is_marked(one)]
            missing = len(set(place.services) - {one.version for one in rule.backends})
            most = most_backends(len(own) + missing, place.candidates)
            if most > MOST_BACKENDS:
                return (
                    f"rule {rule.name} may need {most} backendRefs to keep users, and has room for {MOST_BACKENDS}: "
                    "try fewer versions at once"
                )
        policies = self._cache.list(BACKENDTRAFFICPOLICIES, place.namespace)
        return unnamed(route, rules) or rival(policies, route, rules, name)
