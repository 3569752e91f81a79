"""Evidence that forgets: a mixture of e-processes started at different times.

Hours of good answers push an e-process far below 1, and a fault that starts later would first have to undo them. So a
part of the stake is kept back: each restart takes a fifth of what is left and starts at 1. Stakes add up to 1, so the
sum is an e-process itself; a component that is dropped only lowers it.
"""

import math
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from modelrollout.stats.comparison import Floats

Logs = NDArray[np.float32]
_Precision = TypeVar("_Precision", np.float32, np.float64)

MAIN_STAKE = 0.65
RESTART_SHARE = 0.2
SLOTS = 7  # the main process and the six newest restarts; bounds the stored state
FIRST_RESTART = 900.0  # seconds into a step; the next ones at twice the time


class LateFaults:
    """When to restart, and the stake of every running process.

    Attributes:
        enabled: without restarts the main process has the whole stake.
        taken: restarts so far.
        step_start: seconds (same clock as the strata) at which the step began, None before the first stratum.
        doublings: how many restarts of its own this step has had.
    """

    __slots__ = ("doublings", "enabled", "step_start", "taken")

    def __init__(self, enabled: bool) -> None:
        self.enabled = enabled
        self.taken = 0
        self.step_start: float | None = None
        self.doublings = 0

    @property
    def reserve(self) -> float:
        """The stake not yet used."""
        return (1 - MAIN_STAKE) * (1 - RESTART_SHARE) ** self.taken if self.enabled else 0.0

    @property
    def stakes(self) -> list[float]:
        """One stake per running process: the main one, then the newest restarts, oldest first."""
        if not self.enabled:
            return [1.0]
        running = range(max(0, self.taken - (SLOTS - 1)), self.taken)
        return [MAIN_STAKE, *((1 - MAIN_STAKE) * RESTART_SHARE * (1 - RESTART_SHARE) ** j for j in running)]

    def begin_step(self, at: float | None) -> None:
        """A step begins at this time; its own restarts are counted from here."""
        self.step_start = at
        self.doublings = 0

    def due(self, start: float) -> bool:
        """Whether a restart is due before a stratum that starts at this time. Depends on nothing but the time."""
        if not self.enabled:
            return False
        if self.step_start is None:
            self.step_start = start
            return False
        overdue = False
        while start >= self.step_start + FIRST_RESTART * 2.0**self.doublings:
            self.doublings += 1
            overdue = True
        return overdue


def with_restart(processes: NDArray[_Precision]) -> NDArray[_Precision]:
    """The same processes and a new one at evidence 1; where all slots are taken the oldest restart makes room.

    Shape (R, J, N) to (R+1, J, N), or (SLOTS, J, N): log evidence, or the sums that it is a function of.
    """
    kept = np.concatenate([processes[:1], processes[2:]]) if len(processes) == SLOTS else processes
    return np.concatenate([kept, np.zeros((1, *processes.shape[1:]), dtype=processes.dtype)])


def add(logs: Logs, increments: Floats) -> Logs:
    """Add a stratum's log evidence (J, N) to every running process (R, J, N).

    The result is rounded to single precision, so that a stored state restores exactly what is in memory.
    """
    return (logs + increments).astype(np.float32)


def raise_dispersion(logs: Logs, old: float, new: float) -> Logs:
    """Divide past evidence by a larger dispersion too; evidence below 1 stays, so the process only falls."""
    return np.where(logs > 0, logs * (old / new), logs).astype(np.float32)


def lowered_peak(peak: Logs, present: Floats, needed: float) -> Logs:
    """The running maximum of log evidence after past evidence was divided by a larger dispersion, shape (N,).

    What the maximum would have been is not known, for the strata are gone. Old over new times the old maximum is only
    a bound from above: by Jensen's inequality a mixture whose parts are divided lies below the divided mixture, by up
    to a factor of hundreds on the evidence where one alternative of one late process made it. The present evidence is
    known, and is a bound from below; so it alone keeps the promise. What has reached its own level stays where it is:
    whoever looks at every stratum has acted upon it.

    Args:
        peak: the maximum before.
        present: log evidence under the larger dispersion.
        needed: log evidence at which a test is decided by itself.
    """
    return np.where(peak >= needed, peak, np.clip(present, 0.0, peak)).astype(np.float32)


def mixed(logs: Logs, log_weights: Floats) -> Floats:
    """Log of each process's mixture over its alternatives: (R, J, N) and weights (J,) to (R, N)."""
    result: Floats = np.logaddexp.reduce(logs + log_weights[:, None], axis=1)
    return result


def total(log_processes: Floats, stakes: list[float], reserve: float) -> Floats:
    """Log of the staked sum of processes (R, N) and the reserve, shape (N,)."""
    if not reserve:  # a single process with the whole stake
        only: Floats = log_processes[0]
        return only
    result: Floats = np.logaddexp.reduce(log_processes + np.log(stakes)[:, None], axis=0, initial=math.log(reserve))
    return result
