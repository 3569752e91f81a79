"""Reading an HTTPRoute or GRPCRoute: which rules are managed, who gets what, who accepted it, who wrote it last.

Both kinds have the same shape as far as weights go. Facts of the Gateway API's schema (1.6) that this rests on: a
backendRef without a weight is stored with weight 1, so a weight is only ever absent where an older schema is
installed; `spec.rules` is one atomic list, so that managed fields know a single last writer of all of it, weights
included; a rule's name is unique within its route.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from modelrollout.api import ServiceRef
from modelrollout.decisions.observed import Mirror, Owner, RouteSeen, RuleSeen
from modelrollout.manifests.managed_fields import last_writer
from modelrollout.manifests.mirrors import mirrors_of
from modelrollout.manifests.owners import owner_for, owners_of
from modelrollout.manifests.shares import thousandths
from modelrollout.manifests.sticky_rules import Split, is_marked, keeps

GATEWAY_API = "gateway.networking.k8s.io/v1"

Route = Mapping[str, Any]
"""An HTTPRoute or GRPCRoute as the API server's JSON has it."""


@dataclass(frozen=True, slots=True)
class Backend:
    """One backendRef of a managed rule.

    Attributes:
        index: its place in the rule's backendRefs.
        version: whose it is, empty when it is no version's.
        name: of the Service, as the route has it.
        text: how people are told of it.
        weight: as the route has it, None where it has none.
    """

    index: int
    version: str
    name: str
    text: str
    weight: int | None


@dataclass(frozen=True, slots=True)
class ManagedRule:
    """A rule whose weights are ours: its place in the route, its name (or place, as text), and its backendRefs."""

    index: int
    name: str
    backends: tuple[Backend, ...]

    @property
    def serves_versions(self) -> bool:
        """Whether any of its backendRefs is a version's."""
        return any(backend.version for backend in self.backends)


@dataclass(frozen=True, slots=True)
class Reading:
    """The managed rules of a route, and the listed ones that it lacks."""

    rules: tuple[ManagedRule, ...]
    lacking: tuple[str, ...] = ()


def managed_rules(route: Route, services: Mapping[str, ServiceRef], listed: Iterable[str] | None, uid: str) -> Reading:
    """Find the rules whose weights are ours.

    Args:
        route: as read.
        services: Service of each version.
        listed: names of rules, or places counted from 0, if the spec lists any. Otherwise the managed rules are those
            with the Services of two or more versions. There a version that has left the spec still counts while the
            owner annotation names its Service, and a rule of ours that has a name stays ours with a single version.
        uid: of the rollout.
    """
    return choose(rules_of(route, services), owners_of(route), listed, uid)


def choose(rules: Sequence[ManagedRule], owners: Iterable[Owner], listed: Iterable[str] | None, uid: str) -> Reading:
    """Choose the managed ones of all rules; `owners` are those of the route, the others as in `managed_rules`."""
    if listed is None:
        own = [owner for owner in owners if owner.uid == uid]
        former = {service for owner in own for service in owner.services.values()}
        kept = {name for owner in own for name in owner.rules if not name.isdigit()}
        return Reading(
            tuple(rule for rule in rules if rule.serves_versions and (rule.name in kept or _serves(rule, former)))
        )
    chosen: dict[int, ManagedRule] = {}
    lacking = []
    for wanted in listed:
        # A name wins over a place, should a rule be called "0". Where names need not be unique, all of that name count.
        named = [one for one in rules if one.name == wanted] or [one for one in rules if str(one.index) == wanted]
        chosen.update({rule.index: rule for rule in named})
        if not named:
            lacking.append(wanted)
    return Reading(tuple(chosen[index] for index in sorted(chosen)), tuple(lacking))


def rules_of(route: Route, services: Mapping[str, ServiceRef]) -> list[ManagedRule]:
    """All rules of the route, with the version that each of their backendRefs belongs to."""
    return [_rule(index, rule, route, services) for index, rule in enumerate(route["spec"].get("rules") or [])]


def is_local_service(ref: Mapping[str, Any], namespace: str) -> bool:
    """Whether a backendRef of a route in `namespace` names a Service there."""
    return (
        (ref.get("kind") or "Service") == "Service"
        and not ref.get("group")
        and (ref.get("namespace") or namespace) == namespace
    )


def route_seen(
    route: Route, services: Mapping[str, ServiceRef], listed: Sequence[str] | None, uid: str, rollout: str
) -> RouteSeen:
    """What a decision may know of the route; arguments as in `managed_rules`, with the rollout's name."""
    reading = managed_rules(route, services, listed, uid)
    owner = owner_for(route, uid, rollout, [rule.name for rule in reading.rules])
    adopted = owner is not None and owner.uid == uid
    mirrors = adopted and owner is not None and owner.mirrors
    accepted, refusal = acceptance(route)
    return RouteSeen(
        found=True,
        accepted=accepted,
        problem=_problem(route, reading, services) or refusal,
        resource_version=route["metadata"].get("resourceVersion", ""),
        # Listed rules that are missing leave nothing to act on: half of them must not be shifted without the others.
        rules=()
        if reading.lacking
        else tuple(
            replace(
                _rule_seen(rule, services, adopted=adopted),
                mirrors=_mirrors(route, rule, services) if mirrors else (),
                sticky=_keeps(route, rule, services, owner.sticks if adopted and owner is not None else ()),
            )
            for rule in reading.rules
        ),
        owner=owner,
        writer=last_writer(route, "f:spec", "f:rules"),
    )


