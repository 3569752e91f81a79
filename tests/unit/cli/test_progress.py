"""What a long work tells on standard error while it goes on."""

import time

import pytest

from modelrollout.cli.progress import Progress


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        monkeypatch.setattr(time, "monotonic", lambda: self.now)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def test_a_short_work_says_nothing(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress()
    clock.now += 14
    assert list(progress.counting("abc", "letters read")) == ["a", "b", "c"]
    progress.done()
    assert capsys.readouterr().err == ""


def test_a_long_work_says_how_far_it_is_now_and_then(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress()
    for _ in progress.counting(range(10_000), "lines read"):
        clock.now += 0.01
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 6  # every 15 seconds of a hundred
    assert all(one.endswith(" lines read") for one in said)


def test_on_a_terminal_it_says_so_in_one_line_and_clears_it(
    clock: Clock, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    progress = Progress()
    for _ in progress.counting(range(2000), "lines read"):
        clock.now += 0.01
    progress.done()
    said = capsys.readouterr().err
    assert "\n" not in said
    assert said.count("lines read") == 3  # after 5, 10 and 15 seconds
    assert said.endswith("\r\033[K")
