"""Lines that say what is being waited for and for how long already."""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

EVERY_SECONDS = 10.0


def say(line: str) -> None:
    """Print one line for people, on stderr, so that stdout stays free for what a shell evaluates."""
    print(line, file=sys.stderr, flush=True)


@contextmanager
def step(what: str, every: float = EVERY_SECONDS) -> Iterator[None]:
    """Announce a piece of work, report every few seconds that it still goes on, and say how long it took."""
    started = time.monotonic()
    over = threading.Event()

    def report() -> None:
        while not over.wait(every):
            say(f"  … {what}: {time.monotonic() - started:.0f} s so far")

    say(f"→ {what}")
    reporter = threading.Thread(target=report, daemon=True)
    reporter.start()
    try:
        yield
    except BaseException:
        say(f"✗ {what}: gave up after {time.monotonic() - started:.1f} s")
        raise
    finally:
        over.set()
        reporter.join()
    say(f"✓ {what}: {time.monotonic() - started:.1f} s")


def wait_until(ready: Callable[[], bool], what: str, seconds: float, pause: float = 0.1) -> None:
    """Poll a condition until it holds.

    Raises:
        TimeoutError: it did not hold within `seconds`.
    """
    deadline = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not there after {seconds:.0f} s")
        time.sleep(pause)
