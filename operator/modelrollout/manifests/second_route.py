"""The second route of a rollout, `<name>-modelrollout`: a pin for every version, and the preview of the candidate.

The managed rules are the user's; what the operator needs besides their weights stands here, where it can come and go
without a trace. A rule here takes only requests that carry a certain header, so it never has users' traffic.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from modelrollout.api import HeaderMatch, RouteKind, ServiceRef
from modelrollout.manifests.own_routes import backend_ref, header_match, owned_route
from modelrollout.manifests.routes import ManagedRule, Route

PIN_HEADER = "x-modelrollout-pin"
"""Header that leads a request to one version; see `pin_value`."""

MOST_RULES, MOST_MATCHES, MOST_HEADERS = 16, 128, 16
"""Bounds of the Gateway API's schema: rules and matches of a route, headers of a match."""

_NOT_SHARED = ("name", "matches", "backendRefs", "sessionPersistence")
"""Fields of a managed rule that its preview does not take over. A session begun in a preview would go on after it."""


@dataclass(frozen=True, slots=True)
class Shown:
    """Who is previewed: requests that a managed rule would take, and that carry the header, go to this version."""

    version: str
    header: HeaderMatch
    rules: Sequence[ManagedRule]


def second_name(rollout: str) -> str:
    """Name of the second route of this rollout."""
    return f"{rollout}-modelrollout"


def pin_value(uid: str, version: str) -> str:
    """What the pin header must say to reach `version`.

    It comes from the rollout's uid, which is random and never leaves the cluster: nobody outside can guess it, and it
    needs to be stored nowhere.
    """
    return f"{hashlib.sha256(f'{PIN_HEADER} {uid}'.encode()).hexdigest()[:16]}-{version}"


def second_route(
    route: Route, rollout: str, uid: str, services: Mapping[str, ServiceRef], shown: Shown | None = None
) -> dict[str, Any]:
    """The second route as it should be.

    A gateway drops the cluster of a Service that has weight 0 in every rule: its counters begin anew, and requests in
    between fail when the weight comes back. A pin, a rule that leads to the Service under a private header, prevents
    both.

    Args:
        route: the one that carries the traffic; parents, host names and kind are the same.
        rollout: name of the ModelRollout.
        uid: its uid.
        services: Service of each version.
        shown: who is previewed, None when nobody is.
    """
    spec = {key: route["spec"][key] for key in ("parentRefs", "hostnames") if route["spec"].get(key)}
    rules = [] if shown is None else [_preview(route, one, services, shown) for one in shown.rules]
    for version, service in services.items():
        pin = HeaderMatch(name=PIN_HEADER, value=pin_value(uid, version))
        matches = [_with_header(match, pin) for match in _everything(route)]
        rules.append({"name": version, "matches": matches, "backendRefs": [backend_ref(service, 1)]})
    name, namespace = second_name(rollout), route["metadata"]["namespace"]
    return owned_route(route["kind"], namespace, name, rollout, uid, {**spec, "rules": rules})


def preview_problem(route: Route, rules: Sequence[ManagedRule], header: HeaderMatch, versions: int) -> str:
    """Why that header cannot lead to a version, in a sentence, empty when it can.

    Args:
        route: the one that carries the traffic.
        rules: its managed rules.
        header: that of the preview.
        versions: how many there are, each of which has a pin.
    """
    name, matches = header.name.lower(), versions
    for rule in rules:
        for match in _matches(route, rule):
            matches += 1
            headers = [str(one["name"]).lower() for one in match.get("headers") or []]
            if name in headers:
                return (
                    f"rule {rule.name} asks for the header {header.name} itself: choose another one for "
                    "strategy.blueGreen.preview.header"
                )
            if len(headers) >= MOST_HEADERS:
                return (
                    f"rule {rule.name} has a match with {MOST_HEADERS} headers: there is no room for that of a preview"
                )
    if len(rules) + versions > MOST_RULES or matches > MOST_MATCHES:
        return (
            f"a preview needs a rule for each of {len(rules)} managed rules and {versions} versions, and a route has "
            f"room for {MOST_RULES} rules and {MOST_MATCHES} matches: remove versions, or list fewer rules"
        )
    return ""


def _preview(route: Route, rule: ManagedRule, services: Mapping[str, ServiceRef], shown: Shown) -> dict[str, Any]:
    """The managed rule with its filters and time-outs, for requests with the header and the one version."""
    written = route["spec"]["rules"][rule.index]
    service = services[shown.version]
    refs = [written["backendRefs"][one.index] for one in rule.backends if one.version == shown.version]
    return {
        # No version can be called so: their names have no dots.
        "name": f"preview.{rule.index}",
        **{key: value for key, value in written.items() if key not in _NOT_SHARED},
        "matches": [_with_header(match, shown.header) for match in _matches(route, rule)],
        "backendRefs": [{**ref, "weight": 1} for ref in refs[:1]] or [backend_ref(service, 1)],
    }


def _matches(route: Route, rule: ManagedRule) -> Sequence[Mapping[str, Any]]:
    return route["spec"]["rules"][rule.index].get("matches") or _everything(route)


def _everything(route: Route) -> Sequence[Mapping[str, Any]]:
    return [{"path": {"type": "PathPrefix", "value": "/"}}] if route["kind"] == RouteKind.HTTP_ROUTE else [{}]


def _with_header(match: Mapping[str, Any], header: HeaderMatch) -> dict[str, Any]:
    return {**match, "headers": [*(match.get("headers") or []), header_match(header)]}
