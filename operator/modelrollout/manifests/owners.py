"""The annotation by which a route says who has its managed rules, and how their traffic is given back."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from modelrollout.decisions.observed import Owner

OWNER = "modelrollout.io/owner"
"""Annotation key. Its value is one owner as a JSON object, or a list of them where rollouts share a route by rules."""


def owners_of(route: Mapping[str, Any]) -> tuple[Owner, ...]:
    """Everyone the annotation names; what somebody else has written there and is not readable counts as nobody."""
    text = (route["metadata"].get("annotations") or {}).get(OWNER)
    try:
        value = json.loads(text) if text else []
    except ValueError:
        return ()
    found = [_read(entry) for entry in (value if isinstance(value, list) else [value])]
    return tuple(owner for owner in found if owner is not None)


def owner_for(route: Mapping[str, Any], uid: str, name: str, rules: Iterable[str]) -> Owner | None:
    """The owner that concerns this rollout: itself, an earlier life of it, or whoever has any of its rules."""
    owners, wanted = owners_of(route), set(rules)
    same_uid = [owner for owner in owners if owner.uid == uid]
    same_name = [owner for owner in owners if owner.name == name]
    same_rules = [owner for owner in owners if wanted & set(owner.rules)]
    return next(iter([*same_uid, *same_name, *same_rules]), None)


def with_owner(route: Mapping[str, Any], owner: Owner) -> str:
    """The annotation after `owner` has taken its rules; who has other rules of the route stays."""
    return _text([*(one for one in owners_of(route) if not _gives_way(one, owner)), owner])


def without_owner(route: Mapping[str, Any], uid: str) -> str | None:
    """The annotation after that owner has gone, None when nobody is left and it is to be removed."""
    left = [owner for owner in owners_of(route) if owner.uid != uid]
    return _text(left) if left else None


def _gives_way(one: Owner, new: Owner) -> bool:
    return one.uid == new.uid or one.name == new.name or bool(set(one.rules) & set(new.rules))


def _text(owners: list[Owner]) -> str:
    values = [
        {
            "uid": owner.uid,
            "name": owner.name,
            "stable": owner.stable,
            "intent": owner.intent,
            "rules": list(owner.rules),
            "services": dict(sorted(owner.services.items())),
            **({"leave": True} if owner.leaves else {}),
            **({"mirror": True} if owner.mirrors else {}),
            **({"sticky": list(owner.sticks)} if owner.sticks else {}),
        }
        for owner in sorted(owners, key=lambda owner: owner.uid)
    ]
    return json.dumps(values[0] if len(values) == 1 else values, separators=(",", ":"))


def _texts(value: object) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, list) else ()


def _read(value: object) -> Owner | None:
    if not isinstance(value, dict):
        return None
    rules, services, intent = value.get("rules", []), value.get("services", {}), value.get("intent", 0)
    texts = [value.get("uid"), value.get("name"), value.get("stable")]
    if not all(isinstance(text, str) and text for text in texts) or not isinstance(intent, int):
        return None
    if not isinstance(rules, list) or not isinstance(services, dict):
        return None
    return Owner(
        uid=value["uid"],
        name=value["name"],
        stable=value["stable"],
        intent=intent,
        rules=tuple(map(str, rules)),
        services={str(version): str(service) for version, service in services.items()},
        leaves=value.get("leave") is True,
        mirrors=value.get("mirror") is True,
        sticks=_texts(value.get("sticky")),
    )
