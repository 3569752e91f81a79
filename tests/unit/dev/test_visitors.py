"""Users of a load test come at their time: neither those who wait nor a pause of the sender change that for others."""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

from aiohttp import web

from dev.progress import wait_until
from dev.visitors import LATE, Visitors

RATE = 200.0


@contextmanager
def serving(answer: Callable[[], Awaitable[None]]) -> Iterator[str]:
    """A server in a thread of its own, which says "v1", or the user it hears of, once that has returned; its URL."""
    ready, over = threading.Event(), asyncio.Event()
    loops, ports = list[asyncio.AbstractEventLoop](), list[int]()

    async def handle(request: web.Request) -> web.Response:
        await answer()
        return web.Response(text=request.headers.get("x-user", "v1"))

    async def serve() -> None:
        app = web.Application()
        app.router.add_get("/", handle)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        loops.append(asyncio.get_running_loop())
        ports.append(runner.addresses[0][1])
        ready.set()
        await over.wait()
        await runner.cleanup()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert ready.wait(10)
    try:
        yield f"http://127.0.0.1:{ports[0]}/"
    finally:
        loops[0].call_soon_threadsafe(over.set)
        thread.join()


async def at_once() -> None:
    """Answer."""


def test_what_could_not_be_sent_in_a_pause_is_not_sent_all_at_once_after_it() -> None:
    paused = threading.Event()

    def version_of(body: bytes) -> str:
        if not paused.is_set():
            time.sleep(1.0)  # nothing else is done in that thread meanwhile
            paused.set()
        return body.decode()

    began = time.monotonic()
    with serving(at_once) as url:
        with Visitors(url, RATE, version_of) as users:
            assert paused.wait(30)
            wait_until(lambda: len(users.came) > 20, "answers after the pause", 30)
        lasted = time.monotonic() - began
    assert len(users.came) <= RATE * (lasted - 1.0 + LATE) + 2
    assert users.failed() == []


def test_many_who_wait_keep_nobody_from_being_answered() -> None:
    asked, released = [0], asyncio.Event()

    async def most_wait() -> None:
        asked[0] += 1
        if asked[0] <= 120:
            await released.wait()
        else:
            released.set()

    with serving(most_wait) as url, Visitors(url, RATE, bytes.decode) as users:
        wait_until(lambda: len(users.came) > 120, "an answer to everybody", 8)
    assert users.failed() == []


def test_users_ask_in_turn_by_headers_of_their_own() -> None:
    headers = [{"x-user": f"user-{number}"} for number in range(3)]
    with serving(at_once) as url, Visitors(url, RATE, bytes.decode, users=headers) as users:
        wait_until(lambda: len(users.came) >= 9, "answers to everybody", 30)
    assert {(one.user, one.version) for one in users.came} == {(number, f"user-{number}") for number in range(3)}


def test_what_failed_says_why() -> None:
    async def refuse() -> None:
        raise web.HTTPServiceUnavailable(text="upstream connect error")

    with serving(refuse) as url, Visitors(url, RATE, bytes.decode) as users:
        wait_until(lambda: bool(users.came), "an answer", 30)
    assert (users.came[0].code, users.came[0].why) == (503, "upstream connect error")
    with Visitors(url, RATE, bytes.decode) as users:  # it has ended
        wait_until(lambda: bool(users.came), "a refusal", 30)
    assert users.came[0].code == 0
    assert "ClientConnectorError" in users.came[0].why
