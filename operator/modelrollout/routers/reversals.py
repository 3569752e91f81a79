"""Who keeps writing over our weights: a GitOps tool without ignore rules, or a person."""

from collections import deque
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from modelrollout.decisions.decision import TrafficIntent
from modelrollout.decisions.observed import Reversals, RouteSeen, RuleSeen

WINDOW = timedelta(minutes=10)
"""How far back reversals are counted."""


@dataclass(slots=True)
class _Memory:
    ours: TrafficIntent | None = None
    reversed_at: deque[tuple[datetime, str]] = field(default_factory=deque)


class ReversalLog:
    """Counts, per rollout, how often somebody else changed weights, copies or what keeps users, brought about by us.

    Pure but for its memory: it is told what was written and what was seen, and at what time. After a restart it begins
    anew, which makes a contest be named a little later.
    """

    def __init__(self) -> None:
        self._memory: dict[Hashable, _Memory] = {}

    def wrote(self, rollout: Hashable, intent: TrafficIntent) -> None:
        """Our own write of that intent has succeeded."""
        self._memory.setdefault(rollout, _Memory()).ours = intent

    def saw(self, rollout: Hashable, route: RouteSeen, now: datetime) -> Reversals:
        """Take in the route as it stands, and say who reversed our weights most often in the last ten minutes.

        A write of ours is reversed at most once: what somebody makes of weights that are not ours is no reversal.
        """
        memory = self._memory.setdefault(rollout, _Memory())
        if memory.ours is not None and not all(_as_written(rule, memory.ours) for rule in route.rules):
            memory.ours = None
            memory.reversed_at.append((now, route.writer))
        while memory.reversed_at and memory.reversed_at[0][0] <= now - WINDOW:
            memory.reversed_at.popleft()
        managers = [manager for _, manager in memory.reversed_at]
        # On a tie the one that did it last is named.
        worst = max(reversed(managers), key=managers.count, default="")
        if not managers:
            return Reversals()
        last, oldest = memory.reversed_at[-1][0], memory.reversed_at[0][0]
        return Reversals(worst, managers.count(worst), last, oldest + WINDOW)

    def forget(self, rollout: Hashable) -> None:
        """The rollout is gone."""
        self._memory.pop(rollout, None)


def _as_written(rule: RuleSeen, ours: TrafficIntent) -> bool:
    copies = () if ours.mirror is None else (ours.mirror,)
    kept = ours.sticky is not None
    return (_weights(rule.weights), rule.mirrors, rule.sticky) == (_weights(ours.of(rule.name)), copies, kept)


def _weights(weights: Mapping[str, int]) -> Mapping[str, int]:
    return {name: weight for name, weight in weights.items() if weight}
