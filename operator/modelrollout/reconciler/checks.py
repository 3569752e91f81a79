"""What candidates have to show, and what webhooks answer, is found out here, beside all reconciling.

Nothing is asked of an object at rest, nor at every reconcile: a question is put when it comes up, and again only while
its answer may still change.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Protocol

from modelrollout.api.status import Verdict
from modelrollout.decisions.checks import Check, CheckResult
from modelrollout.kube.cache import Key
from modelrollout.kube.clock import Clock

_log = logging.getLogger(__name__)

ASK_AGAIN = 10.0
"""Seconds after which a wrong model, or somebody who could not be asked, is asked again."""


class Finder(Protocol):
    """Finds something out of a candidate; holds nothing between two calls."""

    async def find(self, check: Check) -> CheckResult:
        """Ask, as long as it takes. What cannot be asked is a result too: it never raises."""


class Checks:
    """Keeps the answers of runs for which something is to be found out. `on_result` is called with the key."""

    def __init__(self, finder: Finder, clock: Clock, on_result: Callable[[Key], None]) -> None:
        self._finder = finder
        self._clock = clock
        self._on_result = on_result
        self._results: dict[Key, tuple[CheckResult, ...]] = {}
        self._asking: dict[Key, tuple[Check, asyncio.Task[None]]] = {}

    def want(self, key: Key, check: Check | None) -> None:
        """Find this out, unless it is known or being asked; nothing ends the interest in all answers of the key."""
        asking = self._asking.get(key)
        if asking is not None and asking[0] == check:
            return
        if asking is not None:
            del self._asking[key]
            asking[1].cancel()
        if check is None:
            self._results.pop(key, None)
            return
        mine = tuple(one for one in self._results.get(key, ()) if one.check.run == check.run)
        self._results[key] = mine
        if not any(one.check == check and one.final for one in mine):
            self._asking[key] = check, asyncio.create_task(self._ask(key, check), name=f"check of {'/'.join(key)}")

    def results(self, key: Key) -> tuple[CheckResult, ...]:
        """What was found for the key's present run."""
        return self._results.get(key, ())

    async def close(self) -> None:
        """Ask nobody any more."""
        tasks = [task for _, task in self._asking.values()]
        self._asking.clear()
        self._results.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _ask(self, key: Key, check: Check) -> None:
        while True:
            result = await self._find(check)
            before = self._results.get(key, ())
            if result not in before:
                self._results[key] = (*(one for one in before if one.check != check), result)
                self._on_result(key)
            if result.final:
                del self._asking[key]
                return
            await self._clock.sleep(ASK_AGAIN)

    async def _find(self, check: Check) -> CheckResult:
        try:
            return await self._finder.find(check)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is told and asked again
            # A finder that is broken must not look like a candidate that is.
            _log.exception("%s of %s/%s", type(check.what).__name__, check.namespace, check.rollout)
            return CheckResult(check, Verdict.ERROR, "NotFoundOut", f"the operator could not find out: {error}")
