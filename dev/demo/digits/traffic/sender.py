"""Sends the requests: an open loop, so that a slow server meets the same users as a fast one."""

import asyncio
import json
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from .answers import UNKNOWN, Answer, Kind, judge
from .counters import Counters

PATH = "/v2/models/digits/infer"
LOOK = 300
"""How much is kept of a failed answer, in bytes."""


@dataclass(frozen=True, slots=True)
class Scan:
    """A request that is ready to be sent, and the digit it should be answered with."""

    body: bytes
    truth: int


@dataclass(frozen=True, slots=True)
class Load:
    """How much is sent.

    Args:
        rate: requests a second, on average.
        seconds: when to stop.
        requests: how many at most, whatever the time.
        waiting: how many may be without an answer at once; further ones are skipped, not queued.
        patience: seconds after which a user gives up.
        keep: connections are kept and used again; otherwise each request has its own.
    """

    rate: float
    seconds: float
    requests: int
    waiting: int
    patience: float
    keep: bool = True


def scans(path: Path) -> list[Scan]:
    """The held-out scans as bodies of the V2 protocol."""
    held_out = json.loads(path.read_text())
    return [Scan(_body(pixels), label) for pixels, label in zip(held_out["scans"], held_out["labels"], strict=True)]


def _body(pixels: Sequence[int]) -> bytes:
    scan = {"name": "pixels", "shape": [1, len(pixels)], "datatype": "UINT8", "data": pixels}
    return json.dumps({"inputs": [scan]}, separators=(",", ":")).encode()


def due_times(load: Load, chance: random.Random) -> Iterator[float]:
    """When to send, in seconds from the start: independent users, so the gaps are exponential."""
    at = 0.0
    for _ in range(load.requests):
        at += chance.expovariate(load.rate)
        if at > load.seconds:
            return
        yield at


async def send(gateway: str, pool: Sequence[Scan], load: Load, counters: Counters, chance: random.Random) -> None:
    """Send scans drawn at random to a gateway until the load's bounds are reached.

    Args:
        gateway: URL without a path.
        pool: what is drawn from.
        load: how much.
        counters: told of every answer.
        chance: of the gaps and of the draws.
    """
    connector = aiohttp.TCPConnector(limit=load.waiting, force_close=not load.keep)
    # Compressing 200 bytes would cost both sides more than sending them.
    headers = {"Content-Type": "application/json", "Accept-Encoding": "identity"}
    patience = aiohttp.ClientTimeout(total=load.patience)
    started = time.monotonic()
    async with (
        aiohttp.ClientSession(gateway, connector=connector, headers=headers, timeout=patience) as session,
        asyncio.TaskGroup() as under_way,
    ):
        waiting: set[asyncio.Task[None]] = set()
        for at in due_times(load, chance):
            await asyncio.sleep(max(0.0, started + at - time.monotonic()))
            if len(waiting) >= load.waiting:
                counters.skip()
                continue
            task = under_way.create_task(_ask(session, chance.choice(pool), counters))
            waiting.add(task)
            task.add_done_callback(waiting.discard)


async def _ask(session: aiohttp.ClientSession, scan: Scan, counters: Counters) -> None:
    sent, began = time.time(), time.monotonic()
    version, kind, why = UNKNOWN, Kind.FAILED, ""
    try:
        async with session.post(PATH, data=scan.body) as response:
            body = await response.read()
            code = str(response.status)
            version, kind = judge(response.status, body, scan.truth)
            if kind is Kind.FAILED:
                why = body[:LOOK].decode(errors="replace")
    except TimeoutError:
        code = "timeout"
    except aiohttp.ClientError as error:
        code, why = "broken", repr(error)[:LOOK]
    counters.count(Answer(sent, time.monotonic() - began, version, code, kind, why))
