"""Asks the model by the V2 protocol over HTTP."""

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import aiohttp

from .answers import UNKNOWN, Answer, Kind, judge
from .sender import Ask, Load, Scan

PATH = "/v2/models/digits/infer"
LOOK = 300
"""How much is kept of a failed answer, in bytes."""


@asynccontextmanager
async def users(gateway: str, load: Load, headers: Mapping[str, str]) -> AsyncIterator[Ask]:
    """Users of a gateway (a URL without a path), with connections of their own, who all send these headers."""
    connector = aiohttp.TCPConnector(limit=load.waiting, force_close=not load.keep)
    # Compressing 200 bytes would cost both sides more than sending them.
    sent = {"Content-Type": "application/json", "Accept-Encoding": "identity", **headers}
    patience = aiohttp.ClientTimeout(total=load.patience)
    async with aiohttp.ClientSession(gateway, connector=connector, headers=sent, timeout=patience) as session:

        async def ask(scan: Scan) -> Answer:
            return await _ask(session, scan)

        yield ask


async def _ask(session: aiohttp.ClientSession, scan: Scan) -> Answer:
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
    return Answer(sent, time.monotonic() - began, version, code, kind, why)
