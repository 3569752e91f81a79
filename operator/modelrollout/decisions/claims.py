"""Who may manage which rule of a route: every rule has one holder, the oldest of those who want it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from modelrollout.decisions.observed import Claim

_LAST = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, order=True)
class Claimed:
    """One rule of one route.

    Attributes:
        kind, namespace, route: of the route object.
        rule: its name, or its place counted from 0 as text where it has none.
    """

    kind: str
    namespace: str
    route: str
    rule: str


Claimant = tuple[str, str, datetime | None, frozenset[Claimed]]
"""uid, namespace/name, creation time (None: not known, then the youngest) and wanted rules of a rollout."""


def holders(claimants: Iterable[Claimant]) -> Mapping[str, Claim]:
    """For each rollout, by uid, whether it holds every rule that it wants, and who holds one of them if not.

    A rule goes to the oldest rollout (creation time, then uid) that wants it, whether or not that one gets its other
    rules: were it passed on, the younger rollout would lose it in the middle of a run once the older one is mended.
    """
    queue = sorted(claimants, key=lambda one: (one[2] or _LAST, one[0]))
    owner: dict[Claimed, tuple[str, str]] = {}
    for uid, name, _, wanted in queue:
        for rule in wanted:
            owner.setdefault(rule, (uid, name))
    claims = {}
    for uid, _, _, wanted in queue:
        others = sorted({owner[rule][1] for rule in wanted if owner[rule][0] != uid})
        claims[uid] = Claim(held=not others, holder=others[0] if others else "")
    return claims
