"""Asks the model by the V2 protocol over HTTP."""

import random
import time
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import aiohttp

from .answers import UNKNOWN, Answer, Kind, judge
from .labels import Labels
from .sender import Ask, Load, Scan

COUNTRIES = {"DE": 0.5, "FR": 0.35, "BR": 0.15}
"""Where users come from, and which share of them; their requests say so."""
PATH = "/v2/models/digits/infer"
LOOK = 300
"""How much is kept of a failed answer, in bytes."""


@asynccontextmanager
async def users(
    gateway: str, load: Load, headers: Mapping[str, str], chance: random.Random, labels: Labels
) -> AsyncIterator[Ask]:
    """Users of a gateway with connections of their own.

    Args:
        gateway: URL without a path.
        load: how much they send.
        headers: sent by all of them.
        chance: draws where each comes from, unless the headers say it.
        labels: told of every request that is sent.
    """
    connector = aiohttp.TCPConnector(limit=load.waiting, force_close=not load.keep)
    # Compressing 200 bytes would cost both sides more than sending them.
    sent = {"Content-Type": "application/json", "Accept-Encoding": "identity", **headers}
    patience = aiohttp.ClientTimeout(total=load.patience)
    async with aiohttp.ClientSession(gateway, connector=connector, headers=sent, timeout=patience) as session:

        async def ask(scan: Scan) -> Answer:
            (country,) = chance.choices(list(COUNTRIES), list(COUNTRIES.values()))
            return await _ask(session, scan, headers.get("x-country", country), labels)

        yield ask


async def _ask(session: aiohttp.ClientSession, scan: Scan, country: str, labels: Labels) -> Answer:
    sent, began = time.time(), time.monotonic()
    request_id = str(uuid.uuid4())
    labels.note(request_id, scan.truth, sent)
    headers = {"X-Request-Id": request_id, "X-Country": country}
    version, kind, why = UNKNOWN, Kind.FAILED, ""
    try:
        async with session.post(PATH, data=scan.body, headers=headers) as response:
            body = await response.read()
            code = str(response.status)
            version, kind = judge(response.status, body, scan.truth)
            if kind is Kind.FAILED:
                why = body[:LOOK].decode(errors="replace")
    except TimeoutError:
        code = "timeout"
    except aiohttp.ClientError as error:
        code, why = "broken", repr(error)[:LOOK]
    return Answer(sent, time.monotonic() - began, version, code, kind, why, country)
