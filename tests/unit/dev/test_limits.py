"""Work that takes too long is ended where it stands, and other timers stay as they were."""

import signal
import time

import pytest

from dev.limits import limit


def work(cleaned: list[str]) -> None:
    try:
        while True:
            time.sleep(0.005)
    finally:
        cleaned.append("up")


# pytest's own limit uses the same timer unless it is told to take a thread.
@pytest.mark.timeout(method="thread")
def test_who_takes_too_long_is_ended_and_may_clean_up() -> None:
    before, cleaned = signal.getsignal(signal.SIGALRM), list[str]()
    with pytest.raises(TimeoutError, match="the stage: not done after 0 s"), limit(0.01, "the stage"):
        work(cleaned)
    assert cleaned == ["up"]
    assert signal.getsignal(signal.SIGALRM) is before
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


@pytest.mark.timeout(method="thread")
def test_who_is_done_in_time_is_left_alone() -> None:
    with limit(60, "the stage"):
        pass
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
