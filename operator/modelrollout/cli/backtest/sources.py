"""The samples of a backtest, and how they are read from a file."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import click

from modelrollout.api import ModelRollout
from modelrollout.cli.exits import CommandFailed
from modelrollout.cli.progress import Progress
from modelrollout.rehearsal.recording.lines import MOST_PROBLEMS, BadRecording, read_lines
from modelrollout.rehearsal.recording.recorded import Recording


@dataclass(frozen=True, slots=True)
class Gathered:
    """Samples, where they are from, and what has to be said of them."""

    recording: Recording
    source: str
    notes: tuple[str, ...] = ()


def from_file(path: str, rollout: ModelRollout, progress: Progress, *, strangers: bool) -> Gathered:
    """Samples from a file of JSON lines, or from standard input for "-".

    Raises:
        CommandFailed: the file or some of its lines cannot be read; these were printed, each with its number.
    """
    name = "<stdin>" if path == "-" else path
    try:
        with _opened(path) as lines:
            read = read_lines(progress.counting(lines, "lines read"), rollout.spec, strangers=strangers)
    except OSError as error:
        raise CommandFailed(f"cannot read {name}: {error.strerror or error}") from None
    except BadRecording as error:
        for number, problem in error.problems:
            click.echo(f"{name}:{number}: {problem}", err=True)
        more = ", and nothing after them was looked at" if len(error.problems) == MOST_PROBLEMS else ""
        count = len(error.problems)
        raise CommandFailed(
            f"{count} line{'' if count == 1 else 's'} of {name} cannot be used{more}",
            "docs/cli.md says what a line has. Lines of other metrics and versions: --pass-over.",
        ) from None
    finally:
        progress.done()
    notes = tuple(f"{number:,} lines of {what} were passed over" for what, number in read.passed_over.items())
    return Gathered(read.recording, name, notes)


@contextmanager
def _opened(path: str) -> Iterator[IO[bytes]]:
    if path == "-":
        yield sys.stdin.buffer
        return
    with Path(path).open("rb") as file:
        yield file
