"""Sends the requests: an open loop, so that a slow server meets the same users as a fast one."""

import asyncio
import json
import random
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from .answers import Answer
from .counters import Counters


@dataclass(frozen=True, slots=True)
class Scan:
    """A scan of a digit.

    Args:
        pixels: 0 to 16, row by row.
        truth: the digit that it shows.
        body: the request of the V2 protocol, ready to be sent.
    """

    pixels: Sequence[int]
    truth: int
    body: bytes


Ask = Callable[[Scan], Awaitable[Answer]]
"""Sends a scan to a model as a user does; every outcome is an answer, also that there is none."""


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
    """The held-out scans."""
    held_out = json.loads(path.read_text())
    return [
        Scan(pixels, label, _body(pixels)) for pixels, label in zip(held_out["scans"], held_out["labels"], strict=True)
    ]


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


async def send(ask: Ask, pool: Sequence[Scan], load: Load, counters: Counters, chance: random.Random) -> None:
    """Send scans drawn at random until the load's bounds are reached.

    Args:
        ask: sends one and waits for its answer, whatever that is.
        pool: what is drawn from.
        load: how much.
        counters: told of every answer.
        chance: of the gaps and of the draws.
    """

    async def count(scan: Scan) -> None:
        counters.count(await ask(scan))

    started = time.monotonic()
    async with asyncio.TaskGroup() as under_way:
        waiting: set[asyncio.Task[None]] = set()
        for at in due_times(load, chance):
            await asyncio.sleep(max(0.0, started + at - time.monotonic()))
            if len(waiting) >= load.waiting:
                counters.skip()
                continue
            task = under_way.create_task(count(chance.choice(pool)))
            waiting.add(task)
            task.add_done_callback(waiting.discard)
