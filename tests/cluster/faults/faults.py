"""What can go wrong between the operator and the API server, each at one place of a run."""

import asyncio
import json
import random
from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import parse_qs, urlsplit

from aiohttp import web

from tests.cluster.faults.journal import Point
from tests.cluster.faults.proxy import Answer, Exchange

Deed = Callable[[Exchange], Awaitable[web.StreamResponse]]


class Once:
    """Does something to the call at one point, once. `struck` tells whether the run came by there."""

    def __init__(self, point: Point, deed: Deed) -> None:
        self._point = point
        self._deed = deed
        self.struck = False

    def __call__(self, exchange: Exchange) -> Awaitable[web.StreamResponse] | None:
        if self.struck or exchange.call.point != self._point:
            return None
        self.struck = True
        return self._deed(exchange)


async def killed_before(exchange: Exchange) -> web.StreamResponse:
    """The operator dies, and the call has not reached the API server."""
    await exchange.door.kill()
    return exchange.cut()


async def killed_after(exchange: Exchange) -> web.StreamResponse:
    """The operator dies, and the call was carried out."""
    await exchange.pass_on()
    await exchange.door.kill()
    return exchange.cut()


async def conflict(exchange: Exchange) -> web.StreamResponse:
    """409: somebody else was faster."""
    return exchange.reply(Answer.failure(409, "Conflict", "the object has been modified"))


async def too_many(exchange: Exchange) -> web.StreamResponse:
    """429 with the wish for a pause of a second."""
    return exchange.reply(Answer.failure(429, "TooManyRequests", "try again later", **{"Retry-After": "1"}))


async def internal(exchange: Exchange) -> web.StreamResponse:
    """500, and nothing was done."""
    return exchange.reply(Answer.failure(500, "InternalError", "etcdserver: request timed out"))


async def done_but_500(exchange: Exchange) -> web.StreamResponse:
    """500, although it was done."""
    await exchange.pass_on()
    return await internal(exchange)


async def unavailable(exchange: Exchange) -> web.StreamResponse:
    """503 from something in between, which does not speak JSON."""
    return exchange.reply(Answer(503, b"<html>service unavailable</html>", {"Content-Type": "text/html"}))


async def cut_before(exchange: Exchange) -> web.StreamResponse:
    """The connection breaks, nothing was done."""
    return exchange.cut()


async def cut_after(exchange: Exchange) -> web.StreamResponse:
    """The connection breaks, although it was done."""
    await exchange.pass_on()
    return exchange.cut()


async def hang_before(exchange: Exchange) -> web.StreamResponse:
    """No answer until the caller has given up, nothing was done."""
    return await exchange.left()


async def hang_after(exchange: Exchange) -> web.StreamResponse:
    """No answer until the caller has given up, although it was done."""
    await exchange.pass_on()
    return await exchange.left()


async def gone_at_once(exchange: Exchange) -> web.StreamResponse:
    """410 in place of the watch."""
    return exchange.reply(Answer.failure(410, "Expired", "too old resource version"))


async def gone_in_stream(exchange: Exchange) -> web.StreamResponse:
    """A watch that begins well and says 410 instead of its first event."""
    failure = json.loads(Answer.failure(410, "Expired", "too old resource version").body)
    line = json.dumps({"type": "ERROR", "object": failure}).encode() + b"\n"
    return exchange.reply(Answer(200, line, {"Content-Type": "application/json"}))


async def stream_ends(exchange: Exchange) -> web.StreamResponse:
    """A watch that ends at once, as one does when the API server restarts."""
    return exchange.reply(Answer(200, b"", {"Content-Type": "application/json"}))


async def stream_cut(exchange: Exchange) -> web.StreamResponse:
    """A watch that breaks in the middle of its first event."""

    async def cut(_: bytes) -> None:
        return None

    return await exchange.relay(cut)


