"""Users who ask, in turn, the server alone and the server behind a tap, each at a steady rate and without waiting."""

import asyncio
import random
import time
from collections.abc import Iterator

import aiohttp

BODY = b'{"inputs":[{"name":"x","shape":[1,4],"datatype":"FP64","data":[1.5,2.5,3.5,4.5]}]}' + b" " * 400
WARM_UP = 400
"""Requests of each kind that are sent first and not counted: connections are made, code is warm."""


def due_times(rate: float, count: int, chance: random.Random) -> Iterator[float]:
    """When each of `count` requests is due, in seconds from the start: exponential gaps, `rate` a second."""
    at = 0.0
    for _ in range(count):
        at += chance.expovariate(rate)
        yield at


async def measure(ports: tuple[int, int], rate: float, count: int, seed: int) -> tuple[list[float], list[float]]:
    """Seconds of `count` answers from each of two ports, asked alternately, `rate` a second each."""
    chance = random.Random(seed)
    seconds: tuple[list[float], list[float]] = ([], [])
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session, asyncio.TaskGroup() as under_way:
        began = time.perf_counter()
        for number, at in enumerate(due_times(2 * rate, 2 * (count + WARM_UP), chance)):
            await asyncio.sleep(max(0.0, began + at - time.perf_counter()))
            into = seconds[number % 2] if number >= 2 * WARM_UP else []
            under_way.create_task(_ask(session, ports[number % 2], number, into))
    return seconds


async def _ask(session: aiohttp.ClientSession, port: int, number: int, into: list[float]) -> None:
    url, headers = f"http://127.0.0.1:{port}/v2/models/m/infer", {"X-Request-Id": f"request-{number}"}
    began = time.perf_counter()
    async with session.post(url, data=BODY, headers=headers) as answer:
        await answer.read()
        if answer.status != 200:
            raise RuntimeError(f"an answer had status {answer.status}")
    into.append(time.perf_counter() - began)
