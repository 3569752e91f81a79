"""A limit on writes, so that a mistake in a decision is one object's trouble and not the API server's."""

from collections.abc import Hashable

from modelrollout.errors import ModelRolloutError
from modelrollout.kube.clock import Clock

BURST = 30
REFILL = 1.0
"""Writes per second that a key may go on with once its burst is used up."""


class BudgetSpent(ModelRolloutError):  # noqa: N818 - named for what is wrong, as all leaves
    """A key has written far more than any run needs. A write that is due is made, at a slower pace.

    Attributes:
        retry_after: seconds until the next write may be made.
    """

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class WriteBudget:
    """A bucket of writes per key. What must not wait for other writes has a key of its own."""

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
            raise BudgetSpent(
                f"more than {BURST} writes in a row: at most {REFILL:g} a second now", (1 - left) / REFILL
            )
        self._left[key] = left - 1, now

    def forget(self, key: Hashable) -> None:
        """The key is gone."""
        self._left.pop(key, None)