def late(seconds: float) -> Deed:
    """A watch whose events come so much later than they happen."""

    async def relay(exchange: Exchange) -> web.StreamResponse:
        async def wait(line: bytes) -> bytes:
            await asyncio.sleep(seconds)  # the fault itself
            return line

        return await exchange.relay(wait)

    return relay


CALL_FAULTS: Mapping[str, Deed] = {
    "409": conflict,
    "429": too_many,
    "500": internal,
    "500 though done": done_but_500,
    "503": unavailable,
    "cut before": cut_before,
    "cut after": cut_after,
    "hang before": hang_before,
    "hang after": hang_after,
}
"""Faults of a call with one answer."""

WATCH_FAULTS: Mapping[str, Deed] = {
    "503": unavailable,
    "410 at once": gone_at_once,
    "410 in stream": gone_in_stream,
    "ends": stream_ends,
    "cut": stream_cut,
    "late": late(1.5),
}


def faults_at(point: Point) -> Mapping[str, Deed]:
    """What can go wrong at that point."""
    verb = point.kind.split()[0]
    if verb == "watch":
        return WATCH_FAULTS
    if verb in ("get", "list"):
        # What was done makes a difference for writes only.
        return {name: deed for name, deed in CALL_FAULTS.items() if "after" not in name and "done" not in name}
    return CALL_FAULTS


class Storm:
    """Any call fails in any way now and then, and the operator is killed now and then.

    `calm_after` calls there is no more of it, so that every story has an end.
    """

    def __init__(self, chance: random.Random, share: float, calm_after: int) -> None:
        self._chance = chance
        self._share = share
        self._left = calm_after

    def __call__(self, exchange: Exchange) -> Awaitable[web.StreamResponse] | None:
        self._left -= 1
        if self._left < 0 or self._chance.random() >= self._share:
            return None
        deeds = {**faults_at(exchange.call.point), "killed before": killed_before}
        if exchange.call.write:
            deeds["killed after"] = killed_after
        return self._chance.choice([deed for name, deed in deeds.items() if "hang" not in name])(exchange)


class StalePast:
    """The operator dies, and what comes after it is shown the world as it was before.

    Lists that may come from the API server's cache (resourceVersion=0) are those of the moment before the call at
    `point`; watches go on from there, but only after `delay` seconds, so that decisions are made from the past.

    Args:
        point: the operator is killed after this call.
        delay: of events, in seconds.
        own: only our own kinds are shown as they were, all else as it is; and the operator lives on until it has
            carried out its next write to the route, so that this is ahead of the status.
    """

    def __init__(self, point: Point, delay: float, *, own: bool = False) -> None:
        self._point = point
        self._delay = delay
        self._own = own
        self._lists: dict[str, Answer] = {}
        self.struck = False

    def __call__(self, exchange: Exchange) -> Awaitable[web.StreamResponse] | None:
        call = exchange.call
        if not self._lists:
            return self._freeze(exchange) if call.point == self._point else None
        if not self.struck:
            return self._kill(exchange) if call.point.kind == "patch httproutes/fraud" else None
        parts = urlsplit(call.path)
        if parts.path in self._lists:
            if call.point.kind.startswith("list ") and parse_qs(parts.query).get("resourceVersion") == ["0"]:
                return self._old(exchange, self._lists[parts.path])
            if call.point.kind.startswith("watch "):
                return late(self._delay)(exchange)
        return None

    async def _freeze(self, exchange: Exchange) -> web.StreamResponse:
        for call in exchange.door.journal.calls:
            if call.point.kind.startswith("list ") and (not self._own or call.resource in _OWN):
                path = urlsplit(call.path).path
                self._lists[path] = self._lists.get(path) or await exchange.door.upstream.get(path)
        return await exchange.relay() if self._own else await self._kill(exchange)

    async def _kill(self, exchange: Exchange) -> web.StreamResponse:
        self.struck = True
        return await killed_after(exchange)

    async def _old(self, exchange: Exchange, answer: Answer) -> web.StreamResponse:
        return exchange.reply(answer)


_OWN = ("modelrollouts", "modelrolloutcommands")