def _mirrors(route: Route, rule: ManagedRule, services: Mapping[str, ServiceRef]) -> tuple[Mirror, ...]:
    return mirrors_of(route["spec"]["rules"][rule.index], route["metadata"].get("namespace", ""), services)


def _keeps(route: Route, rule: ManagedRule, services: Mapping[str, ServiceRef], order: Sequence[str]) -> bool | None:
    """Whether the rule keeps users on one version: None where a part of what does so is missing, or is left."""
    refs = route["spec"]["rules"][rule.index].get("backendRefs") or []
    if not order and not any(map(is_marked, refs)):
        return False
    split = Split(services, route["metadata"].get("namespace", ""), dict.fromkeys(services, 0))
    return (bool(order) and keeps(refs, split, order)) or None


def title(route: Route) -> str:
    """Kind and name, for people."""
    return f"{route.get('kind', 'route')} {route['metadata'].get('name', '')}"


def _rule(index: int, rule: Mapping[str, Any], route: Route, services: Mapping[str, ServiceRef]) -> ManagedRule:
    namespace = route["metadata"].get("namespace", "")
    backends = [_backend(place, ref, namespace, services) for place, ref in enumerate(rule.get("backendRefs") or [])]
    return ManagedRule(index, rule.get("name") or str(index), tuple(backends))


def _backend(index: int, ref: Mapping[str, Any], namespace: str, services: Mapping[str, ServiceRef]) -> Backend:
    kind, name, port = ref.get("kind") or "Service", ref["name"], ref.get("port")
    elsewhere = ref.get("namespace") or namespace
    local = is_local_service(ref, namespace)
    version = next((v for v, service in services.items() if local and (service.name, service.port) == (name, port)), "")
    text = ("" if kind == "Service" else f"{kind} ") + (name if elsewhere == namespace else f"{elsewhere}/{name}")
    # The port is said where it is what differs.
    wrong_port = local and any(service.name == name for service in services.values())
    return Backend(index, version, name, f"{text}:{port}" if wrong_port else text, ref.get("weight"))


def _serves(rule: ManagedRule, former: set[str]) -> bool:
    """Whether two or more Services of the rule are versions', or were."""
    return len({backend.name for backend in rule.backends if backend.version or backend.name in former}) > 1


def _rule_seen(rule: ManagedRule, services: Mapping[str, ServiceRef], *, adopted: bool) -> RuleSeen:
    weights = dict.fromkeys(services, 0)
    # A weight that nobody wrote means 1 to the gateway. Beside written ones it is a new version's, and counts as none.
    written = any(backend.weight for backend in rule.backends)
    for backend in rule.backends:
        if backend.version:
            weights[backend.version] += backend.weight if backend.weight is not None else int(not written)
    weighted = {backend.version for backend in rule.backends if backend.version and backend.weight is not None}
    unweighted = {backend.version for backend in rule.backends if backend.weight is None}
    # What adopted a clean rule may later hold versions that have left the spec; without weight they harm nobody.
    strangers = {
        backend.text: None for backend in rule.backends if not backend.version and (backend.weight != 0 or not adopted)
    }
    return RuleSeen(
        name=rule.name,
        weights=thousandths(weights),
        absent=tuple(version for version in services if version not in weighted or version in unweighted),
        unknown=tuple(strangers),
    )


def _problem(route: Route, reading: Reading, services: Mapping[str, ServiceRef]) -> str:
    if reading.lacking:
        have = ", ".join(rule.get("name") or str(index) for index, rule in enumerate(route["spec"].get("rules") or []))
        return (
            f"{title(route)} has no rule {', '.join(reading.lacking)} (it has: {have or 'none'}): "
            "correct spec.traffic.gatewayAPI.rules, or name the rule in the route"
        )
    if not reading.rules:
        names = ", ".join(f"{service.name}:{service.port}" for service in services.values())
        return (
            f"no rule of {title(route)} has backendRefs to two of {names}: add a backendRef for each version to the "
            "rule that serves the model, or list that rule in spec.traffic.gatewayAPI.rules"
        )
    return ""


def acceptance(route: Route) -> tuple[bool | None, str]:
    """Whether a present parent accepted the route, None while none has spoken; and what was said when all refused."""
    said = _spoken(route)
    if any(condition["status"] == "True" for condition in said):
        return True, ""
    if not said:
        return None, ""
    why = f"{said[0].get('reason', '')}: {said[0].get('message', '')}".strip(": ")
    return False, f"no Gateway accepts {title(route)}: {why or 'see its status'}"


def taken_up(route: Route) -> bool | None:
    """Whether every present parent has seen the route as it now is, None where none of them says what it has seen."""
    seen = [condition["observedGeneration"] for condition in _spoken(route) if "observedGeneration" in condition]
    return all(one == route["metadata"].get("generation") for one in seen) if seen else None


def _spoken(route: Route) -> list[Mapping[str, Any]]:
    """What present parents say of accepting the route."""
    namespace = route["metadata"].get("namespace", "")
    parents = {_parent(ref, namespace) for ref in route["spec"].get("parentRefs") or []}
    return [
        condition
        for status in (route.get("status") or {}).get("parents") or []
        if _parent(status.get("parentRef") or {}, namespace) in parents
        for condition in status.get("conditions") or []
        if condition.get("type") == "Accepted" and condition.get("status") in ("True", "False")
    ]


def _parent(ref: Mapping[str, Any], namespace: str) -> tuple[Any, ...]:
    return (
        ref.get("group", "gateway.networking.k8s.io"),
        ref.get("kind", "Gateway"),
        ref.get("namespace") or namespace,
        ref.get("name"),
        ref.get("sectionName"),
        ref.get("port"),
    )
