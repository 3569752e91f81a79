"""A time limit for work that asks many programs, each of which has limits of its own or none."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def limit(seconds: float, what: str) -> Iterator[None]:
    """Let the block take that long and no longer; only in the main thread.

    Raises:
        TimeoutError: it took longer. It is raised wherever the block is then, so that what it began can be ended.
    """

    def over(number: int, frame: FrameType | None) -> None:
        del number, frame
        raise TimeoutError(f"{what}: not done after {seconds:.0f} s")

    before = signal.signal(signal.SIGALRM, over)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
