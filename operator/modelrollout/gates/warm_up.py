"""Warm-up: every ready pod gets its requests, one after the other, all pods at once."""

import asyncio

from modelrollout.api import WarmUp
from modelrollout.api.status import Verdict
from modelrollout.decisions.checks import Check, CheckResult
from modelrollout.gates.server import Answer, CannotAsk, ModelServer, model_server

SECONDS = 30.0
"""For one request: the first one of a large model takes long, which is what a warm-up is for."""


async def warm_up(check: Check, asked: WarmUp) -> CheckResult:
    """Pass when each pod answers the last of its requests below status 400: the first ones may well fail."""
    try:
        async with model_server(check, SECONDS) as server:
            every = await asyncio.gather(*(_warm(server, address, asked) for address in server.addresses))
    except CannotAsk as error:
        return CheckResult(check, Verdict.ERROR, "CannotBeAsked", str(error))
    for address, last in zip(check.addresses, every, strict=True):
        if last.status >= 400:
            said = f"pod {address} answers {asked.path} with HTTP {last.status} after {asked.requests} requests"
            return CheckResult(check, Verdict.FAIL, "NotWarm", f"{said}: {last.excerpt()}")
    pods = f"{len(every)} pod{'s' if len(every) > 1 else ''}"
    return CheckResult(check, Verdict.PASS, "Warm", f"{pods} answered {asked.requests} warm-up requests each")


async def _warm(server: ModelServer, address: str, asked: WarmUp) -> Answer:
    body = None if asked.body is None else asked.body.encode()
    headers = {} if body is None else {"Content-Type": "application/json"}
    given = {one.name.lower() for one in asked.headers}
    headers = {name: text for name, text in headers.items() if name.lower() not in given}
    headers |= {one.name: one.value for one in asked.headers}
    method = "GET" if body is None else "POST"
    for _ in range(asked.requests - 1):
        await server.ask(address, asked.path, method=method, headers=headers, body=body)
    return await server.ask(address, asked.path, method=method, headers=headers, body=body)
