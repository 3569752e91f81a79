"""How kopf is started."""

import asyncio
import getpass
import itertools
import random
import threading
from typing import Any, NoReturn

import kopf
import pytest
from kopf._cogs.aiokits.aioadapters import wait_flag

from modelrollout.handlers.feed import Feed
from modelrollout.kube.backoff import Backoff


@pytest.mark.slow
async def test_kopf_starts_for_a_user_that_has_no_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """A container runs as a number; kopf would look the number's name up and end."""

    def nameless() -> NoReturn:
        raise KeyError("getpwuid(): uid not found: 65532")

    monkeypatch.setattr(getpass, "getuser", nameless)
    asked = threading.Event()

    async def credentials() -> Any:
        asked.set()
        raise kopf.LoginError("the test has none")

    feed = Feed(("risk",), credentials, lambda *_: None, random.Random(1), "pod-1")  # noqa: S311 - jitter
    feed.start()
    try:
        assert await asyncio.to_thread(asked.wait, 10.0)
    finally:
        await feed.stop()


@pytest.mark.slow
async def test_kopf_is_started_again_when_it_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else nothing would be heard of rollouts but what a list tells once a minute."""
    starts, twice = itertools.count(1), threading.Event()

    async def operator(*, stop_flag: Any, **_: object) -> None:
        """As kopf does, when a list is answered with something that it does not expect."""
        waiting = asyncio.create_task(wait_flag(stop_flag))
        await asyncio.sleep(0)
        if next(starts) == 2:
            twice.set()
        waiting.cancel()
        raise RuntimeError("a watcher has failed")

    async def credentials() -> Any:
        raise kopf.LoginError("nobody asks")

    monkeypatch.setattr(kopf, "operator", operator)
    monkeypatch.setattr("modelrollout.handlers.feed._RESTARTS", Backoff(first=0.01, most=0.01))
    feed = Feed(("risk",), credentials, lambda *_: None, random.Random(1), "pod-1")  # noqa: S311 - jitter
    feed.start()
    try:
        assert await asyncio.to_thread(twice.wait, 5.0)
    finally:
        await feed.stop()
