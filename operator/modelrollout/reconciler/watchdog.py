"""Ends the process when it leads no more, even if its event loop hangs."""

import logging
import os
import threading
from collections.abc import Callable

_log = logging.getLogger(__name__)

EXIT_CODE = 3
"""Exit code of a process that lost its lease: it is to be started again and to stand by."""


def end_process() -> None:
    """Leave at once, running nothing that could still write."""
    os._exit(EXIT_CODE)


class Watchdog:
    """A thread that watches `remaining` (seconds of surely leading) and calls `end` when none is left."""

    def __init__(self, remaining: Callable[[], float], end: Callable[[], None] = end_process) -> None:
        self._remaining = remaining
        self._end = end
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="lease-watchdog", daemon=True)

    def start(self) -> None:
        """Begin; only once this process leads."""
        self._thread.start()

    def stop(self) -> None:
        """The process leaves in good order: nothing to watch over any more."""
        self._stopped.set()
        self._thread.join()

    def _watch(self) -> None:
        while (left := self._remaining()) > 0:
            if self._stopped.wait(min(left, 1.0)):
                return
        _log.critical("the lease was not renewed in time: this process ends, another one leads")
        self._end()
