"""Runs the command line within the test's own process."""

import sys
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from modelrollout.cli import main


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str


Run = Callable[..., Ran]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """`run("lint", "-f", path)`: as a shell would, without a terminal."""

    def ran(*arguments: str) -> Ran:
        monkeypatch.setattr(sys, "argv", ["kubectl-modelrollout", *arguments])
        with pytest.raises(SystemExit) as exited:
            main()
        printed = capsys.readouterr()
        return Ran(int(exited.value.code or 0), printed.out, printed.err)

    return ran
