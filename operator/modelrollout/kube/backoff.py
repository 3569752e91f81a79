"""Waiting times between attempts, so that many clients that failed together do not come back together."""

import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backoff:
    """Seconds to wait after the n-th failure in a row: doubling from `first` to `most`, of it a random 50-100 %."""

    first: float
    most: float
    factor: float = 2.0

    def after(self, failures: int, chance: random.Random) -> float:
        """The time to wait after that many failures, at least one."""
        full = min(self.most, self.first * self.factor ** min(failures - 1, 30))
        return full * (0.5 + 0.5 * chance.random())
