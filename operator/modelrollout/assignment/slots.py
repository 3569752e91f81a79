"""Splits over slots: each unit falls into one of 10,000 slots for good, and shares own slots.

The slots of a split follow from all its shares so far, oldest first. A change takes from each share that shrinks
exactly what it loses and gives it to those that grow, so nobody moves who need not. A rule that looks at the present
shares alone cannot do that for three or more of them: whichever it is, some change moves up to twice as many
(Angel and Spinka, "Pairwise optimal coupling of multiple random variables", arXiv 1903.00632).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from modelrollout.assignment.hashing import Salt

SLOTS = 10_000
"""Slots of every split; a share of one is 0.01 %."""

SEGMENT = "segment"
"""What follows the salt of a layer or an experiment where a unit's slot is drawn; PlanOut's namespaces say the same."""

_Table = tuple[str | None, ...]


def slot_of(salt: str, unit: Sequence[str]) -> int:
    """The slot that a unit has under a salt, from 0 to 9,999: `integer(<salt>.segment, unit)` modulo 10,000."""
    return Salt(f"{salt}.{SEGMENT}").integer(unit) % SLOTS


@dataclass(frozen=True, slots=True)
class Split:
    """Shares of all slots by name, and what they were before.

    Attributes:
        shares: slots of each name; what is left of `SLOTS` belongs to nobody.
        before: earlier shares, oldest first. Empty: there was nothing before.
    """

    shares: Mapping[str, int]
    before: Sequence[Mapping[str, int]] = field(default=())

    def __post_init__(self) -> None:
        for each in (*self.before, self.shares):
            if min(each.values(), default=0) < 0 or sum(each.values()) > SLOTS:
                raise ValueError(f"shares must not be negative, nor be more than {SLOTS} slots together")

    def owner(self, slot: int) -> str | None:
        """Whose slot it is; None: nobody's."""
        return self.owners()[slot]

    def owners(self) -> _Table:
        """The name, or None, of each slot."""
        return _owners(tuple(tuple(sorted(each.items())) for each in (*self.before, self.shares)))


@lru_cache(maxsize=1024)
def _owners(history: tuple[tuple[tuple[str, int], ...], ...]) -> _Table:
    if not history:
        return (None,) * SLOTS
    return _moved(_owners(history[:-1]), dict(history[-1]))


def _moved(table: _Table, shares: Mapping[str, int]) -> _Table:
    """The table after a change: who shrinks gives up its highest slots, who grows takes the lowest of them by name."""
    kept: dict[str | None, int] = {None: SLOTS - sum(shares.values())}
    kept.update(shares.items())
    freed: list[int] = []
    for slot, owner in enumerate(table):
        if kept.get(owner, 0) > 0:
            kept[owner] -= 1
        else:
            freed.append(slot)
    after = list(table)
    taking = iter(freed)
    for name in (*sorted(shares), None):
        for _ in range(kept[name]):
            after[next(taking)] = name
    return tuple(after)
