"""A limit on writes, so that a mistake in a decision is one object's trouble and not the API server's."""

from collections.abc import Hashable

from modelrollout.errors import ModelRolloutError
from modelrollout.kube.clock import Clock

BURST = 30
REFILL = 1.0
"""Writes per second that a key may go on with once its burst is used up."""


class BudgetSpent(ModelRolloutError):  # noqa: N818 - named for what is wrong, as all leaves
    """A key has written far more than any run needs: its decisions contradict each other."""


class WriteBudget:
    """A bucket of writes per key."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._left: dict[Hashable, tuple[float, float]] = {}

    def spend(self, key: Hashable) -> None:
        """Count a write.

        Raises:
            BudgetSpent: if there is nothing left.
        """
        now = self._clock.monotonic()
        left, at = self._left.get(key, (float(BURST), now))
        left = min(float(BURST), left + (now - at) * REFILL)
        if left < 1:
            raise BudgetSpent(f"{key}: {BURST} writes in a row and no end")
        self._left[key] = left - 1, now

    def forget(self, key: Hashable) -> None:
        """The key is gone."""
        self._left.pop(key, None)
