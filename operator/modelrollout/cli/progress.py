"""Tells on standard error how far a long work is; a short one says nothing."""

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

import click

_T = TypeVar("_T")

_FIRST = 2.0
_EVERY = 1.0
_EVERY_WITHOUT_TERMINAL = 15.0
_LOOK_EVERY = 512  # items; there are a hundred thousand a second


class Progress:
    """Prints a line now and then: on a terminal over the last one, elsewhere below it."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._next = time.monotonic() + (_FIRST if self._terminal else _EVERY_WITHOUT_TERMINAL)
        self._shown = False

    def tell(self, text: str) -> None:
        """Say it, unless something was said a moment ago."""
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + (_EVERY if self._terminal else _EVERY_WITHOUT_TERMINAL)
        self._shown = True
        click.echo(f"\r\033[K{text}" if self._terminal else text, err=True, nl=not self._terminal)

    def done(self) -> None:
        """Leave nothing on a terminal."""
        if self._shown and self._terminal:
            click.echo("\r\033[K", err=True, nl=False)

    def counting(self, items: Iterable[_T], noun: str) -> Iterator[_T]:
        """The same items, counted aloud."""
        for number, item in enumerate(items, start=1):
            if number % _LOOK_EVERY == 0:
                self.tell(f"{number:,} {noun}")
            yield item
