"""Tells on a terminal's standard error how far a simulation is; a short one says nothing."""

import sys
import time

import click

_FIRST, _EVERY = 1.5, 0.5


class Progress:
    """One line that is written over, and is gone at the end."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._next = time.monotonic() + _FIRST
        self._shown = False

    def __call__(self, part: float) -> None:
        """Say which part is done, 0 to 1, unless that was said a moment ago."""
        now = time.monotonic()
        if self._terminal and now >= self._next:
            self._next, self._shown = now + _EVERY, True
            click.echo(f"\r\033[K{part:.0%} of the runs are over", err=True, nl=False)

    def done(self) -> None:
        """Leave nothing behind."""
        if self._shown:
            click.echo("\r\033[K", err=True, nl=False)
