"""Weights brought about step by step, so that nothing comes to be, or ends, with many requests on it.

A gateway makes a cluster for a backend that gets a weight, and removes it with the last one. It tells its proxies of
clusters before it tells them of routes, and a new cluster has to learn its endpoints: for some milliseconds requests
are led to a cluster that is not there yet, or not any more, and fail. So a backend comes and goes by a thousandth.
"""

from collections.abc import Sequence

NURSED = 1
"""Thousandths that a backend has at first, and at last."""


def next_weights(now: Sequence[int], wanted: Sequence[int]) -> list[int]:
    """The next weights on the way; at most two steps come before the wanted ones.

    What comes takes its thousandth from the nearest that loses, and what goes keeps one of the nearest that gains, so
    that borders between others stay where they are.

    Args:
        now: thousandths, summing to 1000, one for each backend in their order.
        wanted: the same at the end.
    """
    both = list(zip(now, wanted, strict=True))
    coming = [place for place, (old, new) in enumerate(both) if old == 0 and new > NURSED]
    begun = _exchanged(now, coming, [old - new for old, new in both])
    if begun != list(now):
        return begun
    going = [place for place, (old, new) in enumerate(both) if old > NURSED and new == 0]
    return _exchanged(wanted, going, [new - old for old, new in both])


def on_the_way(now: Sequence[int], wanted: Sequence[int]) -> bool:
    """Whether a step was made already: something has its thousandth, which is not what it is to have."""
    return any(old == NURSED != new for old, new in zip(now, wanted, strict=True))


def _exchanged(weights: Sequence[int], places: Sequence[int], spare: Sequence[int]) -> list[int]:
    """Give each of these places its thousandth, from the nearest one that has something to spare, if any has."""
    result, left = list(weights), list(spare)
    for place in places:
        donors = [other for other, amount in enumerate(left) if amount >= NURSED and result[other] > NURSED]
        if donors:
            giver = min(donors, key=lambda other: (abs(other - place), other))
            result[giver] -= NURSED
            left[giver] -= NURSED
            result[place] += NURSED
    return result
