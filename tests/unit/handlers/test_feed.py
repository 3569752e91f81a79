"""How kopf is started."""

import asyncio
import getpass
import random
import threading
from typing import Any, NoReturn

import kopf
import pytest
from modelrollout.handlers.feed import Feed


async def test_kopf_starts_for_a_user_that_has_no_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """A container runs as a number; kopf would look the number's name up and end."""

    def nameless() -> NoReturn:
        raise KeyError("getpwuid(): uid not found: 65532")

    monkeypatch.setattr(getpass, "getuser", nameless)
    asked = threading.Event()

    async def credentials() -> Any:
        asked.set()
        raise kopf.LoginError("the test has none")

    feed = Feed(("risk",), credentials, lambda *_: None, random.Random(1), "pod-1")
    feed.start()
    try:
        assert await asyncio.to_thread(asked.wait, 10.0)
    finally:
        await feed.stop()
